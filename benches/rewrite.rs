//! Rewriting: page sizes × codings × placements, as byte throughput, beside a plain copy of the same chunks. Gzip pages are
//! spliced; beside them stands the same work done by decoding and compressing anew.

use bytes::{Bytes, BytesMut};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use noren::transform::extract::{
    At, Extractor, Field, List, Part, Place, Reader, Reading, Recipe, Slot, Source, Total,
};
use noren::transform::{Coding, Edit, Limits, OutCoding, Page, Position, Selector, Target, Transform};
use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// As the origin's bytes come off a socket.
const CHUNK: usize = 16 * 1024;
const SIZES: [(&str, usize); 3] = [("20KB", 20_000), ("100KB", 100_000), ("1MB", 1_000_000)];
const CODINGS: [(Coding, OutCoding); 4] = [
    (Coding::Identity, OutCoding::Identity),
    (Coding::Gzip, OutCoding::Gzip),
    (Coding::Brotli, OutCoding::Brotli),
    (Coding::Zstd, OutCoding::Zstd),
];

/// A shop's category page: head with styles and scripts, then products with links, pictures and prices.
fn shop_page(size: usize) -> String {
    let mut html = String::from(
        "<!doctype html>\n<html lang=\"ja\">\n<head>\n<meta charset=\"utf-8\">\n<title>Shop</title>\n\
         <link rel=\"stylesheet\" href=\"/assets/site.css\">\n<script src=\"/assets/site.js\" defer></script>\n</head>\n\
         <body class=\"category\">\n<header class=\"top\"><nav><a href=\"/\">Home</a></nav></header>\n<main>\n<ul class=\"products\">\n",
    );
    let mut number = 1_u32;
    while html.len() < size {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (id, price) = (number >> 12, number >> 18);
        let _ = writeln!(
            html,
            "<li class=\"product\" data-id=\"{id}\"><a href=\"/products/{id}\" title=\"商品 {id}\"><img src=\"/img/{id}.webp\" \
             alt=\"\" width=\"320\" height=\"320\" loading=\"lazy\"></a><h3>季節の商品 {id}</h3><p class=\"price\">{price}円</p></li>"
        );
    }
    html.push_str("</ul>\n</main>\n<footer>&copy; Shop</footer>\n</body>\n</html>\n");
    html
}

fn encode(coding: Coding, plain: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Gzip => {
            let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
            writer.write_all(plain).and_then(|()| writer.finish()).unwrap_or_default()
        }
        Coding::Brotli => {
            let (mut coded, params) =
                (Vec::new(), brotli::enc::BrotliEncoderParams { quality: 5, ..Default::default() });
            let _ = brotli::BrotliCompress(&mut &*plain, &mut coded, &params);
            coded
        }
        Coding::Zstd => zstd::stream::encode_all(plain, 3).unwrap_or_default(),
        _ => plain.to_vec(),
    }
}

fn edits(placement: &str) -> Vec<Edit> {
    let banner = Bytes::from_static(b"<div data-gw=\"welcome/banner\"><a href=\"/sale\">Free shipping today</a></div>");
    let loader = Bytes::from_static(b"<script src=\"/gw/runtime.js\" defer></script>");
    let (at, position) = if placement == "early" { ("body", Position::Prepend) } else { ("footer", Position::Before) };
    let Ok(selector) = Selector::parse(at) else { return Vec::new() };
    vec![
        Edit { target: Target::Head, position: Position::Prepend, html: loader },
        Edit { target: Target::First(selector), position, html: banner },
    ]
}

fn transform(page: &Page, out_coding: OutCoding, edits: &[Edit], chunks: &[Bytes], sent: &mut BytesMut) -> usize {
    let Ok(mut transform) = Transform::new(page, edits.to_vec(), Limits::default(), out_coding) else { return 0 };
    let mut total = 0;
    for chunk in chunks {
        sent.clear();
        match transform.push_bytes(chunk.clone(), sent) {
            Ok(Some(same)) => total += black_box(same).len(),
            Ok(None) => total += black_box(&*sent).len(),
            Err(_) => return 0,
        }
    }
    sent.clear();
    let _ = transform.finish(sent);
    total + sent.len()
}

/// What [`transform`] does to a gzip page, without splicing: decoded and rewritten by one transform, compressed by another.
fn compress_anew(edits: &[Edit], chunks: &[Bytes], sent: &mut BytesMut) -> usize {
    let page = |coding| Page { coding, charset: Some(encoding_rs::UTF_8), has_body: true };
    let limits = Limits::default();
    let first = Transform::new(&page(Coding::Gzip), edits.to_vec(), limits, OutCoding::Identity);
    let second = Transform::new(&page(Coding::Identity), Vec::new(), limits, OutCoding::Gzip);
    let (Ok(mut first), Ok(mut second)) = (first, second) else { return 0 };
    let (mut plain, mut total) = (BytesMut::new(), 0);
    for chunk in chunks {
        sent.clear();
        plain.clear();
        if first.push(chunk, &mut plain).and_then(|()| second.push(&plain, sent)).is_err() {
            return 0;
        }
        total += black_box(&*sent).len();
    }
    plain.clear();
    sent.clear();
    let _ = first.finish(&mut plain).and_then(|()| second.push(&plain, sent)).and_then(|()| second.finish(sent));
    total + sent.len()
}

/// What a shop's own recipe looks like.
fn recipe() -> Recipe {
    let at = |text: &str| Selector::parse(text).ok().map(At::Selector);
    let text = |slot: Slot, selector: &str| Some((slot, Source { from: Place::Text(at(selector)?), pattern: None }));
    let mut part = Part::default();
    part.rows.extend(Selector::parse("li.product").ok().map(|row| (List::Listed, row)));
    part.sources.push((
        Slot::InRow(List::Listed, Field::Id),
        Source { from: Place::Attribute(At::Row, "data-id".into()), pattern: None },
    ));
    part.sources.extend(text(Slot::InRow(List::Listed, Field::Name), "h3"));
    part.sources.extend(text(Slot::InRow(List::Listed, Field::Price), ".price"));
    part.sources.extend(text(Slot::Cart(Total::Items), "#cart-count"));
    part.sources.extend(text(Slot::LoggedIn, "a[href*=logout]"));
    Recipe::new(&part, &Part::default())
}

/// Passes a page on with or without edits, and has it read. `whole`: to its end, and not of its head alone.
fn read(page: &Page, out_coding: OutCoding, edits: &[Edit], chunks: &[Bytes], recipe: &Recipe, whole: bool) -> usize {
    let whole_kinds: &[&str] = if whole { &["category"] } else { &[] };
    let url = "https://shop.example/category/tea".to_owned();
    let reading = Reading { recipe: recipe.clone(), url, kind: "category", whole_kinds };
    if edits.is_empty() {
        let mut reader = Reader::new(page, &reading, Limits::default());
        for chunk in chunks {
            reader.push(chunk);
            black_box(chunk);
        }
        reader.finish();
        return black_box(reader.extractor().content()).listed.len();
    }
    let Ok(mut transform) = Transform::new(page, edits.to_vec(), Limits::default(), out_coding) else { return 0 };
    transform.read_by(Extractor::new(&reading, page.charset, Limits::default()));
    let mut sent = BytesMut::new();
    for chunk in chunks {
        sent.clear();
        let _ = black_box(transform.push_bytes(chunk.clone(), &mut sent));
    }
    let _ = transform.finish(&mut sent);
    transform.extractor().map_or(0, |extractor| black_box(extractor.content()).listed.len())
}

fn reading(criterion: &mut Criterion) {
    let recipe = recipe();
    for (size_name, size) in SIZES {
        let html = shop_page(size);
        let mut group = criterion.benchmark_group(format!("read/{size_name}"));
        group.throughput(Throughput::Bytes(html.len() as u64)).sample_size(20);
        for (coding, out_coding) in CODINGS {
            let chunks: Vec<Bytes> =
                encode(coding, html.as_bytes()).chunks(CHUNK).map(Bytes::copy_from_slice).collect();
            let page = Page { coding, charset: Some(encoding_rs::UTF_8), has_body: true };
            let mut sent = BytesMut::with_capacity(2 * CHUNK);
            let insertion = edits("early");
            let mut case = |name: &str, run: &mut dyn FnMut() -> usize| {
                group.bench_function(BenchmarkId::new(coding.as_str(), name), |bencher| bencher.iter(&mut *run));
            };
            case("insert_only", &mut || transform(&page, out_coding, &insertion, &chunks, &mut sent));
            case("insert_and_read_head", &mut || read(&page, out_coding, &insertion, &chunks, &recipe, false));
            case("insert_and_read_whole", &mut || read(&page, out_coding, &insertion, &chunks, &recipe, true));
            case("read_head", &mut || read(&page, out_coding, &[], &chunks, &recipe, false));
            case("read_whole", &mut || read(&page, out_coding, &[], &chunks, &recipe, true));
        }
        group.finish();
    }
}

fn rewrite(criterion: &mut Criterion) {
    for (size_name, size) in SIZES {
        let html = shop_page(size);
        let mut group = criterion.benchmark_group(format!("rewrite/{size_name}"));
        group.throughput(Throughput::Bytes(html.len() as u64)).sample_size(20);
        let plain: Vec<Bytes> = html.as_bytes().chunks(CHUNK).map(Bytes::copy_from_slice).collect();
        let mut sent = BytesMut::with_capacity(2 * CHUNK);
        group.bench_function("copy", |bencher| {
            bencher.iter(|| {
                for chunk in &plain {
                    sent.clear();
                    sent.extend_from_slice(chunk);
                    black_box(&*sent);
                }
            });
        });
        for (coding, out_coding) in CODINGS {
            let chunks: Vec<Bytes> =
                encode(coding, html.as_bytes()).chunks(CHUNK).map(Bytes::copy_from_slice).collect();
            let page = Page { coding, charset: Some(encoding_rs::UTF_8), has_body: true };
            for placement in ["early", "late"] {
                let edits = edits(placement);
                let id = BenchmarkId::new(coding.as_str(), placement);
                group.bench_function(id, |bencher| {
                    bencher.iter(|| transform(&page, out_coding, &edits, &chunks, &mut sent));
                });
                if coding == Coding::Gzip {
                    group.bench_function(BenchmarkId::new("gzip_anew", placement), |bencher| {
                        bencher.iter(|| compress_anew(&edits, &chunks, &mut sent));
                    });
                }
            }
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(std::time::Duration::from_millis(300))
        .measurement_time(std::time::Duration::from_secs(1));
    targets = rewrite, reading
}
criterion_main!(benches);
