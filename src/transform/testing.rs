//! Test support: bodies in random pieces, and the whole pipeline in one call.

use super::{BailOut, Coding, Edit, Limits, OutCoding, Page, Position, Selector, Target, Transform, TransformError};
use bytes::{Bytes, BytesMut};
use std::hash::{BuildHasher, Hasher};
use std::io::Write;

/// Splits bodies at random. The seed is printed when a test fails, and pinned by `NOREN_SEED`.
pub(super) struct Chunks {
    seed: u64,
    state: u64,
}

impl Chunks {
    pub(super) fn new() -> Self {
        #[expect(clippy::disallowed_methods, reason = "pins a failing test's seed")]
        let pinned = std::env::var("NOREN_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = pinned.unwrap_or_else(|| std::hash::RandomState::new().build_hasher().finish() | 1);
        Self { seed, state: seed }
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    /// A number below another.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.next() as usize % end
    }

    /// Cuts a body into pieces: sometimes bytes, sometimes large ones.
    pub(super) fn split<'a>(&mut self, mut body: &'a [u8]) -> Vec<&'a [u8]> {
        let largest = match self.next() % 4 {
            0 => 1,
            1 => 7,
            2 => 200,
            _ => body.len().max(1),
        };
        let mut pieces = Vec::new();
        while !body.is_empty() {
            let size = (self.next() as usize % largest + 1).min(body.len());
            let (piece, rest) = body.split_at(size);
            pieces.push(piece);
            body = rest;
        }
        pieces
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("split at random: NOREN_SEED={}", self.seed);
        }
    }
}

/// What came of a body.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) body: Vec<u8>,
    pub(super) applied: Vec<bool>,
    pub(super) bail_out: Option<BailOut>,
    /// Bytes that had come out after each piece.
    pub(super) flushed: Vec<usize>,
}

pub(super) fn page(coding: Coding, charset: Option<&str>) -> Page {
    Page {
        coding,
        charset: charset.map(|label| encoding_rs::Encoding::for_label(label.as_bytes()).expect("a known charset")),
        has_body: true,
    }
}

/// Runs pieces of a body through the pipeline.
pub(super) fn run(page: &Page, edits: &[Edit], out: OutCoding, pieces: &[&[u8]]) -> Result<Outcome, TransformError> {
    let mut transform = Transform::new(page, edits.to_vec(), Limits::default(), out)?;
    let (mut body, mut flushed) = (BytesMut::new(), Vec::new());
    for piece in pieces {
        if let Some(same) = transform.push_bytes(Bytes::copy_from_slice(piece), &mut body)? {
            body.extend_from_slice(&same);
        }
        flushed.push(body.len());
    }
    transform.finish(&mut body)?;
    Ok(Outcome { body: body.to_vec(), applied: transform.applied(), bail_out: transform.bailed_out(), flushed })
}

/// Rewrites a UTF-8 page, uncoded, in random pieces.
pub(super) fn rewrite(html: &str, edits: &[Edit]) -> (String, Vec<bool>) {
    let mut chunks = Chunks::new();
    let mut last = None;
    for _ in 0..8 {
        let outcome =
            run(&page(Coding::Identity, Some("utf-8")), edits, OutCoding::Identity, &chunks.split(html.as_bytes()))
                .expect("identity does not fail");
        let found = (String::from_utf8(outcome.body).expect("UTF-8 stays UTF-8"), outcome.applied);
        assert_eq!(last.get_or_insert_with(|| found.clone()), &found, "the pieces must not matter");
    }
    last.expect("eight rounds")
}

pub(super) fn edit(at: &str, position: Position, html: &str) -> Edit {
    let target = match at {
        "head!" => Target::Head,
        _ => match at.strip_prefix("all:") {
            Some(all) => Target::All(Selector::parse(all).expect("a selector")),
            None => Target::First(Selector::parse(at).expect("a selector")),
        },
    };
    Edit { target, position, html: Bytes::copy_from_slice(html.as_bytes()) }
}

/// Encodes with the codecs' own front ends, not with ours.
pub(super) fn encode(coding: Coding, plain: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Identity => plain.to_vec(),
        Coding::Gzip => {
            let mut writer = flate2::GzBuilder::new()
                .filename("page.html")
                .comment("a comment")
                .extra(vec![1, 2, 3])
                .write(Vec::new(), flate2::Compression::new(6));
            writer.write_all(plain).expect("memory");
            writer.finish().expect("memory")
        }
        Coding::Deflate => {
            let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(6));
            writer.write_all(plain).expect("memory");
            writer.finish().expect("memory")
        }
        Coding::Brotli => {
            let mut coded = Vec::new();
            let params = brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() };
            brotli::BrotliCompress(&mut &plain[..], &mut coded, &params).expect("memory");
            coded
        }
        Coding::Zstd => zstd::stream::encode_all(plain, 3).expect("memory"),
    }
}

/// Decodes with the codecs' own front ends, not with ours.
pub(super) fn decode(coding: Coding, coded: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut plain = Vec::new();
    match coding {
        Coding::Identity => plain.extend_from_slice(coded),
        Coding::Gzip => drop(flate2::read::MultiGzDecoder::new(coded).read_to_end(&mut plain).expect("gzip")),
        Coding::Deflate => drop(flate2::read::ZlibDecoder::new(coded).read_to_end(&mut plain).expect("zlib")),
        Coding::Brotli => drop(brotli::Decompressor::new(coded, 4096).read_to_end(&mut plain).expect("brotli")),
        Coding::Zstd => plain = zstd::stream::decode_all(coded).expect("zstd"),
    }
    plain
}
