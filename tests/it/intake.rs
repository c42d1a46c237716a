//! Imports over HTTP, as a shop's own program sends them to a gateway that serves.

use crate::beside::{log_in, rules_of_members, shop_of_members};
use crate::support::{Connection, Gateway, Origin, Request, Response, Rules, Visitor, eventually};
use serde_json::Value;
use std::fmt::Write as _;

const TOKEN: &str = "the-token-of-this-shop";
const MEMBERS: &str = "id,rank,plan,points\nm-4711,gold,premium,12\nm-1,silver,,0\nm-2,silver,basic,\n";

struct Shop {
    gateway: Gateway,
    rules: Rules,
    _origin: Origin,
}

impl Shop {
    /// A shop whose token stands in a file; `more` is appended to `[imports]`.
    fn new(more: &str) -> Self {
        Self::with(more, "")
    }

    fn with(more: &str, limits: &str) -> Self {
        let origin = shop_of_members();
        let token = tempfile::Builder::new().disable_cleanup(true).tempfile_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        std::fs::write(token.path(), format!("{TOKEN}\n")).unwrap();
        let imports = format!("[imports]\ntoken = 'file:{}'\n{more}", token.path().display());
        let rules = rules_of_members(&origin, &imports);
        rules.write("gateway.toml", &format!("[limits]\nprofile_deadline = '10s'\n{limits}"));
        Self { gateway: Gateway::serve(rules.path()), rules, _origin: origin }
    }

    fn send(&self, request: &Request) -> (u16, Value) {
        told(&self.gateway.fetch(request))
    }

    fn import(&self, target: &str, body: &str) -> (u16, Value) {
        self.send(&post(target).body(body))
    }
}

/// A request without its body.
fn post(target: &str) -> Request {
    let request = Request::new("POST", target).header("Content-Type", "text/csv; charset=UTF-8");
    request.header("Authorization", &format!("Bearer {TOKEN}"))
}

fn told(answer: &Response) -> (u16, Value) {
    assert!(answer.header("content-type").is_none_or(|kind| kind == "application/json"), "{:?}", answer.head);
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// New, changed, the same and bad.
fn counts(said: &Value) -> [u64; 4] {
    ["new", "changed", "same", "bad"].map(|result| said[result].as_u64().unwrap_or_else(|| panic!("{said}")))
}

/// So many members, all different.
fn many(members: std::ops::Range<u32>) -> String {
    members.fold(String::new(), |mut text, member| {
        let _ = writeln!(text, "n-{member},gold,plan {member},{member}");
        text
    })
}

#[test]
fn file_is_taken_in_and_seen_on_the_members_next_page_and_again_changes_nothing() {
    let shop = Shop::new("");
    let (status, said) = shop.import("/gw/import/customers?dry_run=1", MEMBERS);
    assert_eq!((status, counts(&said), &said["dry_run"]), (200, [3, 0, 0, 0], &Value::Bool(true)));
    let (status, said) = shop.import("/gw/import/customers", MEMBERS);
    assert_eq!(
        (status, counts(&said), &said["complete"]),
        (200, [3, 0, 0, 0], &Value::Bool(true)),
        "nothing was written before"
    );
    assert_eq!(counts(&shop.import("/gw/import/customers", MEMBERS).1), [0, 0, 3, 0]);

    let mut member = log_in(&shop.gateway, "gold");
    let page = member.visit(shop.gateway.address(), "/");
    assert!(page.has("plan/a") && !page.has("buyer/a"));
    // What is only tried is seen by nobody, though the profile is in the gateway's memory.
    let dry = shop.import("/gw/import/customers?dry_run=1", "id,rank\nm-4711,silver\n");
    assert_eq!((dry.0, counts(&dry.1)), (200, [0, 1, 0, 0]));
    assert!(member.visit(shop.gateway.address(), "/").has("gold/a"));
    let orders = "id,order,at,value\nm-4711,N-1,2026-01-02 10:00,4200\n";
    assert_eq!(counts(&shop.import("/gw/import/orders", orders).1), [1, 0, 0, 0]);
    assert_eq!(counts(&shop.import("/gw/import/customers", "id,rank\nm-4711,silver\n").1), [0, 1, 0, 0]);
    let page = member.visit(shop.gateway.address(), "/");
    assert!(
        page.has("silver/a") && page.has("plan/a") && page.has("buyer/a") && !page.has("gold/a"),
        "{}",
        page.text()
    );

    let count = |labels| shop.gateway.count("noren_import_rows_total", labels);
    assert_eq!((count("result=\"new\""), count("result=\"changed\""), count("result=\"same\"")), (4, 1, 3));
    assert_eq!(shop.gateway.count("noren_imports_total", "site=\"shop\",status=\"200\""), 6);
    assert!(shop.gateway.log().contains("customers"), "{}", shop.gateway.log());
    for private in ["m-4711", "premium", TOKEN] {
        assert!(!shop.gateway.log().contains(private), "the log holds {private}");
    }
}

#[test]
fn bad_rows_are_named_and_the_others_are_taken_in() {
    let shop = Shop::new("");
    let rows = "id,points,birth_date,mail:bool,password_hint\nm-1,12,1985-04-02,yes,x\n,3,,,x\nm-2,many,,,x\nm-3,4,2999-01-01,,x\n\
                m-4,5,,perhaps,x\nm-5,6\nm-6,7,,no,x\n";
    let answer = shop.gateway.fetch(&post("/gw/import/customers").body(rows));
    assert_eq!(answer.status, 200);
    insta::assert_snapshot!(answer.text());
    // What cannot be read at all is refused, with what was sound before it.
    for (heading, words) in
        [("rank\ngold\n", "there is no column `id`"), ("id,password\nm-1,x\n", "leave the column `password` out")]
    {
        let (status, said) = shop.import("/gw/import/customers", heading);
        assert_eq!((status, counts(&said)), (422, [0, 0, 0, 0]));
        assert!(said["error"].as_str().unwrap().contains(words), "{said}");
    }
    let many_bad: Vec<String> = (0..250).map(|row| format!("m-{row},no number\n")).collect();
    let (status, said) = shop.import("/gw/import/customers", &format!("id,points\n{}", many_bad.concat()));
    assert_eq!((status, counts(&said), said["bad_rows"].as_array().unwrap().len()), (200, [0, 0, 0, 250], 100));
    assert_eq!(said["more_bad_rows"], 150);
    // 金 and 銀 as Excel writes them.
    let shift_jis = b"id,rank\nm-8,\x8b\xe0\nm-9,\x8b\xe2\n".to_vec();
    let (status, said) = shop.send(&post("/gw/import/customers").body(shift_jis.clone()));
    assert_eq!((status, counts(&said)), (200, [0, 0, 0, 2]));
    assert!(said["bad_rows"][0]["reason"].as_str().unwrap().contains("charset=Shift_JIS"), "{said}");
    let request = Request::new("POST", "/gw/import/customers").header("Content-Type", "text/csv; charset=Shift_JIS");
    let request = request.header("Authorization", &format!("bearer {TOKEN}")).body(shift_jis);
    assert_eq!(counts(&shop.send(&request).1), [2, 0, 0, 0]);
}

#[test]
fn only_who_has_the_token_may_send_and_only_what_is_read() {
    let shop = Shop::new("max_size = '4KiB'");
    let customers = "/gw/import/customers";
    let csv = |request: Request| request.header("Content-Type", "text/csv").body(MEMBERS);
    let answer = shop.gateway.fetch(&csv(Request::new("POST", customers)));
    assert_eq!((answer.status, answer.header("www-authenticate")), (401, Some("Bearer realm=\"imports\"")));
    let wrong = csv(Request::new("POST", customers).header("Authorization", "Bearer the-token-of-another-shop"));
    assert_eq!(shop.send(&wrong).0, 401);
    let answer = shop.gateway.fetch(&Request::new("GET", customers));
    assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")));
    assert_eq!(shop.import("/gw/import/passwords", MEMBERS).0, 404);
    let plain = Request::new("POST", customers).header("Authorization", &format!("Bearer {TOKEN}"));
    assert_eq!(shop.send(&plain.clone().body(MEMBERS)).0, 415);
    assert_eq!(shop.send(&plain.header("Content-Type", "application/json").body(MEMBERS)).0, 415);
    assert_eq!(shop.send(&post(customers).header("Content-Encoding", "gzip").body(MEMBERS)).0, 415);
    let large = format!("id,rank,plan,points\n{}", many(0..1000));
    assert_eq!(shop.import(customers, &large).0, 413);
    // One that does not say how long it is.
    let mut connection = Connection::open(shop.gateway.address());
    connection.send(&post(customers).header("Transfer-Encoding", "chunked"));
    connection.send_bytes(format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len()).as_bytes());
    assert_eq!(told(&connection.response()).0, 413);
    assert_eq!(shop.import(customers, MEMBERS).0, 200);

    // Whoever guesses is not listened to any more.
    let statuses: Vec<u16> = (0..12).map(|_| shop.send(&wrong).0).collect();
    assert_eq!(statuses.last(), Some(&429), "{statuses:?}");
    let answer = shop.gateway.fetch(&post(customers).body(MEMBERS));
    assert_eq!((answer.status, answer.header("retry-after")), (429, Some("60")));
}

#[test]
fn site_without_a_token_has_no_such_path_and_one_whose_file_is_gone_says_so() {
    let shop = Shop::new("");
    let site = std::fs::read_to_string(shop.rules.path().join("sites/shop/site.toml")).unwrap();
    let (without, imports) = site.split_once("[imports]").unwrap();
    let path = imports.split('\'').nth(1).unwrap().strip_prefix("file:").unwrap();
    std::fs::remove_file(path).unwrap();
    let (status, said) = shop.import("/gw/import/customers", MEMBERS);
    assert_eq!(status, 503);
    assert!(!said["error"].as_str().unwrap().contains(path) && shop.gateway.log().contains("the imports' token"));
    std::fs::write(path, "another-token-of-this-shop").unwrap();
    assert_eq!(shop.import("/gw/import/customers", MEMBERS).0, 401, "a new token holds at once");
    std::fs::write(path, TOKEN).unwrap();
    assert_eq!(shop.import("/gw/import/customers", MEMBERS).0, 200);
    shop.rules.write("sites/shop/site.toml", without);
    eventually("the path is gone", || (shop.import("/gw/import/customers", MEMBERS).0 == 404).then_some(()));
    assert_eq!(shop.gateway.fetch(&Request::new("GET", "/gw/import/customers")).status, 404);
}

#[test]
fn file_may_come_over_http2_and_be_larger_than_what_is_taken_at_once() {
    let shop = Shop::new("");
    let file = format!("id,rank,plan,points\n{}", many(0..5000));
    let request = http::Request::post("http://shop.example/gw/import/customers").header("content-type", "text/csv");
    let request = request.header("authorization", format!("Bearer {TOKEN}")).body(bytes::Bytes::from(file).into());
    let answer = crate::support::h2::H2::plain(shop.gateway.address()).exchange(request.unwrap());
    let said: Value = serde_json::from_slice(&answer.body.unwrap()).unwrap();
    assert_eq!((answer.status.as_u16(), counts(&said)), (200, [5000, 0, 0, 0]));
}

/// Sends a piece as a chunk.
fn chunk(connection: &mut Connection, text: &str) {
    connection.send_bytes(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes());
}

#[test]
fn file_may_come_in_pieces_and_pages_are_served_and_no_other_import_meanwhile() {
    let shop = Shop::new("");
    let (one, other) = (many(0..3000), many(3000..4000));
    let mut connection = Connection::open(shop.gateway.address());
    connection
        .send(&post("/gw/import/customers").header("Transfer-Encoding", "chunked").header("Expect", "100-continue"));
    assert_eq!(connection.head().status, 100);
    chunk(&mut connection, "id,rank,plan,points\n");
    // Cut within a row.
    chunk(&mut connection, &one[..one.len() - 7]);
    // It stalls here, with rows taken in by now.
    let mut member = Visitor::default();
    let known = |member: &str| {
        let database = rusqlite::Connection::open(shop.gateway.data().join("noren.db")).unwrap();
        let sql = "SELECT count(*) FROM profiles WHERE CAST(body AS TEXT) LIKE ?1";
        database.query_row(sql, [format!("%\"plan {member}\"%")], |row| row.get::<_, i64>(0)).unwrap() > 0
    };
    eventually("the first portion is taken in while more is to come", || known("1").then_some(()));
    assert!(!known("2999"));
    assert!(member.visit(shop.gateway.address(), "/").status == 200);
    let second = shop.gateway.fetch(&post("/gw/import/orders").body("id,order,at\n"));
    assert_eq!((second.status, second.header("retry-after")), (409, Some("10")));
    chunk(&mut connection, &one[one.len() - 7..]);
    chunk(&mut connection, &other);
    connection.send_bytes(b"0\r\n\r\n");
    let (status, said) = told(&connection.response());
    assert_eq!((status, counts(&said)), (200, [4000, 0, 0, 0]));
    assert_eq!(shop.import("/gw/import/orders", "id,order,at\n").0, 200, "its place is free again");
}

#[test]
fn file_that_is_broken_off_is_taken_in_as_far_as_it_came_and_sending_it_again_completes_it() {
    let shop = Shop::new("");
    let whole = format!("id,rank,plan,points\n{}", many(0..5000));
    // The last row that comes would be another's: `n-4999` without its end.
    let cut = whole.len() - "99,gold,plan 4999,4999\n".len();
    let mut connection = Connection::open(shop.gateway.address());
    connection.send(&post("/gw/import/customers").header("Content-Length", &whole.len().to_string()));
    connection.send_bytes(&whole.as_bytes()[..cut]);
    drop(connection);
    eventually("it is noticed", || (shop.gateway.count("noren_imports_total", "status=\"400\"") == 1).then_some(()));
    assert_eq!(shop.gateway.count("noren_import_rows_total", "result=\"new\""), 4999, "whole rows alone");
    let (status, said) = shop.import("/gw/import/customers", &whole);
    assert_eq!((status, counts(&said)), (200, [1, 0, 4999, 0]));
}

#[test]
fn sender_who_falls_silent_is_told_what_was_taken_in() {
    let shop = Shop::with("", "client_timeout = '1s'\n");
    let mut connection = Connection::open(shop.gateway.address());
    connection.send(&post("/gw/import/customers").header("Content-Length", "100000"));
    connection.send_bytes(MEMBERS.as_bytes());
    let (status, said) = told(&connection.response());
    assert_eq!((status, counts(&said), &said["complete"]), (408, [3, 0, 0, 0], &Value::Bool(false)));
}

/// Far more than is ever held: what the gateway takes for it is not in proportion to the file.
#[test]
fn large_file_is_never_held_whole() {
    let shop = Shop::new("");
    let memory = || crate::support::faults::memory(&shop.gateway);
    assert_eq!(shop.import("/gw/import/customers", MEMBERS).0, 200);
    let before = memory();
    // Each row with a megabyte of a column that is not read, near the longest that a row may have.
    let (rows, filler) = (200, "x".repeat(1_000_000));
    let mut connection = Connection::open(shop.gateway.address());
    connection.send(&post("/gw/import/segments").header("Transfer-Encoding", "chunked"));
    chunk(&mut connection, "id,segments,memo\n");
    for row in 0..rows {
        chunk(&mut connection, &format!("m-{row},vip,{filler}\n"));
    }
    connection.send_bytes(b"0\r\n\r\n");
    let (status, said) = told(&connection.response());
    assert_eq!((status, counts(&said), &said["ignored_columns"]), (200, [198, 2, 0, 0], &serde_json::json!(["memo"])));
    let grown = memory().peak.saturating_sub(before.now);
    assert!(grown < 64 << 10, "it has grown by {grown} kB for a file of {rows} MB");
}
