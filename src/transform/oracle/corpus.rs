//! Other people's pages: the html5lib tree-construction suite, and whatever folders `NOREN_CORPUS` names.
//!
//! `tests/install.sh` puts the suite into `target/corpora/html5lib`. `NOREN_FULL=1` tries every combination, and prints figures.

use super::*;
use crate::transform::testing::{decode, encode};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where edits go: the page's own places, and selectors with every position.
const PLACES: &[(&str, Position)] = &[
    ("head!", Position::Prepend),
    ("body", Position::Prepend),
    ("body", Position::Append),
    ("p", Position::Before),
    ("p", Position::Prepend),
    ("p", Position::Append),
    ("p", Position::After),
    ("all:div", Position::Before),
    ("all:div", Position::Append),
    ("all:a", Position::After),
    ("all:b", Position::Prepend),
    ("all:li", Position::Append),
    ("td", Position::Prepend),
    ("table", Position::Before),
    ("table", Position::After),
    ("script", Position::After),
    ("html > *", Position::After),
    ("div", Position::Replace),
    ("p", Position::Remove),
    ("table", Position::Remove),
    ("a", Position::Replace),
    ("img", Position::Remove),
];

/// Codings of the shop's body: the last two are several gzip members, and a flush in every few bytes.
const CODINGS: &[(&str, Coding, OutCoding)] = &[
    ("identity", Coding::Identity, OutCoding::Identity),
    ("gzip", Coding::Gzip, OutCoding::Gzip),
    ("br", Coding::Brotli, OutCoding::Brotli),
    ("zstd", Coding::Zstd, OutCoding::Zstd),
    ("gzip members", Coding::Gzip, OutCoding::Gzip),
    ("gzip flushes", Coding::Gzip, OutCoding::Gzip),
];

/// What came of all that was tried.
#[derive(Default)]
struct Tally {
    documents: usize,
    rewritten: usize,
    applied: usize,
    aborted: usize,
    /// By what the judge said.
    said: BTreeMap<String, usize>,
    /// Edits that were given up, by place and reason.
    given_up: BTreeMap<String, usize>,
    wrong: Vec<String>,
}

#[test]
fn suite_of_html5lib_has_no_page_whose_tree_an_edit_changes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/corpora/html5lib");
    let documents: Vec<_> = files(&folder, &["dat"])
        .iter()
        .flat_map(|file| cases(&std::fs::read(file).unwrap()))
        .filter(|case| !case.is_empty())
        .collect();
    assert!(documents.len() > 1500, "the suite is not in {}: run tests/install.sh", folder.display());
    let wrapped = documents.iter().map(|case| format!("<!doctype html><html><head></head><body>{case}</body></html>"));
    let pages: Vec<_> = documents.iter().cloned().chain(wrapped).collect();
    check("html5lib", &pages.iter().map(|page| (page.as_bytes(), encoding_rs::UTF_8)).collect::<Vec<_>>(), 6);
}

#[test]
fn pages_of_a_folder_keep_their_trees() {
    #[expect(clippy::disallowed_methods, reason = "names what the runner wants to try")]
    let Ok(folders) = std::env::var("NOREN_CORPUS") else { return };
    let mut pages = Vec::new();
    for file in folders.split(':').flat_map(|folder| files(Path::new(folder), &["html", "htm", "ja", "utf8", "euc-jp"]))
    {
        let bytes = std::fs::read(file).unwrap();
        let declared = encoding_of(&bytes);
        let (text, wrong) = declared.decode_without_bom_handling(&bytes);
        if !wrong {
            for encoding in [encoding_rs::SHIFT_JIS, encoding_rs::EUC_JP] {
                let (coded, _, lossy) = encoding.encode(&text);
                if !lossy && declared == encoding_rs::UTF_8 && !text.is_ascii() {
                    pages.push((coded.into_owned(), encoding));
                }
            }
        }
        pages.push((bytes, declared));
    }
    check(&folders, &pages.iter().map(|(page, encoding)| (page.as_slice(), *encoding)).collect::<Vec<_>>(), 3);
}

/// Tries pages: all combinations if asked to, else a few of each page, at random.
fn check(name: &str, pages: &[(&[u8], &'static encoding_rs::Encoding)], few: usize) {
    let full = std::env::var_os("NOREN_FULL").is_some();
    let (mut tally, mut chunks) = (Tally::default(), Chunks::new());
    for (page, encoding) in pages {
        tally.documents += 1;
        let few = if full { PLACES.len() } else { few };
        let shift = chunks.below(PLACES.len());
        for (round, place) in PLACES.iter().cycle().skip(shift).take(few).enumerate() {
            let ours = OURS[(round + shift) % OURS.len()];
            let codings = if full { CODINGS } else { &CODINGS[(round + shift) % CODINGS.len()..][..1] };
            let mut same = None;
            for coding in codings {
                try_one(page, encoding, *place, ours, *coding, &mut chunks, &mut tally, &mut same);
            }
        }
    }
    println!(
        "{name}: {} documents, {} rewritten, {} edits applied, {} aborted, {:?}",
        tally.documents, tally.rewritten, tally.applied, tally.aborted, tally.said
    );
    if full {
        println!("given up: {:#?}", tally.given_up);
    }
    assert!(tally.aborted == 0, "{} aborted", tally.aborted);
    assert!(tally.wrong.is_empty(), "{} wrong, the first: {}", tally.wrong.len(), tally.wrong[0]);
}

/// One page, one place, one coding; whole, byte by byte or in random pieces. `same`: what came of it in other codings.
#[expect(clippy::too_many_arguments, reason = "one combination of all that can be combined")]
fn try_one(
    page: &[u8],
    encoding: &'static encoding_rs::Encoding,
    (at, position): (&str, Position),
    ours: &str,
    (name, coding, out): (&str, Coding, OutCoding),
    chunks: &mut Chunks,
    tally: &mut Tally,
    same: &mut Option<Vec<u8>>,
) {
    let ours = match (at, position) {
        (_, Position::Remove) => "",
        ("head!", _) => OURS[4],
        _ => ours,
    };
    let coded = match name {
        "gzip members" => page.chunks(page.len() / 3 + 1).flat_map(|part| encode(coding, part)).collect(),
        "gzip flushes" => flushed(page),
        _ => encode(coding, page),
    };
    let edits = [edit(at, position, ours)];
    let head = super::super::Page { coding, charset: Some(encoding), has_body: true };
    tally.rewritten += 1;
    let pieces = match chunks.below(3) {
        0 => vec![coded.as_slice()],
        1 if coded.len() < 20_000 => coded.chunks(1).collect(),
        _ => chunks.split(&coded),
    };
    let Ok(outcome) = run(&head, &edits, out, &pieces) else {
        tally.aborted += 1;
        return;
    };
    let body = decode(out.coding(), &outcome.body);
    tally.applied += outcome.applied.iter().filter(|applied| **applied).count();
    if let Some(same) = same {
        assert!(*same == body, "{name} is another page: {at} {position:?} {}", page.escape_ascii());
        return;
    }
    let text = |bytes: &[u8]| encoding.decode_without_bom_handling(bytes).0.into_owned();
    // What follows in a page of a million bytes is the same for one of a few.
    let judged = if outcome.applied == [false] && body == page {
        Judged::GivenUp(outcome.bail_out)
    } else {
        Judged::new(&text(page), &text(&body), &edits, &outcome.applied, outcome.bail_out)
    };
    *same = Some(body);
    let said = match judged {
        Judged::Wrong(why) => {
            tally.wrong.push(format!("{at} {position:?}: {}", &why[..why.len().min(4000)]));
            "wrong".to_owned()
        }
        judged => {
            if let Judged::GivenUp(Some(why)) = judged {
                *tally.given_up.entry(format!("{at} {position:?}: {why:?}")).or_default() += 1;
            }
            format!("{judged:?}")
        }
    };
    *tally.said.entry(said).or_default() += 1;
}

fn flushed(page: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    for part in page.chunks(100.max(page.len() / 50)) {
        writer.write_all(part).unwrap();
        writer.flush().unwrap();
    }
    writer.finish().unwrap()
}

/// The inputs of a file of the suite: what stands between `#data` and `#errors`, where it is a document.
fn cases(file: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(file);
    let tests = text.split("#data\n").skip(1).filter(|test| !test.contains("\n#document-fragment"));
    tests.filter_map(|test| Some(test.split_once("\n#errors")?.0.to_owned())).collect()
}

fn files(folder: &Path, kinds: &[&str]) -> Vec<PathBuf> {
    let Ok(entries) = folder.read_dir() else { return Vec::new() };
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| {
            let kind = path.extension().is_some_and(|kind| kinds.iter().any(|wanted| kind == *wanted));
            if path.is_dir() {
                files(&path, kinds)
            } else if kind {
                vec![path]
            } else {
                Vec::new()
            }
        })
        .collect();
    found.sort();
    found
}

fn encoding_of(page: &[u8]) -> &'static encoding_rs::Encoding {
    let start = String::from_utf8_lossy(&page[..page.len().min(2000)]).to_ascii_lowercase();
    let label = start.split("charset=").nth(1).map(|rest| rest.trim_start_matches(['"', '\'']).to_owned());
    let label = label.and_then(|label| label.split(['"', '\'', ' ', '>', ';', '/']).next().map(str::to_owned));
    let named = label.and_then(|label| encoding_rs::Encoding::for_label(label.as_bytes()));
    named.filter(|encoding| encoding.is_ascii_compatible()).unwrap_or(encoding_rs::UTF_8)
}
