//! `noren detect` against shops that answer as shops do: over redirects, and compressed although nobody asked for it.

use crate::support::Origin;
use crate::support::origin::page;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

fn noren(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_noren")).arg("detect").args(arguments).output().unwrap()
}

fn saved(platform: &str, page: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/platforms/{platform}/{page}.html"))
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn a_shop_is_recognised_over_redirects_and_through_compression() {
    let body = gzip(&std::fs::read(saved("ec-cube-4", "product")).unwrap());
    let origin = Origin::new(move |request, wire| {
        match request.target.as_str() {
        "/" => wire.send(
            "HTTP/1.1 302 Found\r\nLocation: products/detail/12\r\nSet-Cookie: eccube=abc; path=/; HttpOnly\r\nContent-Length: 0\r\n\r\n",
        ),
        _ => wire.send(page("Content-Encoding: gzip\r\n", &body)),
    }
    });
    let told = noren(&[&format!("http://{}/", origin.address()), "--format", "json"]);
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let report: Value = serde_json::from_slice(&told.stdout).unwrap();
    assert_eq!(report["platform"], "ec-cube-4");
    assert_eq!(report["site_toml"], "platform = \"ec-cube-4\"");
    assert_eq!((&report["kind"], &report["content"]["product"]["id"]), (&json!("product"), &json!("12")));
    let signs: Vec<&str> = report["candidates"][0]["signs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sign| sign["sign"].as_str().unwrap())
        .collect();
    assert!(signs.contains(&"sets the cookie `eccube`"), "{signs:?}");
    assert_eq!(origin.last().header("accept-encoding"), Some("identity"));
}

#[test]
fn a_saved_page_is_read_as_the_address_that_it_is_from() {
    let file = saved("ec-cube-2", "search");
    let told = noren(&[file.to_str().unwrap(), "--address", "https://yunomi.example/products/list.php?name=%E6%B9%AF"]);
    let text = String::from_utf8(told.stdout).unwrap();
    for wanted in ["EC-CUBE 2", "kind search", "term  湯", "platform = \"ec-cube-2\""] {
        assert!(text.contains(wanted), "no `{wanted}` in:\n{text}");
    }
}

#[test]
fn what_is_no_page_is_said_so() {
    let loops = Origin::fixed("HTTP/1.1 301 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    let image = Origin::fixed("HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 4\r\n\r\n\u{1}png");
    for (arguments, wanted) in [
        (vec![format!("http://{}/", loops.address())], "redirects more than"),
        (vec![format!("http://{}/", image.address())], "no page that Noren would read"),
        (vec!["no/such/file.html".to_owned()], "cannot be read"),
    ] {
        let told = noren(&arguments.iter().map(String::as_str).collect::<Vec<_>>());
        let error = String::from_utf8_lossy(&told.stderr).into_owned();
        assert!(!told.status.success() && error.contains(wanted), "{error}");
    }
}
