//! What a shop's pages say is learnt as they pass, and not a byte of them changes.

use crate::support::origin::page;
use crate::support::{Ending, Gateway, Origin, Request, Rules, Visitor, eventually, inserting};
use rusqlite::Connection;
use serde_json::Value;
use std::io::Write;

const PRODUCT: &str = "<!doctype html><html><head><title>湯呑み</title></head><body><h1>湯呑み</h1>\
    <script type=\"application/ld+json\">{\"@type\":\"Product\",\"sku\":\"Y1\",\"offers\":{\"price\":1200}}</script></body></html>";

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn page_that_is_read_is_the_shops_byte_for_byte_in_every_coding() {
    let zstd = zstd::stream::encode_all(PRODUCT.as_bytes(), 3).unwrap();
    let bodies = [("", PRODUCT.as_bytes().to_vec()), ("gzip", gzip(PRODUCT)), ("zstd", zstd)];
    for (count, (coding, body)) in bodies.into_iter().enumerate() {
        let header = if coding.is_empty() { String::new() } else { format!("Content-Encoding: {coding}\r\n") };
        let origin = Origin::page(&header, &body);
        let rules = Rules::new();
        rules.site("shop", "shop.example", origin.address(), "[pages]\nproduct = '/item'");
        let gateway = Gateway::serve(rules.path());
        for _ in 0..2 {
            let response = gateway.fetch(&Request::page("/item").header("Accept-Encoding", "gzip, deflate, br, zstd"));
            assert!(response.body == body && response.ending == Ending::Complete, "{count}: {coding}");
        }
        let read = || gateway.count("noren_facts_read_total", "fact=\"product\"");
        // The second reading would have told nothing new.
        eventually("the page is read", || (read() == 1).then_some(()));
        assert_eq!(gateway.count("noren_failures_total", "kind=\"extract\""), 0);
    }
}

#[test]
fn page_that_cannot_be_read_passes_and_gets_its_insertions() {
    // A tag larger than what the parser holds, behind the place of the edit.
    let html =
        format!("<!doctype html><html><head></head><body><p data-x=\"{}\">x</p></body></html>", "x".repeat(300_000));
    let origin = Origin::new({
        let html = html.clone();
        move |_, wire| wire.send(page("", &html))
    });
    let rules = Rules::new();
    rules.site("shop", "shop.example", origin.address(), "[pages]\nproduct = '/item'");
    rules.scenario("hello", &inserting("true", "<b>hi</b>"));
    let gateway = Gateway::serve(rules.path());
    let mut visitor = Visitor::default();
    let text = visitor.visit(gateway.address(), "/item").text();
    let (before, after) = html.split_at(html.find("<body>").unwrap() + 6);
    let inserted = text.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)).unwrap();
    assert!(inserted.contains("hi</b>") && inserted.len() < 500, "{inserted}");
    eventually("the failure is counted", || {
        (gateway.count("noren_failures_total", "kind=\"extract\"") == 1).then_some(())
    });
}

/// Events in the store, by name, with their parameters.
fn events(gateway: &Gateway) -> Vec<(String, Value)> {
    let store = Connection::open(gateway.data().join("noren.db")).unwrap();
    let mut query = store.prepare("SELECT kind, coalesce(parameters, '{}') FROM events ORDER BY rowid").unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get::<_, String>(1)?))).unwrap();
    rows.map(|row| row.map(|(kind, parameters)| (kind, serde_json::from_str(&parameters).unwrap())).unwrap()).collect()
}

#[test]
fn everybody_who_looks_at_a_product_has_seen_it_however_lately_it_was_read() {
    let origin = Origin::page("", PRODUCT.as_bytes());
    let rules = Rules::new();
    rules.site("shop", "shop.example", origin.address(), "[pages]\nproduct = '/item'");
    let gateway = Gateway::serve(rules.path());
    let views = || events(&gateway).into_iter().filter(|(kind, _)| kind == "view_item").collect::<Vec<_>>();
    for count in 1..=3 {
        Visitor::default().visit(gateway.address(), "/item");
        eventually("the view is written", || (views().len() == count).then_some(()));
    }
    assert_eq!(gateway.count("noren_facts_read_total", "fact=\"product\""), 1, "it is read once");
    for (_, parameters) in views() {
        assert_eq!(
            (&parameters["items"][0]["item_id"], &parameters["items"][0]["price"]),
            (&"Y1".into(), &1200.0.into())
        );
    }
}

#[test]
fn shopping_in_the_demo_is_learnt_from_its_pages_and_the_order_counts_once() {
    let gateway = Gateway::demo();
    let mut visitor = Visitor::default();
    let post = |visitor: &mut Visitor, path: &str, form: &str| {
        let request = visitor.request(path).method("POST").header("Content-Type", "application/x-www-form-urlencoded");
        let response = gateway.fetch(&request.body(form));
        visitor.keep(&response);
        assert_eq!(response.status, 303, "{path}");
        response.header("location").unwrap().to_owned()
    };
    visitor.visit(gateway.address(), "/search?q=%E6%B9%AF");
    let category = visitor.visit(gateway.address(), "/category/tea").text();
    let slug = category.split("href=\"/product/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    visitor.visit(gateway.address(), &format!("/product/{slug}"));
    let next = post(&mut visitor, "/cart/add", &format!("product={slug}&quantity=2"));
    visitor.visit(gateway.address(), &next);
    let form = "name=A&email=a%40example.com&postcode=1000001&address=Tokyo&payment=card&note=";
    let next = post(&mut visitor, "/checkout", form);
    for _ in 0..3 {
        visitor.visit(gateway.address(), &next);
    }
    let found = eventually("all is stored", || {
        let found = events(&gateway);
        (found.iter().filter(|(kind, _)| kind == "page_view").count() >= 7).then_some(found)
    });
    let of = |kind: &str| found.iter().filter(|(name, _)| name == kind).map(|(_, what)| what).collect::<Vec<_>>();
    let text = format!("{found:#?}");
    assert_eq!((of("purchase").len(), of("search").len().max(of("view_search_results").len())), (1, 1), "{text}");
    assert_eq!(of("purchase")[0]["items"][0]["item_id"], slug, "{text}");
    assert_eq!(of("purchase")[0]["items"][0]["quantity"], 2, "{text}");
    assert_eq!(of("view_item")[0]["items"][0]["item_id"], slug, "{text}");
    assert_eq!(of("add_to_cart")[0]["items"][0]["item_id"], slug, "{text}");
    assert_eq!(gateway.count("noren_failures_total", "kind=\"extract\""), 0);
}
