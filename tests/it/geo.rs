//! Where a visitor is, as a real database of places tells it.

use crate::support::{Gateway, Origin, Request, Rules, inserting};

#[test]
fn visitor_gets_what_is_said_for_their_country() {
    let origin = Origin::page("", "<!doctype html><html><head></head><body>shop</body></html>");
    let rules = Rules::shop(origin.address());
    let database = concat!(env!("CARGO_MANIFEST_DIR"), "/target/data/maxminddb-2.6.2/test-data/GeoIP2-City-Test.mmdb");
    rules.write("gateway.toml", &format!("geo_database = '{database}'\ntrusted_proxies = ['127.0.0.1']\n"));
    rules.scenario("england", &inserting("geo.country == 'GB' && geo.region == 'ENG'", "<p>Hello, England</p>"));
    rules.scenario("elsewhere", &inserting("geo.country != 'GB'", "<p>Hello, world</p>"));
    let gateway = Gateway::serve(rules.path());
    let page_from = |address: &str| gateway.fetch(&Request::page("/").header("X-Forwarded-For", address)).text();
    assert!(page_from("2.125.160.216").contains("Hello, England"));
    assert!(page_from("216.160.83.56").contains("Hello, world"));
    // An address that no database knows: neither condition holds, for a fact is missing.
    assert!(!page_from("10.9.8.7").contains("Hello"));
}
