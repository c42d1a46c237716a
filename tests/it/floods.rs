//! Floods of HTTP/2 frames: the gateway lives, its memory stays flat, and others are served meanwhile.

use crate::support::frames::{
    END_HEADERS, END_STREAM, Frames, PADDED, Verdict, WITH_PRIORITY, block, frame, get, kind,
};
use crate::support::{Gateway, Origin, Request, Rules};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";
/// What a flood may cost. Each sends many times this, or asks for it.
const MEMORY: u64 = 48 << 20;

/// How an attack must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// The connection is closed.
    End,
    /// It may go on: what it costs is bounded.
    Any,
}

/// Sends a piece again and again, until the other side has closed or takes no more.
fn flood(client: &mut Frames, times: usize, piece: &[u8]) {
    let burst = piece.repeat((64 * 1024 / piece.len()).clamp(1, times));
    for _ in 0..times.div_ceil(burst.len() / piece.len()) {
        if client.is_gone() {
            return;
        }
        client.raw(&burst);
    }
}

fn open_post(client: &mut Frames, stream: u32) {
    let mut fields = get("/upload");
    fields[0].1 = "POST";
    client.send(kind::HEADERS, END_HEADERS, stream, &block(&fields));
}

fn rapid_reset(client: &mut Frames) {
    let head = block(&get("/reset"));
    for stream in (1..40_000).step_by(2) {
        let pair = [
            frame(kind::HEADERS, END_HEADERS | END_STREAM, stream, &head),
            frame(kind::RST_STREAM, 0, stream, &8_u32.to_be_bytes()),
        ];
        client.raw(&pair.concat());
        if client.is_gone() {
            return;
        }
    }
}

fn continuation(client: &mut Frames) {
    client.send(kind::HEADERS, 0, 1, &block(&get("/")));
    let field = block(&[("x", "y".repeat(16_000).as_str())]);
    flood(client, 10_000, &frame(kind::CONTINUATION, 0, 1, &field));
}

fn empty_continuation(client: &mut Frames) {
    client.send(kind::HEADERS, 0, 1, &block(&get("/")));
    flood(client, 2_000_000, &frame(kind::CONTINUATION, 0, 1, &[]));
}

fn settings(client: &mut Frames) {
    flood(client, 300_000, &frame(kind::SETTINGS, 0, 0, &[0, 4, 0, 1, 0, 0]));
}

fn pings(client: &mut Frames) {
    flood(client, 300_000, &frame(kind::PING, 0, 0, b"pingping"));
}

fn priorities(client: &mut Frames) {
    for burst in 0..200_u32 {
        let frames: Vec<u8> =
            (0..500).flat_map(|n| frame(kind::PRIORITY, 0, (burst * 500 + n) * 2 + 1, &[0, 0, 0, 0, 9])).collect();
        client.raw(&frames);
    }
}

fn empty_data(client: &mut Frames) {
    open_post(client, 1);
    flood(client, 1_000_000, &frame(kind::DATA, 0, 1, &[]));
}

fn padding(client: &mut Frames) {
    open_post(client, 1);
    let padded = [&[255][..], &[0; 255]].concat();
    flood(client, 100_000, &frame(kind::DATA, PADDED, 1, &padded));
}

fn unknown_frames(client: &mut Frames) {
    flood(client, 5_000, &frame(0x42, 0, 0, &[0; 16_000]));
}

fn window_updates(client: &mut Frames) {
    flood(client, 300_000, &frame(kind::WINDOW_UPDATE, 0, 0, &1_u32.to_be_bytes()));
}

fn window_overflow(client: &mut Frames) {
    client.send(kind::WINDOW_UPDATE, 0, 0, &0x7fff_ffff_u32.to_be_bytes());
}

fn window_of_nothing(client: &mut Frames) {
    client.send(kind::WINDOW_UPDATE, 0, 0, &0_u32.to_be_bytes());
}

/// One field of 4,000 bytes that the table remembers, named ten thousand times by one byte each: 40 MB.
fn header_bomb(client: &mut Frames) {
    let value = "y".repeat(3_900);
    let mut fields = block(&get("/"));
    let literal = block(&[("x", value.as_str())]);
    // "With incremental indexing" (RFC 7541 §6.2.1).
    fields.push(0x40);
    fields.extend(&literal[1..]);
    fields.extend([0xbe; 10_000]);
    client.send(kind::HEADERS, END_HEADERS | END_STREAM, 1, &fields);
}

fn many_header_bombs(client: &mut Frames) {
    header_bomb(client);
    for stream in (3..2_000).step_by(2) {
        client.send(kind::HEADERS, END_HEADERS | END_STREAM, stream, &[block(&get("/")), vec![0xbe; 10_000]].concat());
    }
}

fn many_streams(client: &mut Frames) {
    for stream in (1..5_000).step_by(2) {
        open_post(client, stream);
    }
}

fn too_large_a_frame(client: &mut Frames) {
    client.raw(&[0xff, 0xff, 0xff, kind::DATA, 0, 0, 0, 0, 1]);
    flood(client, 1_000, &[0; 16_384]);
}

fn depends_on_itself(client: &mut Frames) {
    let payload = [&[0, 0, 0, 1, 9][..], &block(&get("/"))].concat();
    for _ in 0..1_000 {
        client.send(kind::HEADERS, END_HEADERS | END_STREAM | WITH_PRIORITY, 1, &payload);
    }
}

fn malformed_requests(client: &mut Frames) {
    let mut fields = get("/");
    fields[3].1 = "a@shop.example";
    for stream in (1..400).step_by(2) {
        client.send(kind::HEADERS, END_HEADERS | END_STREAM, stream, &block(&fields));
    }
}

/// An attack, by its name.
type Attack = (&'static str, fn(&mut Frames), Due);

const ATTACKS: &[Attack] = &[
    ("rapid reset", rapid_reset, Due::End),
    ("continuation", continuation, Due::End),
    ("empty continuation", empty_continuation, Due::End),
    ("settings", settings, Due::Any),
    ("pings", pings, Due::Any),
    ("priorities", priorities, Due::Any),
    ("empty data", empty_data, Due::End),
    ("padding", padding, Due::Any),
    ("unknown frames", unknown_frames, Due::Any),
    ("window updates", window_updates, Due::Any),
    ("window overflow", window_overflow, Due::End),
    ("window of nothing", window_of_nothing, Due::End),
    ("header bomb", header_bomb, Due::Any),
    ("many header bombs", many_header_bombs, Due::Any),
    ("many streams", many_streams, Due::Any),
    ("too large a frame", too_large_a_frame, Due::End),
    ("depends on itself", depends_on_itself, Due::Any),
    ("malformed requests", malformed_requests, Due::End),
];

#[test]
fn flood_costs_little_and_harms_nobody_else() {
    let origin = Origin::page("", HTML);
    let gateway = Gateway::serve(Rules::shop(origin.address()).path());
    assert_eq!(gateway.fetch(&Request::page("/")).status, 200);
    let rested = resident(gateway.id());
    for (name, attack, due) in ATTACKS {
        let mut client = Frames::open(gateway.address());
        client.impatient();
        attack(&mut client);
        // The attacker still hangs on.
        assert_eq!(gateway.fetch(&Request::page("/")).status, 200, "{name}");
        let grown = resident(gateway.id()).saturating_sub(rested);
        assert!(grown < MEMORY, "{name}: {grown} bytes more than before");
        if *due == Due::End {
            assert!(client.is_gone() || client.verdict(0).ends_connection(), "{name}: the connection goes on");
        }
    }
    assert!(origin.received().iter().all(|request| !request.headers.iter().any(|(_, value)| value.len() > 4_000)));
}

#[test]
fn streams_beyond_the_limit_are_refused_and_the_others_served() {
    let origin = Origin::new(|request, wire| {
        assert_eq!(request.body, b"end");
        wire.send(crate::support::origin::page("", HTML));
    });
    let gateway = Gateway::serve(Rules::shop(origin.address()).path());
    let mut client = Frames::open(gateway.address());
    let streams: Vec<u32> = (0..101).map(|n| 2 * n + 1).collect();
    for stream in &streams {
        open_post(&mut client, *stream);
    }
    assert_eq!(client.verdict(streams[100]), Verdict::Reset(7));
    for stream in &streams[..100] {
        client.send(kind::DATA, END_STREAM, *stream, b"end");
    }
    assert_eq!(client.verdict(streams[99]), Verdict::Status(200));
}

/// Memory that a process has, by the kernel's account.
fn resident(id: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
