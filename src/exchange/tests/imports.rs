//! An import that fails by no fault of its sender's is answered, counted and named, and what was sent is not.

use super::*;
use crate::site::imports::{ImportSettings, Token};
use http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};

const TOKEN: &str = "the-token-of-this-shop";

/// Whoever has the token may send.
pub(super) fn settings() -> ImportSettings {
    ImportSettings { token: Token::Hash(Sha256::digest(TOKEN).into()), max_size: 1 << 20 }
}

impl Shop {
    fn import_call(&self, path: &str) -> Received {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv"));
        headers.insert(AUTHORIZATION, HeaderValue::from_str(&format!("Bearer {TOKEN}")).unwrap());
        self.gateway.receive(&RequestView {
            method: &Method::POST,
            path,
            query: "",
            authority: "shop.example",
            host: "shop.example",
            version: Version::HTTP_11,
            headers: &headers,
            peer: IpAddr::from([203, 0, 113, 9]),
            tls: false,
        })
    }

    async fn import(&self, file: &'static str) -> Answer {
        let Received::Import(call) = self.import_call("/gw/import/customers") else { panic!("it is an import") };
        let (feed, import) = call.begin().await.ok().unwrap();
        let sending = async {
            feed.give(Bytes::from_static(file.as_bytes())).await;
            feed.end().await;
        };
        tokio::join!(import.run(), sending).0
    }
}

#[tokio::test]
async fn store_that_fails_or_panics_is_told_and_the_sender_may_come_again() {
    for (loading, retry) in [(Loading::Fails, Some("30")), (Loading::Panics, Some("30")), (Loading::Works, None)] {
        let shop = Shop::new(&[], loading);
        let answer = shop.import("id,rank\nm-4711,gold\n").await;
        let status = if retry.is_some() { 503 } else { 200 };
        let told =
            answer.headers.iter().find(|(name, _)| name == "retry-after").map(|(_, value)| value.to_str().unwrap());
        assert_eq!((answer.status.as_u16(), told), (status, retry), "{loading:?}");
        assert_eq!(shop.failures("import"), u64::from(retry.is_some()));
        let log = String::from_utf8(shop.log.0.lock().unwrap().clone()).unwrap();
        assert!(log.contains("\"import\"") && !log.contains("m-4711"), "{log}");
    }
}

#[tokio::test]
async fn file_whose_sender_goes_without_a_word_is_no_whole_file() {
    let shop = Shop::new(&[], Loading::Works);
    let Received::Import(call) = shop.import_call("/gw/import/customers") else { panic!("it is an import") };
    let (feed, import) = call.begin().await.ok().unwrap();
    let sending = async {
        feed.give(Bytes::from_static(b"id,points\nm-1,1\nm-2,12")).await;
        drop(feed);
    };
    let answer = tokio::join!(import.run(), sending).0;
    let said: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status.as_u16(), &said["new"], &said["bad"]), (400, &1.into(), &0.into()), "{said}");
}

#[tokio::test]
async fn other_paths_are_no_imports() {
    let shop = Shop::new(&[], Loading::Works);
    for path in ["/gw/import/", "/gw/import/customers/1", "/gw/imports/customers"] {
        assert!(matches!(shop.import_call(path), Received::Own(_)), "{path}");
    }
    assert!(matches!(shop.import_call("/import/customers"), Received::Forward(_)));
}
