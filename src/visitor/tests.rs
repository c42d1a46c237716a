use super::*;

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0";
const NAVIGATION: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8";

fn caller(headers: &[(&'static str, &'static str)]) -> Caller {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    Caller::of(&Method::GET, &map)
}

#[test]
fn browser_navigation_is_a_visitor() {
    assert_eq!(
        caller(&[("user-agent", CHROME), ("accept", NAVIGATION), ("sec-fetch-dest", "document")]),
        Caller::Visitor
    );
    assert_eq!(caller(&[("user-agent", CHROME), ("accept", NAVIGATION)]), Caller::Visitor, "plain http, no Sec-Fetch");
}

#[test]
fn in_app_browser_that_names_its_package_is_a_visitor() {
    let headers = [("user-agent", CHROME), ("accept", NAVIGATION), ("x-requested-with", "jp.naver.line.android")];
    assert_eq!(caller(&headers), Caller::Visitor);
}

#[test]
fn command_line_client_is_a_visitor() {
    assert_eq!(caller(&[("user-agent", "curl/8.5.0"), ("accept", "*/*")]), Caller::Visitor);
    assert_eq!(caller(&[]), Caller::Visitor);
}

#[test]
fn fetching_ahead_is_no_visit() {
    for purpose in [
        ("sec-purpose", "prefetch;prerender"),
        ("sec-purpose", "prefetch"),
        ("purpose", "Prefetch"),
        ("x-moz", "prefetch"),
        ("x-purpose", "preview"),
    ] {
        let headers = [("user-agent", CHROME), ("accept", NAVIGATION), ("sec-fetch-dest", "document"), purpose];
        assert_eq!(caller(&headers), Caller::Prefetch, "{purpose:?}");
    }
}

#[test]
fn what_scripts_and_pages_load_is_no_document() {
    for sign in [
        ("sec-fetch-dest", "empty"),
        ("sec-fetch-dest", "iframe"),
        ("sec-fetch-dest", "image"),
        ("x-requested-with", "XMLHttpRequest"),
        ("hx-request", "true"),
        ("turbo-frame", "cart"),
        ("x-pjax", "true"),
    ] {
        assert_eq!(caller(&[("user-agent", CHROME), ("accept", NAVIGATION), sign]), Caller::NotADocument, "{sign:?}");
    }
    for accept in ["*/*", "application/json", "image/avif,image/webp,*/*;q=0.8"] {
        assert_eq!(caller(&[("user-agent", CHROME), ("accept", accept)]), Caller::NotADocument, "{accept}");
    }
}

#[test]
fn only_get_and_post_show_documents() {
    let mut headers = HeaderMap::new();
    headers.insert("accept", NAVIGATION.parse().unwrap());
    assert_eq!(Caller::of(&Method::POST, &headers), Caller::Visitor);
    assert_eq!(Caller::of(&Method::HEAD, &headers), Caller::NotADocument);
    assert_eq!(Caller::of(&Method::PUT, &headers), Caller::NotADocument);
}

#[test]
fn robot_is_a_robot_whatever_else_it_says() {
    let headers = [("user-agent", "Googlebot/2.1"), ("sec-fetch-dest", "document"), ("sec-purpose", "prefetch")];
    assert_eq!(caller(&headers), Caller::Bot);
}
