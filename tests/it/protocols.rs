//! TLS by SNI, HTTP/2 over TLS and in the clear.

use crate::support::h2::H2;
use crate::support::{Gateway, Origin, Request, Rules, inserting, tls};
use tempfile::TempDir;

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

fn rules_for(origin: &Origin) -> Rules {
    let rules = Rules::shop(origin.address());
    rules.site("other", "other.example", origin.address(), "");
    rules.scenario("hello", &inserting("true", "<div>hello</div>"));
    rules
}

#[test]
fn certificate_is_chosen_by_name() {
    let origin = Origin::page("", HTML);
    let certificates = TempDir::new().unwrap();
    let shop = tls::write_certificate(certificates.path(), "shop.example");
    let other = tls::write_certificate(certificates.path(), "other.example");
    let gateway = Gateway::serve_tls(rules_for(&origin).path(), certificates.path());
    // Each client trusts one certificate alone, so an answer proves which one was shown.
    let response = tls::open(gateway.tls_address(), "shop.example", &shop).exchange(&Request::page("/"));
    assert!(response.has("hello/a"));
    let ours = response.all("set-cookie").concat();
    assert!(ours.contains("Secure"), "{ours}");
    assert_eq!(origin.last().header("x-forwarded-proto"), Some("https"));
    let request = Request::page("/").host("other.example");
    assert!(!tls::open(gateway.tls_address(), "other.example", &other).exchange(&request).has("hello/a"));
}

#[test]
fn new_certificate_is_used_without_a_restart() {
    let origin = Origin::page("", HTML);
    let certificates = TempDir::new().unwrap();
    tls::write_certificate(certificates.path(), "shop.example");
    let gateway = Gateway::serve_tls(rules_for(&origin).path(), certificates.path());
    let renewed = tls::write_certificate(certificates.path(), "shop.example");
    crate::support::eventually("the new certificate is shown", || {
        tls::is_trusted(gateway.tls_address(), "shop.example", &renewed).then_some(())
    });
}

#[test]
fn http_2_is_spoken_over_tls() {
    let origin = Origin::page("", HTML);
    let certificates = TempDir::new().unwrap();
    let certificate = tls::write_certificate(certificates.path(), "shop.example");
    let gateway = Gateway::serve_tls(rules_for(&origin).path(), certificates.path());
    let mut connection = H2::tls(gateway.tls_address(), "shop.example", &certificate);
    assert_rewritten(&mut connection, "https://shop.example/");
}

#[test]
fn http_2_is_spoken_in_the_clear() {
    let origin = Origin::page("", HTML);
    let gateway = Gateway::serve(rules_for(&origin).path());
    assert_rewritten(&mut H2::plain(gateway.address()), "http://shop.example/");
}

fn assert_rewritten(connection: &mut H2, uri: &str) {
    for _ in 0..3 {
        let response = connection.page(uri);
        let body = String::from_utf8(response.body.unwrap().into()).unwrap();
        assert_eq!((response.status.as_u16(), body.matches("hello/a").count()), (200, 1));
        assert!(body.ends_with("</html>"));
        assert!(
            !response.headers.contains_key("transfer-encoding") && !response.headers.contains_key("content-length")
        );
    }
}
