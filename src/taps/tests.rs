use super::*;
use crate::commerce::{Cart, Line, Order, Product, Search};
use crate::rules::{LoadOptions, load_rules};
use http::HeaderValue;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, LOCATION};
use std::io::Write as _;

const URLENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=----WebKitFormBoundaryABC";
const JSON: &str = "application/json; charset=utf-8";

const SHOP: &str = r#"
[[forms]]
event    = "add_to_cart"
path     = ["/cart/add", "/basket/add/*/"]
where    = { mode = ["cart", "buy"] }
unless   = { dry = "*" }
charset  = "euc-jp"
id       = ["variant", "product", "/items/*/id", { segment = 3 }]
name     = "name"
price    = "price"
quantity = ["qty", "/items/0/quantity"]

[[forms]]
event  = "search"
path   = "/search"
term   = "q"

[[forms]]
event   = "login"
path    = "/login"
success = { redirect = true, not_redirect = "/login*" }

[[forms]]
event   = "login"
path    = "/api/login"
success = { status = 200, json = "/redirect", json_not = "/error" }

[[forms]]
event = "remove_from_cart"
path  = "/cart/change"
where = { quantity = "0" }
id    = { query = "line" }

[[forms]]
event  = "begin_checkout"
method = ["GET", "POST"]
path   = "/checkout"
value  = "total"

[[api]]
path = "/api/cart**"
[api.cart]
lines    = "/items"
line     = { id = "/id", name = "/name", price = { at = "/prices/price", scale = "/prices/unit" }, quantity = "/quantity" }
value    = { at = "/totals/items", scale = 2 }
currency = "/totals/code"

[[api]]
path = "/api/products"
where = { page = "*" }
[api.listed]
at       = "/products"
id       = ["/sku", "/id"]
name     = "/title"
category = "/categories/*/name"
price    = "/price"
in_stock = { at = "/stock", is = "instock" }
[api.search]
term    = { query = "q" }
results = "/total"

[[api]]
path = "/api/order"
[api.order]
id      = "/order/number"
value   = "/order/total"
coupons = "/order/coupons/*/code"
lines   = "/order/lines"
line    = { id = "/sku", quantity = "/qty" }
"#;

fn taps() -> Arc<Taps> {
    let folder = tempfile::tempdir().unwrap();
    let site = format!("hosts = ['shop.example']\norigin = 'http://127.0.0.1:1'\n{SHOP}");
    std::fs::create_dir_all(folder.path().join("sites/shop")).unwrap();
    std::fs::write(folder.path().join("sites/shop/site.toml"), site).unwrap();
    let options = LoadOptions { prefix: "gw".into(), now: jiff::Timestamp::UNIX_EPOCH };
    let loaded = load_rules(folder.path(), &options);
    assert!(loaded.problems.0.is_empty(), "{:?}", loaded.problems.0);
    loaded.good_sites().next().unwrap().platform.layout().taps.clone()
}

/// A request and its answer.
struct Talk {
    taps: Arc<Taps>,
    method: Method,
    target: &'static str,
    kind: &'static str,
    status: u16,
    headers: HeaderMap,
    answer: Vec<u8>,
}

impl Talk {
    fn new(method: Method, target: &'static str, kind: &'static str) -> Self {
        Self { taps: taps(), method, target, kind, status: 200, headers: HeaderMap::new(), answer: Vec::new() }
    }

    fn post(target: &'static str, kind: &'static str) -> Self {
        Self::new(Method::POST, target, kind)
    }

    fn redirected(mut self, to: &'static str) -> Self {
        self.status = 302;
        self.headers.insert(LOCATION, HeaderValue::from_static(to));
        self
    }

    fn answered(mut self, json: impl Into<Vec<u8>>) -> Self {
        self.headers.insert(CONTENT_TYPE, HeaderValue::from_static(JSON));
        self.answer = json.into();
        self
    }

    fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    fn heard(&self, pieces: &[&[u8]]) -> Option<Heard> {
        let (path, query) = self.target.split_once('?').unwrap_or((self.target, ""));
        let mut tap = Tap::of(&self.taps, &self.method, path, query)?;
        let mut request = HeaderMap::new();
        request.insert(CONTENT_TYPE, HeaderValue::from_static(self.kind));
        tap.sent(&request);
        for piece in pieces {
            tap.request(piece);
        }
        tap.answered(StatusCode::from_u16(self.status).unwrap(), &self.headers);
        for piece in self.answer.chunks(100) {
            tap.answer(piece);
        }
        Some(tap.heard())
    }

    fn done(&self, body: impl AsRef<[u8]>) -> Option<What> {
        self.heard(&[body.as_ref()])?.done
    }

    fn content(&self) -> Content {
        self.heard(&[]).unwrap().content
    }
}

fn added(id: &str, quantity: u32) -> What {
    What::AddToCart(Line { id: id.into(), quantity, ..Line::default() })
}

const FORM: &str = "------WebKitFormBoundaryABC\r\nContent-Disposition: form-data; name=\"mode\"\r\n\r\ncart\r\n\
    ------WebKitFormBoundaryABC\r\nContent-Disposition: form-data; name=\"photo\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\
    \r\n------WebKitFormBoundaryAB\r\n\r\r\n\r\n\
    ------WebKitFormBoundaryABC\r\ncontent-disposition: form-data; name=product\r\nContent-Type: text/plain\r\n\r\n--\r\n--A\u{e9}\r\n\
    ------WebKitFormBoundaryABC\r\nContent-Disposition: form-data; name=\"variant\"\r\n\r\n\r\n\
    ------WebKitFormBoundaryABC\r\nContent-Disposition: form-data; name=\"qty\"\r\n\r\n3\r\n\
    ------WebKitFormBoundaryABC--\r\nname=\"qty\"\r\n\r\n9";

#[test]
fn forms_say_the_same_wherever_they_are_split() {
    let json = r#"{"mode":"cart","variant":"","items":[{"sku":0},{"id":42,"x":{"y":[1]}}],"password":"x","qty":"2"}"#;
    let encoded = "a=%3&mode=cart&variant=&product=M%2D1+%E6%B9%AF&qty=2&&qty=3&password=secret";
    for (kind, body, wanted) in [
        (MULTIPART, FORM, Some(added("--  --Aé", 3))),
        (URLENCODED, encoded, Some(added("M-1 湯", 3))),
        (JSON, json, Some(added("42", 2))),
    ] {
        let talk = Talk::post("/cart/add", kind);
        for at in 0..=body.len() {
            let (head, tail) = body.as_bytes().split_at(at);
            assert_eq!(talk.heard(&[head, tail]).unwrap().done, wanted, "{kind} split at {at}");
        }
        let bytes: Vec<&[u8]> = body.as_bytes().chunks(1).collect();
        assert_eq!(talk.heard(&bytes).unwrap().done, wanted, "{kind} byte by byte");
    }
}

#[test]
fn add_to_cart_is_told_if_its_conditions_hold_and_the_shop_took_it() {
    let talk = || Talk::post("/cart/add", URLENCODED);
    let body = "mode=cart&product=7";
    assert_eq!(talk().done(body), Some(added("7", 1)));
    assert_eq!(talk().redirected("/cart").done(body), Some(added("7", 1)));
    assert_eq!(talk().done("mode=buy&product=0&variant=0"), None, "0 is no product");
    assert_eq!(talk().done("mode=look&product=7"), None);
    assert_eq!(talk().done("mode=cart&product=7&dry=1"), None);
    assert_eq!(talk().done("mode=cart&product=7&qty=0"), None);
    assert_eq!(talk().done("product=7"), None);
    for status in [400, 404, 422, 500] {
        assert_eq!(talk().status(status).done(body), None, "{status}");
    }
    assert_eq!(Talk::post("/cart/add?mode=cart", URLENCODED).done("product=7"), Some(added("7", 1)), "by the query");
    assert_eq!(Talk::post("/basket/add/a%2F9/", URLENCODED).done("mode=cart"), Some(added("a/9", 1)), "by the path");
    let whole =
        What::AddToCart(Line { id: "7".into(), name: Some("湯呑み".into()), price: Some(1200.0), quantity: 2 });
    let euc = "mode=cart&product=7&name=%C5%F2%C6%DD%A4%DF&price=%A1%EF1%2C200&qty=2";
    assert_eq!(talk().done(euc), Some(whole));
    assert!(Talk::new(Method::GET, "/cart/add?mode=cart&product=7", URLENCODED).heard(&[]).is_none());
    assert!(Talk::post("/cart/other", URLENCODED).heard(&[]).is_none());
}

#[test]
fn login_counts_only_if_the_answer_says_so() {
    let login = || Talk::post("/login", URLENCODED);
    let body = "email=a%40b.example&password=4111";
    assert_eq!(login().redirected("/mypage").done(body), Some(What::Login));
    assert_eq!(login().redirected("https://shop.example/mypage?x=1").done(body), Some(What::Login));
    assert_eq!(login().done(body), None, "the form is shown again");
    assert_eq!(login().redirected("/login").done(body), None, "back to the form");
    assert_eq!(login().redirected("/login?error=1").done(body), None);
    assert_eq!(login().redirected("https://shop.example/login").done(body), None);
    assert_eq!(login().status(302).done(body), None, "to nowhere");
    assert_eq!(login().redirected("/elsewhere").status(307).done(body), None, "sent on, and not judged");
    assert_eq!(login().status(401).done(body), None);

    let api = |status, json: &str| Talk::post("/api/login", JSON).status(status).answered(json).done("{}");
    assert_eq!(api(200, r#"{"redirect":"/my","error":[]}"#), Some(What::Login));
    assert_eq!(api(200, r#"{"redirect":"/my","error":{"a":1}}"#), None);
    assert_eq!(api(200, r#"{"redirect":""}"#), None);
    assert_eq!(api(200, r#"{"redirect":"/my""#), None, "cut off");
    assert_eq!(api(422, r#"{"redirect":"/my"}"#), None);
    assert_eq!(Talk::post("/api/login", JSON).done("{}"), None, "no JSON at all");
}

#[test]
fn searches_checkouts_and_removals_are_told() {
    let search = |target| Talk::new(Method::GET, target, "").done("");
    let term = |term: &str| Some(What::Search(Search { term: term.into(), results: None }));
    assert_eq!(search("/search?q=%E6%B9%AF%E5%91%91+%E3%81%BF&page=2"), term("湯呑 み"));
    assert_eq!(search("/search?q="), None);
    assert_eq!(search("/search?q=4111+1111+1111+1111"), None, "a card's number");
    assert_eq!(search("/search?q=a%0d%0ab"), term("a  b"));
    let checkout = Talk::new(Method::GET, "/checkout?total=1,200", "");
    assert_eq!(checkout.done(""), Some(What::BeginCheckout { value: Some(1200.0) }));
    let line = Line { id: "5".into(), quantity: 1, ..Line::default() };
    assert_eq!(Talk::post("/cart/change?line=5", URLENCODED).done("quantity=0"), Some(What::RemoveFromCart(line)));
    assert_eq!(Talk::post("/cart/change?line=5", URLENCODED).done("quantity=1&line=6"), None);
}

#[test]
fn hostile_bodies_are_read_no_further_than_is_allowed() {
    let form = |kind, body: &[u8]| Talk::post("/cart/add", kind).done(body);
    let pad = "x".repeat(LONGEST_BODY);
    assert_eq!(form(URLENCODED, format!("mode=cart&product=7&pad={pad}&product=8").as_bytes()), Some(added("7", 1)));
    assert_eq!(form(JSON, format!(r#"{{"mode":"cart","product":7,"pad":"{pad}"}}"#).as_bytes()), None);
    assert_eq!(form(URLENCODED, format!("{pad}&mode=cart&product=7").as_bytes()), None);
    let Some(What::AddToCart(line)) = form(URLENCODED, format!("mode=cart&product={}", &pad[..9000]).as_bytes()) else {
        panic!("it is cut");
    };
    assert_eq!(line.id.len(), crate::commerce::MAX_TEXT);
    let deep = format!(r#"{{"mode":"cart","product":{}"#, "[".repeat(60_000));
    for (kind, body) in [
        (JSON, deep.as_bytes()),
        (JSON, br#"{"mode":"cart","product":{"id":7}}"#),
        (JSON, b"mode=cart&product=7"),
        (URLENCODED, b"mode=cart&product=%ff%fe%"),
        ("multipart/form-data", FORM.as_bytes()),
        ("multipart/form-data; boundary=\"\"", FORM.as_bytes()),
        ("multipart/form-data; boundary=other", FORM.as_bytes()),
        ("text/plain", b"mode=cart&product=7"),
        (MULTIPART, &FORM.as_bytes()[..FORM.find("name=product").unwrap() + 60]),
    ] {
        assert_eq!(form(kind, body), None, "{kind}: {}", String::from_utf8_lossy(&body[..body.len().min(60)]));
    }
    let endless_head = FORM.replace("text/plain", &"x".repeat(2000));
    assert_eq!(form(MULTIPART, endless_head.as_bytes()), None);
}

fn line(id: &str, name: &str, price: f64, quantity: u32) -> Line {
    Line { id: id.into(), name: Some(name.into()), price: Some(price), quantity }
}

const CART: &str = r#"{"items":[
    {"id":12,"name":"Hoodie","prices":{"price":"4500","unit":2},"quantity":1,"more":{"items":[1,2,3]}},
    {"id":"A-7","name":"湯呑み","prices":{"price":"120000","unit":2},"quantity":2},
    {"name":"no id"}, {"id":"B","quantity":0}, 5, null],
    "totals":{"items":"244500","code":"usd"}}"#;

#[test]
fn cart_of_a_json_answer_is_read_in_every_coding() {
    let wanted = Cart {
        lines: vec![line("12", "Hoodie", 45.0, 1), line("A-7", "湯呑み", 1200.0, 2)],
        items: None,
        value: Some(2445.0),
        currency: Some("USD".into()),
    };
    let plain = CART.as_bytes();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(plain).unwrap();
    let mut br = Vec::new();
    brotli::CompressorWriter::new(&mut br, 4096, 5, 22).write_all(plain).unwrap();
    for (coding, answer) in [
        ("identity", plain.to_vec()),
        ("gzip", gzip.finish().unwrap()),
        ("br", br),
        ("zstd", zstd::encode_all(plain, 3).unwrap()),
    ] {
        let mut talk = Talk::post("/api/cart/items", JSON).answered(answer);
        talk.headers.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
        assert_eq!(talk.content().cart.as_ref(), Some(&wanted), "{coding}");
        talk.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("unknown"));
        assert_eq!(talk.content(), Content::default());
    }
    assert_eq!(Talk::post("/api/cart", JSON).answered(CART).status(500).content(), Content::default());
    let empty = Talk::post("/api/cart", JSON).answered(r#"{"items":[]}"#).content();
    assert_eq!(empty.cart, Some(Cart::default()));
    assert_eq!(Talk::post("/api/cart", JSON).answered("{}").content().cart, None);
    let by_key = r#"{"items":{"a":{"id":1,"quantity":2},"b":{"id":2,"quantity":1}}}"#;
    assert_eq!(Talk::post("/api/cart", JSON).answered(by_key).content().cart.unwrap().lines.len(), 2);
}

#[test]
fn products_are_believed_of_answers_to_get_alone() {
    let json = r#"{"products":[{"sku":"S","title":"T","price":9.5,"categories":[{"name":"a"},{"name":"b"}],"stock":"instock"},
        {"id":3,"stock":"outofstock"}],"total":17}"#;
    let content = Talk::new(Method::GET, "/api/products?page=1&q=tea", "").answered(json).content();
    let first = Product {
        id: "S".into(),
        name: Some("T".into()),
        category: vec!["a".into(), "b".into()],
        price: Some(9.5),
        in_stock: Some(true),
        ..Product::default()
    };
    let second = Product { id: "3".into(), in_stock: Some(false), ..Product::default() };
    assert_eq!(content.listed, [first, second]);
    assert_eq!(content.search, Some(Search { term: "tea".into(), results: Some(17) }));
    assert!(Talk::post("/api/products?page=1", JSON).answered(json).content().listed.is_empty());
    assert!(Talk::new(Method::GET, "/api/products", "").answered(json).heard(&[]).is_none());
}

#[test]
fn order_of_a_json_answer_is_read() {
    let json =
        r#"{"order":{"number":1007,"total":"￥2,900","coupons":[{"code":"YORU"}],"lines":[{"sku":"M-1","qty":"2"}]}}"#;
    let content = Talk::post("/api/order", JSON).answered(json).content();
    let wanted = Order {
        id: "1007".into(),
        value: Some(2900.0),
        coupons: vec!["YORU".into()],
        lines: vec![Line { id: "M-1".into(), quantity: 2, ..Line::default() }],
        ..Order::default()
    };
    assert_eq!(content.order, Some(wanted));
    assert_eq!(Talk::post("/api/order", JSON).answered(r#"{"order":{"total":5}}"#).content().order, None);
}

#[test]
fn hostile_answers_are_read_no_further_than_is_allowed() {
    let cart = |json: String| Talk::post("/api/cart", JSON).answered(json).content().cart;
    let many = vec![r#"{"id":1}"#; 20_000].join(",");
    assert_eq!(cart(format!(r#"{{"items":[{many}]}}"#)).unwrap().lines.len(), crate::commerce::MAX_LINES);
    assert_eq!(cart(format!(r#"{{"items":[],"x":"{}"}}"#, "x".repeat(LONGEST_ANSWER))), None);
    assert_eq!(cart(format!(r#"{{"items":{}"#, "[".repeat(100_000))), None);
    let bomb = zstd::encode_all(&vec![b' '; 50 << 20][..], 3).unwrap();
    let mut talk = Talk::post("/api/cart", JSON).answered(bomb);
    talk.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("zstd"));
    assert_eq!(talk.content(), Content::default());
}
