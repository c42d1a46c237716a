//! The shop as a browser meets it: over a socket.

use super::*;
use crate::clock::{FixedClock, SystemClock};
use crate::ids::OsRandom;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use std::collections::BTreeMap;
use std::io::Read;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

#[tokio::test]
#[ignore = "serves the shop at port 8101 for a look at it"]
async fn look() {
    let listener = TcpListener::bind("127.0.0.1:8101").await.unwrap();
    serve(listener, Arc::new(OsRandom), Arc::new(SystemClock), std::future::pending()).await.unwrap();
}

/// A browser: it keeps cookies and sends forms as browsers do.
struct Browser {
    address: std::net::SocketAddr,
    cookies: BTreeMap<String, String>,
    headers: Vec<(&'static str, String)>,
    tasks: JoinSet<()>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Browser {
    async fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let clock = FixedClock("2026-11-20T03:00:00Z".parse().unwrap());
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            serve(listener, Arc::new(OsRandom), Arc::new(clock), std::future::pending()).await.unwrap();
        });
        Self { address, cookies: BTreeMap::new(), headers: Vec::new(), tasks }
    }

    async fn send(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        self.tasks.spawn(async move { connection.await.unwrap() });
        let mut request = Request::builder().method(method).uri(path).header("host", "shop.test");
        for (name, value) in self.headers.iter().map(|(n, v)| (*n, v.as_str())).chain(headers.iter().copied()) {
            request = request.header(name, value);
        }
        let cookies: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        let answer = sender.send_request(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()).await.unwrap();
        let (parts, body) = answer.into_parts();
        for cookie in parts.headers.get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            assert!(rest.contains("; HttpOnly; SameSite=Lax"), "{rest}");
            self.cookies.insert(name.into(), rest.split(';').next().unwrap().into());
        }
        Answer { status: parts.status, headers: parts.headers, body: body.collect().await.unwrap().to_bytes() }
    }

    async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &[], "").await
    }

    async fn post(&mut self, path: &str, form: &str) -> Answer {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", "http://shop.test")];
        self.send(Method::POST, path, &headers, form).await
    }
}

const ADDRESS: &str = "name=%E5%B1%B1%E7%94%B0&email=hanako%40example.com&postcode=%EF%BC%91%EF%BC%90%EF%BC%900001&address=Tokyo&payment=card";

#[tokio::test]
async fn a_customer_browses_buys_and_is_thanked_once() {
    let mut browser = Browser::open().await;
    for path in ["/", "/category/tea", "/category/tea?sort=high", "/product/uji-sencha", "/search?q=sencha", "/help"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}");
        assert!(page.text().contains("宇治の煎茶") || path == "/help", "{path}");
    }
    assert!(browser.cookies.is_empty(), "who only looks around has no session");

    let added = browser.post("/cart/add", "product=uji-sencha&quantity=3").await;
    assert_eq!((added.status, added.header("location")), (StatusCode::SEE_OTHER, "/cart"));
    browser.post("/cart/add", "product=kaya-fukin").await;
    assert!(browser.get("/cart").await.text().contains("data-total=\"6510\""));
    assert!(!browser.get("/cart").await.text().contains("カートに入れました"), "it is said once");
    browser.post("/cart/update", "quantity-uji-sencha=3&quantity-kaya-fukin=1&remove=uji-sencha").await;
    assert!(browser.get("/cart").await.text().contains("data-total=\"2200\""), "delivery comes on top");
    browser.post("/cart/coupon", "code=+chotto10+").await;
    assert!(browser.get("/cart").await.text().contains("data-total=\"2035\""));

    let refused = browser.post("/checkout", "name=&email=nobody&postcode=12&address=%20&payment=gold").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(refused.text().matches("aria-invalid").count(), 4);
    let summary: Vec<&str> =
        refused.text().split("<li><a href=\"#").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    assert_eq!(summary, ["name", "email", "postcode", "address", "payment"]);
    assert_eq!(browser.get("/thank-you").await.header("location"), "/cart", "nothing is ordered yet");

    let ordered = browser.post("/checkout", ADDRESS).await;
    assert_eq!(ordered.header("location"), "/thank-you");
    let thanks = browser.get("/thank-you").await;
    let number = thanks.text().split("id=\"order-number\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert!(number.starts_with("N261120-") && number.len() == 14, "{number}");
    assert!(thanks.text().contains("data-total=\"2035\""));
    assert_eq!(browser.post("/checkout", ADDRESS).await.header("location"), "/cart", "sent twice, ordered once");
    assert!(browser.get("/thank-you").await.text().contains(&number), "the page may be read again");
}

#[tokio::test]
async fn login_is_told_in_headers_and_gets_a_new_session() {
    let mut browser = Browser::open().await;
    assert_eq!(browser.get("/account").await.header("location"), "/login");
    let page = browser.get("/").await;
    assert_eq!((page.header("x-shop-customer-member"), page.header("x-shop-customer-rank")), ("false", ""));

    browser.post("/cart/add", "product=hinoki-masu&quantity=2").await;
    let before = browser.cookies["norendo_session"].clone();
    let wrong = browser.post("/login", "email=kenji%40example.com&password=x").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    browser.post("/login", "email=KENJI%40example.com&password=noren").await;
    assert_ne!(browser.cookies["norendo_session"], before);

    let page = browser.get("/account").await;
    assert!(page.text().contains("佐藤 健司さま") && page.text().contains("金のれん会員"));
    let told = ["member", "id", "name", "rank", "gender", "age", "points"]
        .map(|field| page.header(&format!("x-shop-customer-{field}")).to_owned());
    assert_eq!(told, ["true", "1002", "%E4%BD%90%E8%97%A4%20%E5%81%A5%E5%8F%B8", "gold", "male", "52", "5680"]);
    assert!(browser.get("/cart").await.text().contains("data-total=\"2310\""), "the cart stays");

    let known = browser.cookies.insert("norendo_session".into(), before).unwrap();
    assert_eq!(browser.get("/account").await.header("location"), "/login", "the old id is worth nothing");
    browser.cookies.insert("norendo_session".into(), known);
    browser.post("/logout", "").await;
    assert_eq!(browser.get("/account").await.header("location"), "/login");
}

#[tokio::test]
async fn language_is_chosen_by_browser_then_by_cookie_then_by_address() {
    let mut browser = Browser::open().await;
    assert!(browser.get("/").await.text().contains("<html lang=\"ja\">"));
    browser.headers.push(("accept-language", "en-US,ja;q=0.5".into()));
    let english = browser.get("/product/kokeshi-haru").await;
    assert!(english.text().contains("<html lang=\"en\">") && english.text().contains("¥4,180"));
    assert_eq!(english.header("content-language"), "en");
    let switched = browser.get("/search?q=a%26b&lang=ja").await;
    assert!(switched.text().contains("href=\"?q=a%26b&amp;lang=en\""), "the rest of the query stays");
    assert!(browser.get("/").await.text().contains("<html lang=\"ja\">"), "and it is remembered");
}

#[tokio::test]
async fn gzip_only_for_those_who_accept_it() {
    let mut browser = Browser::open().await;
    let plain = browser.get("/").await;
    assert_eq!(plain.header("content-encoding"), "");
    for refusing in ["gzip;q=0, br", "br", "*"] {
        let page = browser.send(Method::GET, "/", &[("accept-encoding", refusing)], "").await;
        assert_eq!(page.header("content-encoding"), "", "{refusing}");
    }
    let packed = browser.send(Method::GET, "/", &[("accept-encoding", "br, gzip;q=0.8")], "").await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    let vary: Vec<&str> = packed.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
    assert!(vary.join(", ").contains("Accept-Encoding") && packed.body.len() * 2 < plain.body.len());
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed.body.as_ref()).read_to_string(&mut text).unwrap();
    assert_eq!(text, plain.text());
    let head = browser.send(Method::HEAD, "/", &[("accept-encoding", "gzip")], "").await;
    assert_eq!((head.header("content-encoding"), head.body.len()), ("gzip", 0));
}

#[tokio::test]
async fn static_pieces_have_validators() {
    let mut browser = Browser::open().await;
    let picture = browser.get("/assets/pictures/uji-sencha.svg").await;
    assert_eq!(picture.header("content-type"), "image/svg+xml");
    let (etag, date) = (picture.header("etag"), picture.header("last-modified"));
    for (headers, status) in [
        (vec![("if-none-match", etag)], 304),
        (vec![("if-none-match", "\"other\""), ("if-modified-since", date)], 200),
        (vec![("if-modified-since", date)], 304),
        (vec![("if-modified-since", "Thu, 01 Jan 2026 00:00:00 GMT")], 200),
    ] {
        let answer = browser.send(Method::GET, "/assets/pictures/uji-sencha.svg", &headers, "").await;
        assert_eq!((answer.status.as_u16(), answer.body.is_empty()), (status, status == 304), "{headers:?}");
    }
}

#[tokio::test]
async fn products_describe_themselves_to_machines_and_cannot_break_out() {
    let mut browser = Browser::open().await;
    let page = browser.get("/product/cherry-bark-caddy").await;
    let json = page.text().split("application/ld+json\">").nth(1).unwrap().split("</script>").next().unwrap();
    let json: serde_json::Value = serde_json::from_str(json).unwrap();
    let offer = &json["@graph"][0]["offers"];
    assert_eq!(offer["price"], 8800);
    assert_eq!(offer["availability"], "https://schema.org/OutOfStock");
    assert_eq!(offer["url"], "http://shop.test/product/cherry-bark-caddy");

    let hostile = browser.get("/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await;
    assert!(!hostile.text().contains("<script>alert"));
    browser.headers.push(("x-forwarded-proto", "https".into()));
    let shown = browser.get("/?lang=en").await;
    assert!(shown.text().contains("rel=\"canonical\" href=\"https://shop.test/\""));
    assert!(shown.header("set-cookie").ends_with("; Secure"));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_politely() {
    let mut browser = Browser::open().await;
    let form = [("content-type", "application/x-www-form-urlencoded")];
    let long = format!("code={}", "x".repeat(20_000));
    for (path, headers, body, status) in [
        ("/cart/add", &form[..], "product=nothing", 404),
        ("/cart/add", &form[..], "product=uji-sencha&quantity=-1", 400),
        ("/cart/add", &form[..], "product=uji-sencha&quantity=99999999999", 400),
        ("/cart/update", &form[..], "quantity-uji-sencha=%FF", 400),
        ("/cart/add", &[("content-type", "application/json")][..], "{}", 400),
        ("/cart/coupon", &form[..], long.as_str(), 413),
    ] {
        let answer = browser.send(Method::POST, path, headers, body).await;
        assert_eq!(answer.status.as_u16(), status, "{path} {body:.40}");
        assert!(answer.text().contains("</html>"));
    }
    for path in ["/nothing", "/product/%FF", "/product/", "/category/tea/x", "/assets/../Cargo.toml"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.text().contains("noindex"));
    }
    browser.cookies.insert("norendo_session".into(), "+0000000000000000000000000000000".into());
    assert_eq!(browser.get("/cart").await.status, StatusCode::OK);
}

#[tokio::test]
async fn forms_of_other_sites_are_refused() {
    let mut browser = Browser::open().await;
    for (origin, status) in
        [("https://evil.test", 403), ("null", 403), ("https://shop.test", 303), ("http://shop.test", 303)]
    {
        let headers = [("content-type", "application/x-www-form-urlencoded"), ("origin", origin)];
        let answer = browser.send(Method::POST, "/cart/add", &headers, "product=uji-sencha").await;
        assert_eq!(answer.status.as_u16(), status, "{origin}");
    }
}

#[tokio::test]
async fn every_page_renders_in_both_languages() {
    let mut browser = Browser::open().await;
    browser.post("/cart/add", "product=dorayaki").await;
    browser.post("/login", "email=emma%40example.com&password=noren").await;
    browser.post("/checkout", ADDRESS).await;
    browser.post("/cart/add", "product=dorayaki").await;
    let mut paths: Vec<String> =
        ["/", "/search", "/search?q=zzz", "/cart", "/checkout", "/thank-you", "/account", "/help"]
            .map(str::to_owned)
            .into();
    paths.extend(["/chat".to_owned(), "/chat?ask=gift".to_owned()]);
    paths.extend(catalogue::CATEGORIES.iter().map(|category| format!("/category/{}", category.slug)));
    paths.extend(catalogue::all().map(|(_, product)| format!("/product/{}", product.slug)));
    for lang in ["ja", "en"] {
        browser.headers = vec![("accept-language", lang.into())];
        for path in &paths {
            let page = browser.get(path).await;
            assert_eq!(page.status, StatusCode::OK, "{path} {lang}");
            assert!(page.text().contains(&format!("<html lang=\"{lang}\">")) && page.text().contains("</html>"));
        }
    }
}
