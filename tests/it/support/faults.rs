//! Faults, tried again and again: shops that break their answers on purpose, what clients see of it, what it costs, and
//! whether everybody's next request is right.

use super::h2::H2;
use super::{Connection, Ending, Gateway, Request};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

/// How long a shop may be silent in these tests before it counts as stalled.
pub(crate) const READ_TIMEOUT: &str = "800ms";
/// No fault may keep a client longer; only a failing test comes near it.
const BOUND: Duration = Duration::from_secs(10);
/// Growth of memory, in KiB, that is no leak: allocators keep some for a while (a window of brotli or zstd is 16 MB), and the first of
/// each kind is paid once. Less than a bomb unpacks to.
const SLACK: u64 = 40 * 1024;

/// What a script leaves its connection in.
pub(crate) enum Then {
    /// Another request may follow.
    Next,
    /// Closed.
    Close,
    /// Open and silent until the other side goes.
    Hold,
}

/// Answers one request.
pub(crate) type Script = Box<dyn Fn(&mut TcpStream) -> Then + Send + Sync>;

/// One thing that a shop can do wrong.
pub(crate) struct Fault {
    name: String,
    host: String,
    codings: &'static str,
    expected: Expected,
    script: Option<Script>,
    /// The request is left unread, so that closing the connection resets it.
    unread: bool,
    /// It takes its time: few rounds, side by side.
    slow: bool,
    rounds: usize,
}

/// What a client may see.
pub(crate) enum Expected {
    /// An error page, whole, with this status.
    Error(u16),
    /// A page that begins and is seen to break off, or a bad gateway where nothing was sent yet.
    Broken,
    /// Exactly these bytes, scenario or not.
    Same(Vec<u8>),
    /// This page, with the insertion where the scenario applies.
    Page(Vec<u8>),
    /// This status and no body.
    Empty(u16),
    /// Exactly these bytes; where the page is rewritten, it may be seen to break off instead.
    SameOrBroken(Vec<u8>),
}

/// What one client saw.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    status: u16,
    body: Vec<u8>,
    whole: bool,
    took: Duration,
}

impl Fault {
    /// Plain http, on a page of `shop.example`.
    pub(crate) fn new(
        name: impl Into<String>,
        expected: Expected,
        script: impl Fn(&mut TcpStream) -> Then + Send + Sync + 'static,
    ) -> Self {
        let script: Option<Script> = Some(Box::new(script));
        Self {
            name: name.into(),
            host: "shop.example".into(),
            codings: "identity",
            expected,
            script,
            unread: false,
            slow: false,
            rounds: 20,
        }
    }

    /// On any page of a site of its own.
    pub(crate) fn of_site(name: &str, host: &str, expected: Expected) -> Self {
        Self {
            name: name.into(),
            host: host.into(),
            codings: "identity",
            expected,
            script: None,
            unread: false,
            slow: false,
            rounds: 20,
        }
    }

    /// The client takes this coding.
    pub(crate) fn coded(mut self, codings: &'static str) -> Self {
        self.codings = codings;
        self
    }

    /// The request is left unread.
    pub(crate) fn unread(mut self) -> Self {
        self.unread = true;
        self
    }

    /// It takes work.
    pub(crate) fn heavy(mut self) -> Self {
        self.rounds = 4;
        self
    }

    /// It takes its time.
    pub(crate) fn slow(mut self) -> Self {
        self.slow = true;
        self
    }
}

/// A shop that answers `/ok…` with a page that names it, and any other path by the script of its number.
pub(crate) fn broken_shop(faults: &mut [Fault]) -> SocketAddr {
    let scripts: Vec<(Option<Script>, bool)> =
        faults.iter_mut().map(|fault| (fault.script.take(), fault.unread)).collect();
    listen(move |stream| {
        while let Some((path, length)) = peek(stream) {
            let number: Option<usize> = path.rsplit('/').next().and_then(|last| last.parse().ok());
            let script = number.filter(|_| !path.starts_with("/ok")).and_then(|number| scripts.get(number));
            if script.is_none_or(|(_, unread)| !unread) {
                stream.read_exact(&mut vec![0; length]).unwrap();
            }
            let then = match script {
                Some((Some(script), _)) => script(stream),
                _ => answer_ok(stream, &path),
            };
            match then {
                Then::Next => {}
                Then::Close => return,
                Then::Hold => return hold(stream),
            }
        }
    })
}

/// Listens, and lets `serve` have each connection on a thread of its own.
pub(crate) fn listen(serve: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let serve = std::sync::Arc::new(serve);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let serve = serve.clone();
            let _ = stream.set_nodelay(true);
            std::thread::spawn(move || serve(&mut stream));
        }
    });
    address
}

/// A frame of HTTP/2 (RFC 9113, section 4.1).
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Waits until the other side goes.
pub(crate) fn hold(stream: &mut TcpStream) {
    let mut bytes = [0; 1024];
    while matches!(stream.read(&mut bytes), Ok(1..)) {}
}

/// The path of the request that waits, and how long its head is; `None` once there is no other.
fn peek(stream: &TcpStream) -> Option<(String, usize)> {
    let mut bytes = [0; 16 * 1024];
    loop {
        let read = stream.peek(&mut bytes).ok().filter(|read| *read > 0)?;
        let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            return Some((text.split(' ').nth(1)?.to_owned(), end + 4));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// The page that `/ok…` is.
fn ok_page(path: &str) -> String {
    format!("<!DOCTYPE html><html><head></head><body><p>{path}</p></body></html>")
}

fn answer_ok(stream: &mut TcpStream, path: &str) -> Then {
    let page = ok_page(path);
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", page.len());
    let _ = stream.write_all([head, page].concat().as_bytes());
    Then::Next
}

/// What the scenario of these tests makes of a page.
pub(crate) fn rewritten(page: &[u8]) -> Vec<u8> {
    let at = page.windows(6).position(|window| window == b"<body>").expect("a body") + 6;
    [&page[..at], b"<div data-gw=\"hello/a\">hello</div>", &page[at..]].concat()
}

/// A client that keeps its connection for as long as it may.
enum Client {
    H1(SocketAddr, Option<Connection>),
    H2(H2),
}

impl Client {
    fn get(&mut self, host: &str, path: &str, codings: &str) -> Seen {
        let start = Instant::now();
        let seen = |status, body, whole| Seen { status, body, whole, took: start.elapsed() };
        match self {
            Self::H1(address, kept) => {
                let request = Request::page(path).host(host).header("Accept-Encoding", codings);
                // A connection that was kept may have been closed meanwhile, which a client is told by its end alone.
                for fresh in [kept.is_none(), true] {
                    let mut connection = kept.take().unwrap_or_else(|| Connection::open(*address));
                    let sent = connection.body().stream().write_all(&request.bytes()).is_ok();
                    let head = loop {
                        match connection.body().try_head("GET").filter(|_| sent) {
                            Some(head) if head.status < 200 && head.status != 101 => {}
                            head => break head,
                        }
                    };
                    let Some(head) = head else {
                        if fresh {
                            return seen(0, Vec::new(), false);
                        }
                        continue;
                    };
                    let (body, ending) = connection.body().rest();
                    let whole = ending == Ending::Complete;
                    let closing = head.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
                    if whole && !closing && head.framing != super::Framing::Close {
                        *kept = Some(connection);
                    }
                    return seen(head.status, body, whole);
                }
                unreachable!("the second connection is fresh")
            }
            Self::H2(connection) => match connection.try_page(&format!("http://{host}{path}"), codings) {
                Ok(response) => {
                    let whole = response.body.is_ok();
                    seen(response.status.as_u16(), response.body.unwrap_or_default().into(), whole)
                }
                Err(_) => seen(0, Vec::new(), false),
            },
        }
    }
}

/// Memory of a process, in KiB: now, and at most since it was last asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Memory {
    /// Resident now.
    pub(crate) now: u64,
    /// Resident at most.
    pub(crate) peak: u64,
}

/// The memory of a gateway; its peak begins anew.
pub(crate) fn memory(gateway: &Gateway) -> Memory {
    let status = std::fs::read_to_string(format!("/proc/{}/status", gateway.id())).unwrap();
    let read = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    let memory = Memory { now: read("VmRSS:"), peak: read("VmHWM:") };
    // Where the kernel does not let us, peaks add up, which only makes the test stricter.
    let _ = std::fs::write(format!("/proc/{}/clear_refs", gateway.id()), "5");
    memory
}

/// Tries all faults in HTTP/1 and HTTP/2, on pages that a scenario rewrites and on pages that it does not, and
/// writes a table of them.
pub(crate) fn try_all(table: &str, gateway: &Gateway, faults: &[Fault]) {
    let mut text = String::from(
        "| fault | client | page | what the client saw | longest | memory before | after | peak |\n|---|---|---|---|---|---|---|---|\n",
    );
    let mut wrong = Vec::new();
    for (number, fault) in faults.iter().enumerate() {
        for h2 in [false, true] {
            for rewriting in [true, false] {
                let path = if rewriting { format!("/x/{number}") } else { format!("/plain/{number}") };
                eprintln!("{}, {}, {path}", fault.name, if h2 { "HTTP/2" } else { "HTTP/1" });
                let client = || {
                    if h2 { Client::H2(H2::plain(gateway.address())) } else { Client::H1(gateway.address(), None) }
                };
                let round = |client: &mut Client, round: usize| {
                    let seen = client.get(&fault.host, &path, fault.codings);
                    let next = format!("/ok/{number}/{round}");
                    let after = client.get("shop.example", &next, "identity");
                    let right =
                        after.status == 200 && after.whole && after.body == rewritten(ok_page(&next).as_bytes());
                    (seen, right.then_some(()).ok_or(after))
                };
                let _ = round(&mut client(), 0);
                let before = memory(gateway);
                let rounds: Vec<_> = if fault.slow {
                    std::thread::scope(|scope| {
                        let at_once: Vec<_> = (0..12).map(|n| scope.spawn(move || round(&mut client(), n))).collect();
                        at_once.into_iter().map(|one| one.join().unwrap()).collect()
                    })
                } else {
                    let mut client = client();
                    (0..fault.rounds).map(|n| round(&mut client, n)).collect()
                };
                let after = memory(gateway);
                let longest = rounds.iter().map(|(seen, _)| seen.took).max().unwrap();
                let mut what: Vec<String> = rounds.iter().map(|(seen, _)| seen.in_words()).collect();
                what.sort_unstable();
                what.dedup();
                let _ = writeln!(
                    text,
                    "| {} | {} | {} | {} | {} ms | {:.1} MB | {:.1} MB | {:.1} MB |",
                    fault.name,
                    if h2 { "HTTP/2" } else { "HTTP/1" },
                    if rewriting { "rewritten" } else { "untouched" },
                    what.join("; "),
                    longest.as_millis(),
                    before.now as f64 / 1024.0,
                    after.now as f64 / 1024.0,
                    after.peak as f64 / 1024.0,
                );
                let place = format!("{} ({}, {path})", fault.name, if h2 { "HTTP/2" } else { "HTTP/1" });
                for (seen, next) in &rounds {
                    if !fault.expected.admits(seen, rewriting) {
                        wrong.push(format!("{place}: {}", seen.in_words()));
                    }
                    if let Err(after) = next {
                        wrong.push(format!("{place}: the next request got {}", after.in_words()));
                    }
                }
                if longest > BOUND {
                    wrong.push(format!("{place}: took {longest:?}"));
                }
                if after.now > before.now + SLACK || after.peak > before.now + SLACK + SLACK / 5 {
                    wrong.push(format!("{place}: memory went from {before:?} to {after:?}"));
                }
            }
        }
    }
    report(table, &text);
    wrong.dedup();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Writes a table where the docs can take it from.
pub(crate) fn report(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/reports");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(format!("{name}.md")), text).unwrap();
    eprintln!("{text}");
}

impl Seen {
    fn in_words(&self) -> String {
        match self {
            Self { status: 0, .. } => "broken off before the head".to_owned(),
            Self { status, whole: true, body, .. } if body.is_empty() => format!("{status}, no body"),
            Self { status, whole: true, .. } if *status >= 400 => format!("{status}"),
            Self { status, whole: true, body, .. } => format!("{status}, whole, {} bytes", body.len()),
            Self { status, whole: false, .. } => format!("{status}, seen to break off"),
        }
    }
}

impl Expected {
    fn admits(&self, seen: &Seen, rewriting: bool) -> bool {
        let same = |bytes: &[u8]| seen.status == 200 && seen.whole && seen.body == bytes;
        let broken = (!seen.whole && matches!(seen.status, 0 | 200)) || (seen.whole && seen.status == 502);
        match self {
            Self::Error(status) => seen.status == *status && seen.whole && seen.body.starts_with(b"<!doctype html>"),
            Self::Broken => broken,
            Self::Same(bytes) => same(bytes),
            Self::Page(page) => same(&if rewriting { rewritten(page) } else { page.clone() }),
            Self::Empty(status) => seen.status == *status && seen.whole && seen.body.is_empty(),
            Self::SameOrBroken(bytes) => same(bytes) || (rewriting && broken),
        }
    }
}
