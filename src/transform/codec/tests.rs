use super::limits::RATIO_GRACE;
use super::*;
use crate::transform::testing::{Chunks, decode, encode};

const CODED: [Coding; 4] = [Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];
const WRITTEN: [OutCoding; 4] = [OutCoding::Gzip, OutCoding::Deflate, OutCoding::Brotli, OutCoding::Zstd];

fn limits() -> Limits {
    Limits::default()
}

/// Decodes pieces; the second value is the largest slice that came out.
fn read(coding: Coding, pieces: &[&[u8]], limits: Limits) -> Result<(Vec<u8>, usize), CodecError> {
    let mut decoder = Decoder::new(coding, limits)?.expect("not identity");
    let (mut plain, mut largest) = (Vec::new(), 0);
    for piece in pieces {
        decoder.push(piece, &mut |slice| {
            largest = largest.max(slice.len());
            plain.extend_from_slice(slice);
            Ok(())
        })?;
    }
    decoder.finish()?;
    Ok((plain, largest))
}

/// A page that is neither trivially small nor trivially compressible.
fn sample(size: usize) -> Vec<u8> {
    let mut state = 7_u64;
    let mut text = Vec::new();
    while text.len() < size {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.extend_from_slice(format!("<li class=\"i{}\">{:x}</li>\n", state >> 60, state >> 40).as_bytes());
    }
    text
}

#[test]
fn every_coding_is_read_in_any_pieces_and_bounded_slices() {
    let plain = sample(200_000);
    for coding in CODED {
        let coded = encode(coding, &plain);
        for _ in 0..4 {
            let (decoded, largest) = read(coding, &Chunks::new().split(&coded), limits()).expect("a sound body");
            assert!(decoded == plain, "{coding:?}");
            assert!(largest <= SLICE, "{coding:?}");
        }
    }
    let mut raw = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    std::io::Write::write_all(&mut raw, &plain).unwrap();
    let raw = raw.finish().unwrap();
    assert!(read(Coding::Deflate, &Chunks::new().split(&raw), limits()).unwrap().0 == plain);
}

#[test]
fn gzip_members_make_one_body_wherever_they_are_split() {
    let (a, b) = (b"<p>the first member</p>".as_slice(), b"<p>the second</p>".as_slice());
    let coded = [encode(Coding::Gzip, a), encode(Coding::Gzip, b)].concat();
    for at in 0..=coded.len() {
        let (left, right) = coded.split_at(at);
        let (plain, _) = read(Coding::Gzip, &[left, right], limits()).expect("two members");
        assert_eq!(plain, [a, b].concat(), "split at {at}");
    }
    let padded = [encode(Coding::Gzip, a), vec![0; 20]].concat();
    assert_eq!(read(Coding::Gzip, &[&padded], limits()).unwrap().0, a, "padding is no member");
}

#[test]
fn body_that_is_cut_off_is_never_complete() {
    let plain = sample(5_000);
    for coding in CODED {
        let coded = encode(coding, &plain);
        for cut in 1..coded.len() {
            let found = read(coding, &[&coded[..cut]], limits());
            assert_eq!(found, Err(CodecError::Truncated(coding)), "{coding:?} cut to {cut} of {}", coded.len());
        }
        assert_eq!(read(coding, &[], limits()).unwrap().0, b"", "an empty body is empty");
    }
}

#[test]
fn empty_chunks_are_nothing() {
    let plain = sample(5_000);
    for coding in CODED {
        let coded = encode(coding, &plain);
        let (start, end) = coded.split_at(coded.len() / 2);
        let pieces: Vec<&[u8]> = [start].into_iter().chain([&[][..]; 40]).chain([end]).chain([&[][..]; 40]).collect();
        assert!(read(coding, &pieces, limits()).unwrap().0 == plain, "{coding:?}");
    }
}

#[test]
fn corrupt_body_is_an_error() {
    for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
        assert_eq!(
            read(coding, &[b"<!doctype html><p>not coded at all, in truth</p>"], limits()),
            Err(CodecError::Corrupt(coding))
        );
    }
    let mut coded = encode(Coding::Gzip, b"<p>checked</p>");
    let checksum = coded.len() - 6;
    coded[checksum] ^= 1;
    assert_eq!(read(Coding::Gzip, &[&coded], limits()), Err(CodecError::Corrupt(Coding::Gzip)));
}

#[test]
fn no_corruption_makes_a_decoder_panic_or_run_away() {
    let plain = sample(3_000);
    let mut state = 99_u64;
    for coding in CODED {
        let coded = encode(coding, &plain);
        for _ in 0..1_500 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut broken = coded.clone();
            let at = (state >> 33) as usize % broken.len();
            broken[at] ^= (state >> 20) as u8 | 1;
            // What it decodes to does not matter: it ends, and is no longer than is allowed.
            let _ = read(coding, &[&broken[..at], &broken[at..]], limits());
        }
    }
}

#[test]
fn bomb_is_refused_after_a_bounded_amount() {
    let plain = vec![b'a'; 50_000_000];
    for coding in CODED {
        let coded = encode(coding, &plain);
        let mut decoder = Decoder::new(coding, limits()).unwrap().unwrap();
        let mut amount = 0;
        let outcome = decoder.push(&coded, &mut |slice| {
            amount += slice.len();
            Ok(())
        });
        assert_eq!(outcome, Err(CodecError::Bomb(coding)), "{coding:?}: {} coded", coded.len());
        assert!(amount as u64 <= RATIO_GRACE.max(coded.len() as u64 * 200), "{coding:?}: {amount}");
    }
}

#[test]
fn every_chunk_can_be_read_as_soon_as_it_is_flushed() {
    let plain = sample(100_000);
    for out in WRITTEN {
        let mut encoder = Encoder::new(out).unwrap().unwrap();
        let mut decoder = Decoder::new(out.coding(), limits()).unwrap().unwrap();
        let mut back = Vec::new();
        let mut sent = 0;
        for piece in Chunks::new().split(&plain) {
            let mut coded = BytesMut::new();
            encoder.push(piece, &mut coded).unwrap();
            encoder.flush(&mut coded).unwrap();
            sent += piece.len();
            decoder
                .push(&coded, &mut |slice| {
                    back.extend_from_slice(slice);
                    Ok(())
                })
                .unwrap();
            assert_eq!(back.len(), sent, "{out:?}: all that was pushed has arrived");
        }
        let mut coded = BytesMut::new();
        encoder.finish(&mut coded).unwrap();
        decoder
            .push(&coded, &mut |slice| {
                back.extend_from_slice(slice);
                Ok(())
            })
            .unwrap();
        decoder.finish().unwrap();
        assert!(back == plain, "{out:?}");
    }
}

#[test]
fn gzip_streams_share_compressors_without_sharing_history() {
    let plain: Vec<Vec<u8>> = (0..12).map(|n| sample(30_000 + n * 1_000)).collect();
    let mut streams: Vec<_> =
        plain.iter().map(|_| (Encoder::new(OutCoding::Gzip).unwrap().unwrap(), BytesMut::new(), 0)).collect();
    // Streams take turns, and go from thread to thread: a compressor with an old history must not be taken up again.
    for round in 0..12 {
        let turn = |streams: &mut Vec<(Encoder, BytesMut, usize)>| {
            for (index, (encoder, out, at)) in streams.iter_mut().enumerate() {
                if (index + round) % 3 != 0 {
                    let end = (*at + 2_500).min(plain[index].len());
                    encoder.push(&plain[index][*at..end], out).unwrap();
                    encoder.flush(out).unwrap();
                    *at = end;
                }
            }
        };
        if round % 2 == 0 {
            turn(&mut streams);
        } else {
            std::thread::scope(|scope| scope.spawn(|| turn(&mut streams)).join().unwrap());
        }
    }
    for ((encoder, mut out, at), plain) in streams.into_iter().zip(&plain) {
        encoder.finish(&mut out).unwrap();
        assert!(decode(Coding::Gzip, &out) == plain[..at]);
    }
}

#[test]
fn one_stream_alone_keeps_its_history_between_chunks() {
    let plain = sample(2_000);
    let mut encoder = Encoder::new(OutCoding::Gzip).unwrap().unwrap();
    let mut sizes = Vec::new();
    for _ in 0..2 {
        let mut out = BytesMut::new();
        encoder.push(&plain, &mut out).unwrap();
        encoder.flush(&mut out).unwrap();
        sizes.push(out.len());
    }
    assert!(sizes[1] * 4 < sizes[0], "a repeated chunk costs next to nothing: {sizes:?}");
}
