//! How much memory rewriting one body may take, told by what is known before it is rewritten.
//!
//! The parser is bounded by its limit, encoders by their settings. Only the decoder's window is the shop's choice: it stands in the
//! body's first bytes, up to 16 MiB, and is taken as the page grows.

use super::Limits;
use super::codec::{Coding, OutCoding};

const KIB: usize = 1024;

/// A window is taken in steps, each at most so many times as large as what it must hold.
pub const GROWTH: usize = 2;

/// What declares more is refused by the decoders (brotli: by its format; zstd: by our setting).
const LARGEST_WINDOW: usize = 16 * KIB * KIB;

/// Bytes that rewriting takes at most, the window that the shop's encoder chose aside.
#[must_use]
pub fn footprint(from: Coding, to: OutCoding, limits: Limits) -> usize {
    // What the parser holds back is kept twice: by the parser, and by us, who must be able to go on without it.
    let parser = 2 * limits.parser_memory + 40 * KIB;
    if let (Coding::Gzip, OutCoding::Gzip) | (Coding::Deflate, OutCoding::Deflate) = (from, to) {
        // Spliced: a window, tables, and the log of what the parser has not let go of yet.
        return parser + 160 * KIB;
    }
    let decoder = match from {
        Coding::Identity => 0,
        Coding::Gzip | Coding::Deflate | Coding::Brotli => 64 * KIB,
        Coding::Zstd => 256 * KIB,
    };
    let encoder = match to {
        OutCoding::Identity => 0,
        // Pages share compressors: between two pieces they hold none.
        OutCoding::Gzip => 16 * KIB,
        OutCoding::Deflate => 320 * KIB,
        OutCoding::Brotli => 448 * KIB,
        OutCoding::Zstd => 512 * KIB,
    };
    parser + decoder + encoder
}

/// The window that a coded body declares in its first bytes, as far as they tell; what is fixed by the coding is part of
/// [`footprint`].
#[must_use]
pub fn declared_window(coding: Coding, first: &[u8]) -> usize {
    let window = match coding {
        Coding::Identity | Coding::Gzip | Coding::Deflate => None,
        Coding::Brotli => brotli_window(first),
        Coding::Zstd => zstd_window(first),
    };
    window.unwrap_or(0).min(LARGEST_WINDOW)
}

/// RFC 7932 §9.1: WBITS.
fn brotli_window(first: &[u8]) -> Option<usize> {
    let byte = u32::from(*first.first()?);
    let bits = match (byte & 1, byte >> 1 & 7, byte >> 4 & 7) {
        (0, ..) => 16,
        (_, 0, 0) => 17,
        (_, 0, more) => 8 + more,
        (_, more, _) => 17 + more,
    };
    Some(1 << bits)
}

/// RFC 8878 §3.1.1.1: the frame header.
fn zstd_window(first: &[u8]) -> Option<usize> {
    let header = first.strip_prefix(&[0x28, 0xB5, 0x2F, 0xFD])?;
    let (descriptor, rest) = header.split_first()?;
    let single_segment = descriptor & 0x20 != 0;
    if !single_segment {
        let window = usize::from(*rest.first()?);
        let base = 1_usize << (10 + (window >> 3));
        return Some(base + base / 8 * (window & 7));
    }
    // The whole content is the window, and its size stands after the dictionary's id.
    let skipped = match descriptor & 3 {
        3 => 4,
        bytes => usize::from(bytes),
    };
    let (width, more) = match descriptor >> 6 {
        0 => (1, 0),
        1 => (2, 256),
        2 => (4, 0),
        _ => (8, 0),
    };
    let bytes = rest.get(skipped..skipped + width)?;
    let size = bytes.iter().rev().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
    usize::try_from(size).ok()?.checked_add(more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transform::testing::{edit, encode, page};
    use crate::transform::{Position, Transform};
    use bytes::BytesMut;

    /// Pages that are held in the middle of their rewriting.
    const PAGES: usize = 64;

    fn resident() -> usize {
        let text = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * KIB
    }

    #[test]
    fn no_page_takes_more_memory_than_is_counted() {
        // Text that does not compress well, and then a tag that the parser holds back.
        let mut state = 1_u32;
        let mut html = String::from("<!doctype html><body>");
        for _ in 0..60_000 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            html.push(char::from(b'a' + (state >> 24) as u8 % 26));
        }
        html.push_str("<p title='");
        html.push_str(&"x".repeat(Limits::default().parser_memory / 2));
        // What the first one of all sets up is no page's.
        drop(Transform::new(
            &page(Coding::Identity, None),
            vec![edit("section", Position::Prepend, "[*]")],
            Limits::default(),
            OutCoding::Identity,
        ));
        // All are held to the end, so that none is given what another has left.
        let mut held = Vec::with_capacity(5 * PAGES);
        for (from, to) in [
            (Coding::Identity, OutCoding::Identity),
            (Coding::Gzip, OutCoding::Gzip),
            (Coding::Deflate, OutCoding::Deflate),
            (Coding::Brotli, OutCoding::Brotli),
            (Coding::Zstd, OutCoding::Zstd),
        ] {
            let coded = encode(from, html.as_bytes());
            let before = resident();
            for _ in 0..PAGES {
                let edits = vec![edit("section", Position::Prepend, "[*]")];
                let mut transform = Transform::new(&page(from, None), edits, Limits::default(), to).unwrap();
                for piece in coded.chunks(8 * KIB) {
                    transform.push(piece, &mut BytesMut::new()).unwrap();
                }
                assert_eq!(transform.bailed_out(), None);
                held.push(transform);
            }
            let taken = resident().saturating_sub(before) / PAGES;
            let counted =
                footprint(from, to, Limits::default()) + declared_window(from, &coded).min(GROWTH * html.len());
            eprintln!("{from:?}: {} KiB taken, {} KiB counted", taken / KIB, counted / KIB);
            assert!(taken <= counted, "{from:?}: {taken} taken, {counted} counted");
        }
    }

    #[test]
    fn windows_are_read_from_the_first_bytes() {
        // RFC 7932, section 9.1; `brotli -w 24` begins with 0b1111.
        for (byte, bits) in [(0b0, 16), (0b1111, 24), (0b0011, 18), (0b0010_0001, 10), (0b0111_0001, 15), (1, 17)] {
            assert_eq!(declared_window(Coding::Brotli, &[byte]), 1 << bits, "{byte:b}");
        }
        let zstd = |header: &[u8]| declared_window(Coding::Zstd, &[&[0x28, 0xB5, 0x2F, 0xFD], header].concat());
        assert_eq!(zstd(&[0, 0b0_0000]), 1 << 10);
        assert_eq!(zstd(&[0, 11 << 3 | 4]), (1 << 21) + (1 << 20));
        assert_eq!(zstd(&[0x20, 200]), 200);
        assert_eq!(zstd(&[0x60, 0, 1]), 256 + 256);
        assert_eq!(zstd(&[0xA0 | 3, 9, 9, 9, 9, 1, 0, 1, 0]), 65_537);
        // What cannot be is refused by the decoder: it must not be counted, and shut out all others.
        assert_eq!(zstd(&[0, 0xFF]), LARGEST_WINDOW);
        assert_eq!(zstd(&[0xE0, 255, 255, 255, 255, 255, 255, 255, 255]), LARGEST_WINDOW);
        assert_eq!(
            (zstd(&[]), declared_window(Coding::Brotli, &[]), declared_window(Coding::Gzip, &[31, 139])),
            (0, 0, 0)
        );
        for coding in [Coding::Brotli, Coding::Zstd] {
            let page = "<p>a line of a page</p>".repeat(100_000);
            assert!(declared_window(coding, &encode(coding, page.as_bytes())) >= 1 << 16);
        }
    }
}
