//! Cases of field compression (RFC 7541).

use super::{Case, Due};
use crate::support::frames::{END_HEADERS, END_STREAM, Frames, block, get, kind};

/// `:method: GET`, `:scheme: http`, `:path: /` by the static table, and the authority as a literal.
const REQUEST: &[u8] = b"\x82\x86\x84\x01\x0cshop.example";

fn send(client: &mut Frames, stream: u32, bytes: &[u8]) {
    client.send(kind::HEADERS, END_HEADERS | END_STREAM, stream, bytes);
}

/// The request, and then these bytes.
fn then(client: &mut Frames, bytes: &[u8]) {
    send(client, 1, &[REQUEST, bytes].concat());
}

pub(super) const CASES: &[Case] = &[
    ("7541 6.1", "indexed fields", |c| then(c, &[]), Due::Served),
    ("7541 6.2.1", "literal that is remembered, new name", |c| then(c, b"\x40\x01x\x01y"), Due::Served),
    ("7541 6.2.1", "literal that is remembered, known name", |c| then(c, b"\x7a\x01y"), Due::Served),
    ("7541 6.2.2", "literal that is not remembered", |c| then(c, b"\x00\x01x\x01y"), Due::Served),
    ("7541 6.2.3", "literal that must never be remembered", |c| then(c, b"\x10\x01x\x01y"), Due::Served),
    ("7541 6.2.3", "the same with a known name", |c| then(c, b"\x1f\x2b\x01y"), Due::Served),
    (
        "7541 5.2",
        "Huffman code",
        |c| then(c, b"\x00\x01x\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff"),
        Due::Served,
    ),
    (
        "7541 2.3.2",
        "field of an earlier request",
        |c| {
            send(c, 3, &[REQUEST, b"\x40\x01x\x01y"].concat());
            c.verdict(3);
            send(c, 5, &[REQUEST, b"\xbe"].concat());
            assert_eq!(c.verdict(5), crate::support::frames::Verdict::Status(200));
        },
        Due::Ignored,
    ),
    ("7541 6.3", "table made smaller", |c| send(c, 1, &[b"\x20", REQUEST].concat()), Due::Served),
    (
        "7541 4.2",
        "table made smaller and larger again",
        |c| send(c, 1, &[b"\x20\x3f\xe1\x1f", REQUEST].concat()),
        Due::Served,
    ),
    ("7541 2.3.3", "index beyond both tables", |c| then(c, b"\xff\x80\x01"), Due::Ended),
    ("7541 2.3.3", "name beyond both tables", |c| then(c, b"\x7f\x80\x01\x01y"), Due::Ended),
    ("7541 6.1", "index of nothing", |c| then(c, b"\x80"), Due::Ended),
    ("7541 4.2", "size of the table at the end of a block", |c| then(c, b"\x20"), Due::Ended),
    ("7541 6.3", "table larger than allowed", |c| send(c, 1, &[b"\x3f\xff\xff\xff\x07", REQUEST].concat()), Due::Ended),
    (
        "7541 5.1",
        "number beyond counting",
        |c| then(c, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
        Due::Ended,
    ),
    ("7541 5.2", "string longer than its block", |c| then(c, b"\x00\x01x\x7f\x05y"), Due::Ended),
    ("7541 5.2", "Huffman padding of a whole byte", |c| then(c, b"\x00\x01x\x82\x1f\xff"), Due::Ended),
    ("7541 5.2", "Huffman padding of zeros", |c| then(c, b"\x00\x01x\x81\x18"), Due::Ended),
    ("7541 5.2", "Huffman's end of string", |c| then(c, b"\x00\x01x\x84\xff\xff\xff\xff"), Due::Ended),
    (
        "7541 2.2",
        "empty block after a sound request",
        |c| {
            send(c, 3, &block(&get("/")));
            c.verdict(3);
            c.send(kind::HEADERS, END_HEADERS | END_STREAM, 5, &[]);
            assert!(c.verdict(5).refuses());
        },
        Due::Ignored,
    ),
];
