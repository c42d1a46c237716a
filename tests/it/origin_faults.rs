//! Whatever the shop does wrong: the right status in a bounded time or the same break that the shop made, never a malformed
//! message, the next request right, memory flat. Each test is a table, written to `target/reports/`.

mod refused;
mod tls;

use crate::support::faults::{
    Expected, Fault, READ_TIMEOUT, Then, broken_shop, frame, hold, listen, memory, report, try_all,
};
use crate::support::process::free_address;
use crate::support::wire::Step;
use crate::support::{Connection, Gateway, Request, Rules, eventually, inserting};
use flate2::Compression;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";
const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n";

/// Sends bytes as they are; the other side may have gone.
fn send(stream: &mut TcpStream, bytes: impl AsRef<[u8]>) {
    let _ = stream.write_all(bytes.as_ref());
}

/// Answers with these bytes.
fn says(bytes: impl Into<Vec<u8>>, then: fn() -> Then) -> impl Fn(&mut TcpStream) -> Then + Send + Sync {
    let bytes = bytes.into();
    move |stream| {
        send(stream, &bytes);
        then()
    }
}

fn next() -> Then {
    Then::Next
}

fn close() -> Then {
    Then::Close
}

fn stay() -> Then {
    Then::Hold
}

/// Repeats these bytes until the other side has had enough.
fn endlessly(stream: &mut TcpStream, start: &str, bytes: &str) -> Then {
    send(stream, start);
    let block = bytes.repeat(8192 / bytes.len());
    while stream.write_all(block.as_bytes()).is_ok() {}
    Then::Close
}

/// A site for `shop.example`, and others by their hosts, each before an origin of its own.
fn gateway_for(shop: SocketAddr, others: &[(&str, String, &str)]) -> (Gateway, Rules) {
    let rules = Rules::new();
    let all = [("shop.example", format!("http://{shop}"), "")];
    for (host, origin, upstream) in all.iter().chain(others) {
        let name = host.split('.').next().unwrap();
        rules.write(
            &format!("sites/{name}/site.toml"),
            &format!(
                "hosts = ['{host}']\norigin = '{origin}'\nprefix = 'gw'\n[upstream]\nread_timeout = '{READ_TIMEOUT}'\n\
                 connect_timeout = '{READ_TIMEOUT}'\n{upstream}"
            ),
        );
        let scenario = inserting("!page.path.startsWith('/plain/')", "<div>hello</div>");
        rules.write(&format!("sites/{name}/scenarios/hello.toml"), &scenario);
    }
    (Gateway::serve(rules.path()), rules)
}

fn try_on_one_shop(table: &str, mut faults: Vec<Fault>) {
    let shop = broken_shop(&mut faults);
    let (gateway, _rules) = gateway_for(shop, &[]);
    try_all(table, &gateway, &faults);
}

#[test]
fn broken_heads_become_bad_gateways_in_time() {
    use Expected::{Empty, Error, Page};
    let whole = |before: &str| format!("{before}{HEAD}Content-Length: {}\r\n\r\n{HTML}", HTML.len());
    let mut faults = vec![
        Fault::new("silence instead of a head", Error(504), says("", stay)).slow(),
        Fault::new("half a head, then silence", Error(504), says("HTTP/1.1 200 OK\r\nContent-Ty", stay)).slow(),
        Fault::new("half a head, then closed", Error(502), says("HTTP/1.1 200 OK\r\nContent-Ty", close)),
        Fault::new("closed before the head", Error(502), says("", close)),
        Fault::new("reset before the head", Error(502), says("", close)).unread(),
        Fault::new("no HTTP at all", Error(502), says("220 mail.example ESMTP ready\r\n\r\n", close)),
        Fault::new("binary noise", Error(502), says([0_u8, 159, 146, 150, 13, 10, 13, 10], close)),
        Fault::new("a status that is no number", Error(502), says("HTTP/1.1 abc OK\r\n\r\n", close)),
        Fault::new("a header without a colon", Error(502), says(format!("{HEAD}no colon here\r\n\r\n{HTML}"), close)),
        Fault::new(
            "two different lengths",
            Error(502),
            says(format!("{HEAD}Content-Length: 5\r\nContent-Length: 66\r\n\r\n{HTML}"), close),
        ),
        Fault::new(
            "a length that is no number",
            Error(502),
            says(format!("{HEAD}Content-Length: 6x\r\n\r\n{HTML}"), close),
        ),
        Fault::new("a negative length", Error(502), says(format!("{HEAD}Content-Length: -5\r\n\r\n{HTML}"), close)),
        Fault::new("a head that never ends", Error(502), |stream| endlessly(stream, HEAD, "X-More: and more\r\n")),
        Fault::new("a header line that never ends", Error(502), |stream| {
            endlessly(stream, &format!("{HEAD}X-More: "), "more")
        }),
        Fault::new(
            "101 that nobody asked for",
            Error(502),
            says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", stay),
        ),
        Fault::new("100 before 200", Page(HTML.into()), says(whole("HTTP/1.1 100 Continue\r\n\r\n"), next)),
        Fault::new(
            "103 before 200",
            Page(HTML.into()),
            says(whole("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"), next),
        ),
        Fault::new(
            "several 1xx before 200",
            Page(HTML.into()),
            says(whole(&"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n".repeat(5)), next),
        ),
        Fault::new(
            "204 with a body",
            Empty(204),
            says(format!("HTTP/1.1 204 No Content\r\nContent-Length: {}\r\n\r\n{HTML}", HTML.len()), close),
        ),
        Fault::new(
            "304 with a body",
            Empty(304),
            says(format!("HTTP/1.1 304 Not Modified\r\nContent-Length: {}\r\n\r\n{HTML}", HTML.len()), close),
        ),
        Fault::new(
            "103, then closed",
            Error(502),
            says("HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n", close),
        ),
        Fault::new("103 without end", Error(502), |stream| {
            endlessly(stream, "", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n")
        }),
        Fault::of_site("connection refused", "refused.example", Error(502)),
    ];
    let shop = broken_shop(&mut faults);
    let (gateway, _rules) = gateway_for(shop, &[("refused.example", format!("http://{}", free_address()), "")]);
    try_all("origin-faults-heads", &gateway, &faults);
}

#[test]
fn broken_bodies_break_for_the_client_too() {
    use Expected::{Broken, Error, Page};
    let half = &HTML[..HTML.len() / 2];
    let chunked = format!("{HEAD}Transfer-Encoding: chunked\r\n\r\n");
    let chunk = |data: &str| format!("{:x}\r\n{data}\r\n", data.len());
    let slow_chunks = chunked.clone();
    let long =
        format!("{HEAD}Content-Length: {}\r\n\r\n{HTML}HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", HTML.len());
    let both = format!("{HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n", chunk(HTML));
    try_on_one_shop(
        "origin-faults-bodies",
        vec![
            Fault::new("slow body", Page(HTML.into()), move |stream| {
                send(stream, &slow_chunks);
                for piece in HTML.as_bytes().chunks(8) {
                    std::thread::sleep(Duration::from_millis(20));
                    send(stream, [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
                }
                send(stream, "0\r\n\r\n");
                Then::Next
            })
            .slow(),
            Fault::new(
                "stalled body, by length",
                Broken,
                says(format!("{HEAD}Content-Length: 1000\r\n\r\n{half}"), stay),
            )
            .slow(),
            Fault::new("stalled body, by chunk", Broken, says(format!("{chunked}{}", chunk(half)), stay)).slow(),
            Fault::new(
                "shorter than its length",
                Broken,
                says(format!("{HEAD}Content-Length: 1000\r\n\r\n{half}"), close),
            ),
            Fault::new("longer than its length", Page(HTML.into()), says(long, next)),
            Fault::new("cut off between chunks", Broken, says(format!("{chunked}{}", chunk(half)), close)),
            Fault::new("cut off in a chunk", Broken, says(format!("{chunked}400\r\n{half}"), close)),
            Fault::new("cut off in the last chunk", Broken, says(format!("{chunked}{}0\r\n", chunk(HTML)), close)),
            Fault::new(
                "a chunk size that is no number",
                Broken,
                says(format!("{chunked}{}xyz\r\n{half}\r\n0\r\n\r\n", chunk(half)), close),
            ),
            Fault::new(
                "a chunk size beyond all bounds",
                Broken,
                says(format!("{chunked}{}ffffffffffffffffff\r\n{half}", chunk(half)), close),
            ),
            Fault::new(
                "a chunk longer than its size",
                Broken,
                says(format!("{chunked}5\r\n{HTML}\r\n0\r\n\r\n"), close),
            ),
            Fault::new("a chunk size line that never ends", Broken, {
                let start = format!("{chunked}{}", chunk(half));
                move |stream| endlessly(stream, &start, "0")
            }),
            Fault::new("length and chunks at once", Page(HTML.into()), says(both, close)),
            Fault::new(
                "reset within the body",
                Broken,
                says(format!("{HEAD}Content-Length: 1000\r\n\r\n{half}"), close),
            )
            .unread(),
            Fault::new("reset after the head", Broken, says(format!("{HEAD}Content-Length: 1000\r\n\r\n"), close))
                .unread(),
            Fault::new(
                "closed instead of an end, HTTP/1.0",
                Page(HTML.into()),
                says(format!("HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n{HTML}"), close),
            ),
            Fault::new(
                "a coding of transfer that nobody knows",
                Error(502),
                says(format!("{HEAD}Transfer-Encoding: gzip\r\n\r\n{HTML}"), close),
            ),
        ],
    );
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn encode(coding: &str, bytes: &[u8]) -> Vec<u8> {
    match coding {
        "gzip" => gzip(bytes),
        "deflate" => {
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::best());
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        }
        "br" => {
            let mut out = Vec::new();
            brotli::CompressorWriter::new(&mut out, 65536, 5, 22).write_all(bytes).unwrap();
            out
        }
        _ => zstd::encode_all(bytes, 3).unwrap(),
    }
}

#[test]
fn broken_codings_are_passed_as_they_are_or_seen_to_break_off() {
    use Expected::{Page, Same, SameOrBroken};
    let coded = |coding: &str, body: &[u8]| {
        [format!("{HEAD}Content-Encoding: {coding}\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body]
            .concat()
    };
    let rows: String = (0..15_000_u32).map(|n| n.wrapping_mul(2_654_435_761).to_string() + "\n").collect();
    let mut faults = Vec::new();
    for coding in ["gzip", "deflate", "br", "zstd"] {
        // A page that begins as one, and then unpacks to 50 MB.
        let mut plain = HTML.replace("</body></html>", &rows).into_bytes();
        let honest = plain.len();
        plain.resize(honest + 50_000_000, b' ');
        let bomb = encode(coding, &plain);
        faults.push(
            Fault::new(format!("{coding} bomb"), SameOrBroken(bomb.clone()), says(coded(coding, &bomb), next))
                .coded(coding)
                .heavy(),
        );
        let whole = encode(coding, [HTML, &rows].concat().as_bytes());
        let cut = &whole[..whole.len() - 12];
        faults.push(
            Fault::new(format!("{coding}, cut off inside"), SameOrBroken(cut.to_vec()), says(coded(coding, cut), next))
                .coded(coding),
        );
        let mut corrupt = whole.clone();
        let middle = corrupt.len() * 3 / 4;
        corrupt[middle..middle + 64].fill(0xA5);
        faults.push(
            Fault::new(
                format!("{coding}, corrupt inside"),
                SameOrBroken(corrupt.clone()),
                says(coded(coding, &corrupt), next),
            )
            .coded(coding),
        );
        faults.push(
            Fault::new(
                format!("says {coding}, is plain"),
                Same(HTML.into()),
                says(coded(coding, HTML.as_bytes()), next),
            )
            .coded(coding),
        );
    }
    let small = gzip(HTML.as_bytes());
    // A brotli page that is changed goes out in another coding, so that its own bytes would be no answer.
    let mislabelled = says(coded("br", &small), next);
    faults.push(Fault::new("says br, is gzip", SameOrBroken(small.clone()), mislabelled).coded("br, gzip"));
    faults.push(
        Fault::new(
            "a 48 KB gzip of 50 MB of nothing",
            Same(gzip(&vec![b' '; 50_000_000])),
            says(coded("gzip", &gzip(&vec![b' '; 50_000_000])), next),
        )
        .coded("gzip")
        .heavy(),
    );
    let sjis = b"<!DOCTYPE html><html><head></head><body>\x82\xb1\x82\xf1\x83\x5c</body></html>".to_vec();
    let charset = |label: &str| {
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset={label}\r\nContent-Length: {}\r\n\r\n",
            sjis.len()
        );
        [head.as_bytes(), &sjis].concat()
    };
    faults.push(Fault::new("says UTF-8, is Shift_JIS", Page(sjis.clone()), says(charset("utf-8"), next)));
    faults.push(Fault::new("says UTF-16, is Shift_JIS", Same(sjis.clone()), says(charset("utf-16"), next)));
    faults.push(Fault::new("a charset that does not exist", Same(sjis.clone()), says(charset("x-nonsense"), next)));
    try_on_one_shop("origin-faults-codings", faults);
}

/// `:status: 200`, `content-type: text/html`, and a length if one is given.
fn response_head(stream: u32, length: Option<&str>) -> Vec<u8> {
    let mut block = vec![0x88, 0x5f, 9];
    block.extend(b"text/html");
    if let Some(length) = length {
        block.extend([0x5c, length.len() as u8]);
        block.extend(length.as_bytes());
    }
    frame(1, 4, stream, &block)
}

/// A shop that speaks HTTP/2 in the clear, and answers each request with what `answer` makes of its stream.
fn h2_shop(answer: impl Fn(u32) -> (Vec<u8>, Then) + Send + Sync + 'static) -> SocketAddr {
    listen(move |stream| {
        if stream.read_exact(&mut [0; 24]).is_err() {
            return;
        }
        send(stream, frame(4, 0, 0, &[]));
        let mut head = [0; 9];
        while stream.read_exact(&mut head).is_ok() {
            let length = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
            if stream.read_exact(&mut vec![0; length]).is_err() {
                return;
            }
            let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
            match (head[3], head[4] & 1) {
                (4, 0) => send(stream, frame(4, 1, 0, &[])),
                (1, _) => {
                    let (bytes, then) = answer(id);
                    send(stream, bytes);
                    match then {
                        Then::Next => {}
                        Then::Close => return,
                        Then::Hold => return hold(stream),
                    }
                }
                _ => {}
            }
        }
    })
}

#[test]
fn broken_http_2_of_the_shop_breaks_no_more_than_its_own_page() {
    use Expected::{Broken, Error, Page};
    let half = &HTML.as_bytes()[..30];
    let whole = |id| [response_head(id, None), frame(0, 1, id, HTML.as_bytes())].concat();
    let goaway = |last: u32| frame(7, 0, 0, &[last.to_be_bytes(), [0; 4]].concat());
    let reset = |id, code: u32| frame(3, 0, id, &code.to_be_bytes());
    let sites = [
        ("well.example", h2_shop(move |id| (whole(id), Then::Next))),
        ("refuses.example", h2_shop(move |id| (reset(id, 7), Then::Next))),
        ("resets.example", h2_shop(move |id| (reset(id, 2), Then::Next))),
        (
            "breaks.example",
            h2_shop(move |id| ([response_head(id, None), frame(0, 0, id, half), reset(id, 2)].concat(), Then::Next)),
        ),
        ("leaves.example", h2_shop(move |id| (goaway(id - 1), Then::Close))),
        ("polite.example", h2_shop(move |id| ([goaway(id), whole(id)].concat(), Then::Close))),
        ("cuts.example", h2_shop(move |id| ([response_head(id, None), frame(0, 0, id, half)].concat(), Then::Close))),
        ("stalls.example", h2_shop(move |id| ([response_head(id, None), frame(0, 0, id, half)].concat(), Then::Next))),
        ("silent.example", h2_shop(move |_| (Vec::new(), Then::Next))),
        (
            "short.example",
            h2_shop(move |id| ([response_head(id, Some("100")), frame(0, 1, id, half)].concat(), Then::Next)),
        ),
        ("noise.example", h2_shop(move |id| (frame(1, 4, id, &[0xff; 40]), Then::Next))),
        ("other.example", listen(|stream| send(stream, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"))),
    ];
    let others: Vec<_> =
        sites.iter().map(|(host, address)| (*host, format!("http://{address}"), "http2 = true\n")).collect();
    let (gateway, _rules) = gateway_for(broken_shop(&mut []), &others);
    let faults = [
        Fault::of_site("none: a page over HTTP/2", "well.example", Page(HTML.into())),
        Fault::of_site("RST_STREAM: refused", "refuses.example", Error(502)),
        Fault::of_site("RST_STREAM before the head", "resets.example", Error(502)),
        Fault::of_site("RST_STREAM within the body", "breaks.example", Broken),
        Fault::of_site("GOAWAY instead of an answer", "leaves.example", Error(502)),
        Fault::of_site("GOAWAY, and the page after it", "polite.example", Page(HTML.into())),
        Fault::of_site("closed within the body", "cuts.example", Broken),
        Fault::of_site("stalled body", "stalls.example", Broken).slow(),
        Fault::of_site("silence instead of a head", "silent.example", Error(504)).slow(),
        Fault::of_site("shorter than its length", "short.example", Broken),
        Fault::of_site("a head that cannot be decoded", "noise.example", Error(502)),
        Fault::of_site("HTTP/1 where HTTP/2 is due", "other.example", Error(502)),
    ];
    try_all("origin-faults-http2", &gateway, &faults);
}

/// A shop whose page never ends; how much of it was taken, and whether its client has gone.
fn endless_shop(head: &'static str) -> (SocketAddr, Arc<AtomicUsize>, Arc<AtomicBool>) {
    let (taken, gone) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let counters = (taken.clone(), gone.clone());
    let shop = listen(move |stream| {
        let _ = stream.read(&mut [0; 16 * 1024]);
        send(stream, format!("{head}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{HTML}\r\n", HTML.len()));
        let line = "a line of a page, again\r\n".repeat(630);
        let chunk = format!("{:x}\r\n{line}\r\n", line.len());
        while stream.write_all(chunk.as_bytes()).is_ok() {
            counters.0.fetch_add(chunk.len(), Ordering::SeqCst);
        }
        counters.1.store(true, Ordering::SeqCst);
    });
    (shop, taken, gone)
}

#[test]
fn endless_body_is_taken_no_faster_than_its_client_reads_and_no_longer_than_it_stays() {
    let mut table = String::from(
        "| page | read by the client | taken from the shop | then not read: taken in all | memory before | peak | when the client leaves |\n|---|---|---|---|---|---|---|\n",
    );
    for (path, page) in [("/", "rewritten"), ("/plain/", "untouched")] {
        let (shop, taken, gone) = endless_shop(HEAD);
        let (gateway, _rules) = gateway_for(shop, &[]);
        let before = memory(&gateway);
        let mut connection = Connection::open(gateway.address());
        connection.send(&Request::page(path));
        connection.head();
        let mut read = 0;
        while read < 64 << 20 {
            match connection.body().step() {
                Step::Data(data) => read += data.len(),
                Step::End(ending) => panic!("{ending:?} after {read} bytes of what never ends"),
            }
        }
        let while_read = taken.load(Ordering::SeqCst);
        // From here on nothing is read, until nothing more is taken.
        let mut last = 0;
        eventually("the shop is held back", || {
            std::thread::sleep(Duration::from_millis(300));
            let now = taken.load(Ordering::SeqCst);
            (std::mem::replace(&mut last, now) == now).then_some(())
        });
        let after = memory(&gateway);
        drop(connection);
        eventually("the shop's connection is closed", || gone.load(Ordering::SeqCst).then_some(()));
        let mb = |bytes: usize| bytes >> 20;
        let _ = writeln!(
            table,
            "| {page} | {} MB | {} MB | {} MB | {:.1} MB | {:.1} MB | the shop's connection is closed |",
            mb(read),
            mb(while_read),
            mb(last),
            before.now as f64 / 1024.0,
            after.peak as f64 / 1024.0
        );
        assert!(last < read + (32 << 20), "{last} bytes taken, {read} read");
        assert!(after.peak < before.now + 24 * 1024, "{before:?} to {after:?}");
    }
    report("origin-faults-endless", &table);
}
