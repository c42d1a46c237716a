//! Pages are read as they pass, and pass all the same.

use super::*;

const PRODUCT: &str = "<!doctype html><html><head><title>T</title><meta property=\"og:type\" content=\"product\"></head><body>\
    <script type=\"application/ld+json\">{\"@type\":\"Product\",\"sku\":\"S1\",\"offers\":{\"price\":5}}</script></body></html>";

fn read(shop: &Shop, fact: &str) -> u64 {
    shop.gateway.metrics.facts_read.with_label_values(&["shop", fact]).get()
}

#[tokio::test]
async fn page_is_read_once_for_all_visitors_until_what_is_known_is_old() {
    for acts in [&[][..], &[("good", Act::Inserts("<b>good</b>"))]] {
        let shop = Shop::new(acts, Loading::Works);
        let wanted = if acts.is_empty() { PRODUCT.to_owned() } else { PRODUCT.replace("<body>", "<body><b>good</b>") };
        for _ in 0..2 {
            assert_eq!(shop.serve(&[], &[], PRODUCT).await.body, wanted);
        }
        assert_eq!((read(&shop, "product"), shop.failures("extract")), (1, 0));
    }
}

#[tokio::test]
async fn robots_pages_tell_of_products() {
    let shop = Shop::new(&[], Loading::Works);
    let robot = [(HeaderName::from_static("user-agent"), HeaderValue::from_static("Googlebot/2.1"))];
    shop.serve(&robot, &[], PRODUCT).await;
    assert_eq!(read(&shop, "product"), 1);
}

#[tokio::test]
async fn page_that_cannot_be_decoded_passes_and_may_be_read_again() {
    let shop = Shop::new(&[], Loading::Works);
    let served = shop.serve(&[], &[(http::header::CONTENT_ENCODING, "gzip")], PRODUCT).await;
    assert_eq!((served.body.as_str(), shop.failures("extract"), read(&shop, "product")), (PRODUCT, 1, 0));
    shop.serve(&[], &[], PRODUCT).await;
    assert_eq!(read(&shop, "product"), 1);
}
