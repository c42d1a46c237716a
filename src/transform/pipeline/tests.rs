use super::*;
use crate::transform::Position::{Append, Prepend};
use crate::transform::testing::{Chunks, decode, edit, encode, page, run};

const ALL: [Coding; 5] = [Coding::Identity, Coding::Gzip, Coding::Deflate, Coding::Brotli, Coding::Zstd];
const OUT: [OutCoding; 5] =
    [OutCoding::Identity, OutCoding::Gzip, OutCoding::Deflate, OutCoding::Brotli, OutCoding::Zstd];

#[test]
fn transform_can_move_between_threads() {
    fn is_send<T: Send>() {}
    is_send::<Transform>();
}

#[test]
fn every_coding_in_and_out_delivers_the_same_page() {
    let html = format!("<!doctype html><head></head><body>{}</body>", "<p>a line of a page</p>\r\n".repeat(3_000));
    let expected = html.replace("<body>", "<body>[1]").replace("</body>", "[2]</body>");
    let edits = [edit("body", Prepend, "[1]"), edit("body", Append, "[2]")];
    let mut chunks = Chunks::new();
    for coding in ALL {
        let coded = encode(coding, html.as_bytes());
        for out in OUT {
            let outcome = run(&page(coding, Some("utf-8")), &edits, out, &chunks.split(&coded)).expect("a sound body");
            assert!(decode(out.coding(), &outcome.body) == expected.as_bytes(), "{coding:?} to {out:?}");
            assert_eq!(outcome.applied, [true, true]);
        }
    }
}

#[test]
fn bytes_that_no_edit_touches_are_the_shops() {
    // Odd bytes of every kind: NUL, CR, invalid UTF-8, unfinished tags, attributes without quotes, a lone `<`.
    let odd: &[u8] = b"<!DOCTYPE html>\r\n<html\n><head ><meta charset=\"utf-8\"/>\0\xFF\xFE\xC0\x80</head>\r<BODY  CLASS=x y='&amp;'z>\
        a < b \xE3\x81<p\x0Cid = \"t\"/ >&nbsp;&bogus<br/><a b=c\"d'e>\x00</a><x-\xF0\x9F y></ p></p\n><!-->--><![CDATA[x]]></BODY\t></html>\r\n\r\n<";
    let edits = [edit("head!", Prepend, "<!--h-->"), edit("p", Prepend, "[p]"), edit("body", Append, "[e]")];
    let mut chunks = Chunks::new();
    for label in [None, Some("utf-8"), Some("shift_jis"), Some("euc-jp"), Some("windows-1252"), Some("gbk")] {
        for _ in 0..8 {
            let outcome = run(&page(Coding::Identity, label), &edits, OutCoding::Identity, &chunks.split(odd)).unwrap();
            assert_eq!(outcome.applied, [true, true, true], "{label:?}");
            let mut rest = outcome.body;
            for marker in [&b"<!--h-->"[..], b"[p]", b"[e]"] {
                let at = memchr::memmem::find(&rest, marker).expect("inserted");
                rest.drain(at..at + marker.len());
            }
            assert_eq!(rest, odd, "{label:?}");
        }
    }
}

#[test]
fn each_chunk_leaves_before_the_next_one_comes() {
    let pieces = ["<!doctype html><head></head><body><p>first", "<p>second", "<p>third", "</body>"];
    for coding in [Coding::Identity, Coding::Gzip] {
        for out in OUT {
            // Each piece as a gzip member of its own is a body that can be read up to each piece's end.
            let coded: Vec<Vec<u8>> = pieces.iter().map(|piece| encode(coding, piece.as_bytes())).collect();
            let coded: Vec<&[u8]> = coded.iter().map(Vec::as_slice).collect();
            let outcome = run(&page(coding, Some("utf-8")), &[edit("body", Append, "[*]")], out, &coded).unwrap();
            assert!(
                outcome.flushed.windows(2).all(|two| two[0] < two[1]),
                "{coding:?} to {out:?}: {:?}",
                outcome.flushed
            );
            if out == OutCoding::Identity {
                assert_eq!(outcome.flushed[0], pieces[0].len());
            }
        }
    }
}

#[test]
fn cut_off_or_corrupt_body_is_not_ended() {
    let html = "<!doctype html><body>".to_owned() + &"<p>text</p>".repeat(500);
    let gzip = encode(Coding::Gzip, html.as_bytes());
    let page = page(Coding::Gzip, Some("utf-8"));
    for out in OUT {
        let cut = &gzip[..gzip.len() - 12];
        let mut transform = Transform::new(&page, vec![edit("body", Prepend, "[*]")], Limits::default(), out).unwrap();
        let mut body = BytesMut::new();
        transform.push(cut, &mut body).unwrap();
        let before = body.len();
        let error = TransformError::Codec(CodecError::Truncated(Coding::Gzip));
        assert_eq!(transform.finish(&mut body), Err(error), "{out:?}");
        assert_eq!(transform.push(b"more", &mut body), Err(error), "and it stays so");
        assert_eq!(body.len(), before, "nothing is written that would end it");
    }
}

#[test]
fn body_that_is_corrupt_behind_its_beginning_is_an_error() {
    let html = "<!doctype html><body>".to_owned() + &"<p>text</p>".repeat(500);
    let mut coded = encode(Coding::Gzip, html.as_bytes());
    let checksum = coded.len() - 6;
    coded[checksum] ^= 1;
    let (body, trailer) = coded.split_at(coded.len() - 8);
    for out in OUT {
        let outcome = run(&page(Coding::Gzip, Some("utf-8")), &[edit("body", Prepend, "x")], out, &[body, trailer]);
        assert_eq!(outcome.unwrap_err(), TransformError::Codec(CodecError::Corrupt(Coding::Gzip)), "{out:?}");
    }
    // Nothing of it was sent yet: the client gets what the shop sent.
    let outcome =
        run(&page(Coding::Gzip, Some("utf-8")), &[edit("body", Prepend, "x")], OutCoding::Gzip, &[&coded]).unwrap();
    assert_eq!((outcome.body, outcome.applied, outcome.bail_out), (coded, vec![false], Some(BailOut::Undecodable)));
}

#[test]
fn page_that_is_too_large_goes_on_without_being_read() {
    let html = "<!doctype html><body><h1>".to_owned() + &"<p>a line</p>".repeat(5_000) + "<i>last</i></body>";
    let limits = Limits { decoded_bytes: 20_000, ..Limits::default() };
    for coding in ALL {
        let coded = encode(coding, html.as_bytes());
        let edits = vec![edit("h1", Append, "[1]"), edit("i", Prepend, "[2]"), edit("body", Prepend, "[3]")];
        let mut transform = Transform::new(&page(coding, Some("utf-8")), edits, limits, OutCoding::Identity).unwrap();
        let mut out = BytesMut::new();
        for piece in coded.chunks(1_000) {
            transform.push(piece, &mut out).unwrap();
        }
        transform.finish(&mut out).unwrap();
        let expected = html.replace("<body>", "<body>[3]");
        assert!(out == expected.as_bytes(), "{coding:?}");
        assert_eq!((transform.applied(), transform.bailed_out()), (vec![false, false, true], Some(BailOut::TooLarge)));
    }
}

#[test]
fn page_that_is_not_rewritten_keeps_its_coded_bytes() {
    let json = br#"{"html": "<body></body>"}"#;
    for coding in [Coding::Gzip, Coding::Brotli, Coding::Zstd] {
        let out = OUT.into_iter().find(|out| out.coding() == coding).unwrap();
        let coded = encode(coding, json);
        for _ in 0..4 {
            let outcome =
                run(&page(coding, Some("utf-8")), &[edit("body", Append, "x")], out, &Chunks::new().split(&coded))
                    .unwrap();
            assert_eq!(outcome.body, coded, "{coding:?}");
            assert_eq!((outcome.applied, outcome.bail_out), (vec![false], Some(BailOut::NotMarkup)));
        }
        let plain = run(&page(coding, None), &[], OutCoding::Identity, &[&coded]).unwrap();
        assert_eq!(plain.body, json, "decoded where the client does not take the coding");
    }
    // A body that is not what its header says passes as it is: the client will see what it would have seen without us.
    let broken = b"<!doctype html><p>this was never compressed</p>";
    let outcome = run(&page(Coding::Gzip, None), &[], OutCoding::Gzip, &[broken]).unwrap();
    assert_eq!(outcome.body, broken);
}

#[test]
fn chunks_after_the_last_edit_are_passed_on_uncopied() {
    let mut transform = Transform::new(
        &page(Coding::Identity, Some("utf-8")),
        vec![edit("body", Prepend, "[*]")],
        Limits::default(),
        OutCoding::Identity,
    )
    .unwrap();
    let mut out = BytesMut::new();
    assert_eq!(transform.push_bytes(Bytes::from_static(b"<!doctype html><body><p>"), &mut out), Ok(None));
    assert_eq!(&out[..], b"<!doctype html><body>[*]<p>");
    let chunk = Bytes::from(vec![b'x'; 1000]);
    let passed = transform.push_bytes(chunk.clone(), &mut out).unwrap().expect("passed on");
    assert_eq!(passed.as_ptr(), chunk.as_ptr());
}

#[test]
fn memory_of_a_bomb_stays_flat() {
    // 48 KB that unpack to 50 MB: refused, after no more than the ratio allows.
    let coded = encode(Coding::Gzip, &vec![b' '; 50_000_000]);
    let outcome = run(&page(Coding::Gzip, Some("utf-8")), &[], OutCoding::Identity, &Chunks::new().split(&coded));
    assert_eq!(outcome.unwrap_err(), TransformError::Codec(CodecError::Bomb(Coding::Gzip)));
    // In its own coding it is no worse than the shop sent it, as long as nothing else was said.
    let outcome = run(&page(Coding::Gzip, None), &[edit("body", Prepend, "x")], OutCoding::Gzip, &[&coded]).unwrap();
    assert!(outcome.body == coded);
}
