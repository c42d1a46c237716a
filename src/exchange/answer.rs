//! Answers that Noren gives by itself: errors, redirects, its own files. Errors become pages here and nowhere else.

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use http::{HeaderName, HeaderValue, StatusCode};

/// An answer of Noren's own.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers; the length is set by the proxy.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body.
    pub body: Bytes,
}

impl Answer {
    /// A status without a body.
    #[must_use]
    pub fn empty(status: StatusCode) -> Self {
        let no_store = (CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Self { status, headers: vec![no_store], body: Bytes::new() }
    }

    /// A small page for an error. It tells a visitor what to do, and nothing about the inside.
    #[must_use]
    pub fn error(status: u16) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let (ja, en) = match status.as_u16() {
            400 => ("リクエストを解釈できませんでした。", "The request could not be understood."),
            408 => ("時間内にリクエストを受け取れませんでした。", "The request took too long to arrive."),
            413 => ("送信された内容が大きすぎます。", "What was sent is too large."),
            431 => ("リクエストのヘッダーが大きすぎます。", "The request's headers are too large."),
            421 => ("このお店は見つかりませんでした。", "There is no such shop here."),
            502 => (
                "お店のサーバーに接続できませんでした。しばらくしてからもう一度お試しください。",
                "The shop cannot be reached. Please try again in a moment.",
            ),
            503 => (
                "ただいま大変混み合っています。しばらくしてからもう一度お試しください。",
                "The shop is very busy at the moment. Please try again in a moment.",
            ),
            504 => (
                "お店のサーバーから応答がありません。しばらくしてからもう一度お試しください。",
                "The shop did not answer in time. Please try again in a moment.",
            ),
            _ => ("ページを表示できませんでした。", "The page could not be shown."),
        };
        let code = status.as_u16();
        let body = format!(
            "<!doctype html><html lang=\"ja\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
             <meta name=\"robots\" content=\"noindex\"><title>{code}</title><style>body{{margin:0;min-height:100vh;display:grid;\
             place-items:center;background:#f7f5f1;color:#2b2b2b;font:16px/1.8 system-ui,\"Hiragino Sans\",\"Noto Sans JP\",sans-serif}}\
             main{{max-width:34em;padding:2em}}b{{display:block;font:600 3rem/1.2 system-ui;color:#8a1c2b;letter-spacing:.04em}}\
             p{{margin:.4em 0}}p[lang=en]{{color:#6b6b6b;font-size:.9em}}</style><main><b>{code}</b><p>{ja}</p>\
             <p lang=\"en\">{en}</p></main></html>\n"
        );
        Self {
            status,
            headers: vec![
                (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
                (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ],
            body: Bytes::from(body),
        }
    }

    /// The answer where there is no room for a request.
    #[must_use]
    pub fn busy() -> Self {
        let mut answer = Self::error(503);
        answer.headers.push((RETRY_AFTER, HeaderValue::from_static("5")));
        answer
    }

    /// A permanent redirect that keeps the method (RFC 9110 §15.4.9).
    #[must_use]
    pub fn redirect(location: &str) -> Self {
        match HeaderValue::from_str(location) {
            Ok(value) => {
                Self { status: StatusCode::PERMANENT_REDIRECT, headers: vec![(LOCATION, value)], body: Bytes::new() }
            }
            Err(_) => Self::error(400),
        }
    }
}
