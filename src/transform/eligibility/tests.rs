use super::*;

fn map(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    headers
}

fn decide(request: &[(&str, &str)], response: &[(&str, &str)]) -> Result<Page, Skip> {
    let (request, headers) = (map(request), map(response));
    eligible(&ResponseView { method: &Method::GET, request: &request, status: StatusCode::OK, headers: &headers }, &[])
}

const HTML: (&str, &str) = ("content-type", "text/html; charset=utf-8");

#[test]
fn plain_document_is_eligible() {
    let page = decide(&[("sec-fetch-dest", "document")], &[HTML, ("content-encoding", "br")]).unwrap();
    assert_eq!(page, Page { coding: Coding::Brotli, charset: Some(encoding_rs::UTF_8), has_body: true });
    let page = decide(&[], &[("content-type", "Text/HTML;Charset=\"windows-31j\"")]).unwrap();
    assert_eq!(page.charset, Some(encoding_rs::SHIFT_JIS));
    assert_eq!(decide(&[], &[("content-type", "text/html")]).unwrap().charset, None);
}

#[test]
fn response_that_is_no_whole_document_passes() {
    for (header, why) in [
        (("content-type", "application/xhtml+xml"), Skip::ContentType),
        (("content-type", "application/json"), Skip::ContentType),
        (("content-type", "text/html; charset=utf-16"), Skip::Charset),
        (("content-type", "text/html; charset=iso-2022-jp"), Skip::Charset),
        (("content-type", "text/html; charset=klingon"), Skip::Charset),
    ] {
        assert_eq!(decide(&[], &[header]), Err(why), "{header:?}");
    }
    for (header, why) in [
        (("content-range", "bytes 0-9/100"), Skip::Range),
        (("content-disposition", "Attachment; filename=a.html"), Skip::Attachment),
        (("cache-control", "public, No-Transform"), Skip::NoTransform),
        (("content-length", "0"), Skip::Empty),
        (("content-encoding", "compress"), Skip::Coding),
        (("content-encoding", "gzip, br"), Skip::Coding),
    ] {
        assert_eq!(decide(&[], &[HTML, header]), Err(why), "{header:?}");
    }
    assert_eq!(decide(&[], &[]), Err(Skip::NoContentType));
    assert_eq!(decide(&[], &[HTML, ("content-encoding", "gzip"), ("content-encoding", "br")]), Err(Skip::Coding));
    assert_eq!(decide(&[], &[HTML, ("content-encoding", "identity, x-gzip")]).unwrap().coding, Coding::Gzip);
    assert!(decide(&[], &[HTML, ("content-disposition", "inline; filename=attachment.html")]).is_ok());
}

#[test]
fn request_for_a_part_or_for_something_else_passes() {
    for (header, why) in [
        (("hx-request", "true"), Skip::Fragment),
        (("x-pjax", "true"), Skip::Fragment),
        (("turbo-frame", "cart"), Skip::Fragment),
        (("x-requested-with", "XMLHttpRequest"), Skip::Fragment),
        (("sec-fetch-dest", "iframe"), Skip::Destination),
        (("sec-fetch-dest", "empty"), Skip::Destination),
        (("sec-fetch-mode", "cors"), Skip::Destination),
    ] {
        assert_eq!(decide(&[header], &[HTML]), Err(why), "{header:?}");
        assert!(!is_document_request(&Method::GET, &map(&[header])));
    }
}

#[test]
fn method_and_status_decide() {
    let (request, headers) = (HeaderMap::new(), map(&[HTML, ("content-length", "0")]));
    let with = |method: &Method, status, also: &[StatusCode]| {
        eligible(&ResponseView { method, request: &request, status, headers: &headers }, also)
    };
    let head = with(&Method::HEAD, StatusCode::OK, &[]).expect("its head is edited as that of the page");
    assert!(!head.has_body);
    assert_eq!(with(&Method::POST, StatusCode::OK, &[]), Err(Skip::Method));
    assert_eq!(with(&Method::HEAD, StatusCode::NOT_FOUND, &[]), Err(Skip::Status));
    assert!(with(&Method::HEAD, StatusCode::NOT_FOUND, &[StatusCode::NOT_FOUND]).is_ok());
    for never in [StatusCode::PARTIAL_CONTENT, StatusCode::NOT_MODIFIED, StatusCode::NO_CONTENT] {
        assert_eq!(with(&Method::HEAD, never, &[never]), Err(Skip::Status));
    }
}

#[test]
fn navigation_is_told_from_other_requests() {
    let is = |method: &Method, pairs: &[(&str, &str)]| is_document_request(method, &map(pairs));
    assert!(is(&Method::GET, &[("sec-fetch-dest", "document"), ("accept", "*/*")]));
    assert!(is(&Method::GET, &[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")]));
    assert!(is(&Method::GET, &[]));
    assert!(is(&Method::GET, &[("x-requested-with", "jp.naver.line.android")]), "an app's browser");
    assert!(!is(&Method::POST, &[]));
    assert!(!is(&Method::GET, &[("accept", "image/avif,image/webp")]));
    assert!(!is(&Method::GET, &[("accept", "application/json")]));
    assert!(!is(&Method::GET, &[("sec-fetch-dest", "image"), ("accept", "text/html")]));
    assert!(!is(&Method::GET, &[("sec-fetch-mode", "cors"), ("accept", "text/html")]));
    assert!(!is(&Method::GET, &[("upgrade", "websocket")]));
}

#[test]
fn shop_is_asked_only_for_codings_that_the_client_takes_and_we_decode() {
    let cut = |accepted: &str| accept_encoding_for_origin(&map(&[("accept-encoding", accepted)])).unwrap();
    assert_eq!(cut("gzip, deflate, br, zstd, dcb, dcz"), "gzip, deflate, br, zstd");
    assert_eq!(cut("br;q=1.0, gzip;q=0.0, compress"), "br");
    assert_eq!(cut("compress"), "identity");
    assert_eq!(cut("*, br;q=0"), "gzip, deflate, zstd");
    assert_eq!(accept_encoding_for_origin(&HeaderMap::new()), None);
}

#[test]
fn client_gets_the_shops_coding_or_the_cheapest_that_it_takes() {
    let choose = |origin, accepted: &str| choose_coding(origin, &map(&[("accept-encoding", accepted)]));
    assert_eq!(choose(Coding::Gzip, "gzip, deflate, br, zstd"), OutCoding::Gzip);
    assert_eq!(choose(Coding::Deflate, "deflate, gzip"), OutCoding::Deflate);
    assert_eq!(choose(Coding::Deflate, "gzip"), OutCoding::Gzip);
    assert_eq!(choose(Coding::Brotli, "gzip, br, zstd"), OutCoding::Zstd);
    assert_eq!(choose(Coding::Brotli, "gzip, br"), OutCoding::Gzip);
    assert_eq!(choose(Coding::Brotli, "br"), OutCoding::Brotli);
    assert_eq!(choose(Coding::Gzip, "br"), OutCoding::Brotli);
    assert_eq!(choose(Coding::Gzip, "br;q=1, gzip;q=0"), OutCoding::Brotli);
    assert_eq!(choose(Coding::Gzip, "compress, gzip;q=0"), OutCoding::Identity);
    assert_eq!(choose(Coding::Identity, "gzip"), OutCoding::Identity);
}
