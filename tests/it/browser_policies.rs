//! Pages with policies, judged by a real browser: what should show is shown, the page's own script runs, and nothing is complained of.

use crate::support::browser::{Browser, Screen};
use crate::support::{Gateway, Origin, Rules, origin};
use std::fmt::Write;

const HOST: &str = "shop.example";

/// A page with policies.
struct Case {
    /// Header lines.
    headers: &'static [&'static str],
    /// Attributes of the page's own inline script; none where the policies let none run.
    own: Option<&'static str>,
    /// What is shown: some of `banner coupon popup chat`.
    shown: &'static str,
}

const ALL: &str = "banner coupon popup chat";
/// What works without our script.
const STILL: &str = "banner coupon";
const NONCE: Option<&str> = Some("nonce=x");
const PLAIN: Option<&str> = Some("");

/// `window.own = true` has the hash that is named.
const CASES: &[Case] = &[
    Case { headers: &[], own: PLAIN, shown: ALL },
    Case { headers: &["Content-Security-Policy: default-src 'self'"], own: None, shown: ALL },
    Case { headers: &["Content-Security-Policy: script-src 'self'"], own: None, shown: ALL },
    Case {
        headers: &["Content-Security-Policy: style-src 'self'; script-src 'unsafe-inline'"],
        own: PLAIN,
        shown: ALL,
    },
    Case { headers: &["Content-Security-Policy: default-src 'none'; img-src 'self'"], own: None, shown: ALL },
    Case { headers: &["Content-Security-Policy: default-src 'none'"], own: None, shown: ALL },
    Case { headers: &["Content-Security-Policy: script-src 'nonce-x'; style-src 'nonce-x'"], own: NONCE, shown: ALL },
    Case {
        headers: &["Content-Security-Policy: script-src 'strict-dynamic' 'nonce-x'; object-src 'none'"],
        own: NONCE,
        shown: ALL,
    },
    Case {
        headers: &[
            "Content-Security-Policy: script-src 'strict-dynamic' 'nonce-x' 'unsafe-inline' https:; base-uri 'none'",
        ],
        own: NONCE,
        shown: ALL,
    },
    Case {
        headers: &["Content-Security-Policy: script-src 'sha256-1C9DfFe7E/KWSJxAU0tHEidpkRJadfh0YsfvfMOGnwI='"],
        own: PLAIN,
        shown: ALL,
    },
    Case {
        headers: &[
            "Content-Security-Policy: script-src 'strict-dynamic' 'sha256-1C9DfFe7E/KWSJxAU0tHEidpkRJadfh0YsfvfMOGnwI='",
        ],
        own: PLAIN,
        shown: ALL,
    },
    Case { headers: &["Content-Security-Policy: script-src 'unsafe-inline'"], own: PLAIN, shown: ALL },
    Case {
        headers: &["Content-Security-Policy: script-src 'self', script-src 'nonce-x'; style-src 'self'"],
        own: None,
        shown: ALL,
    },
    Case {
        headers: &[
            "Content-Security-Policy: script-src 'nonce-x' 'unsafe-inline'",
            "Content-Security-Policy: script-src 'strict-dynamic' 'nonce-x'",
            "Content-Security-Policy: default-src 'none'; script-src 'nonce-x'; img-src 'self'",
        ],
        own: NONCE,
        shown: ALL,
    },
    Case {
        headers: &[
            "Content-Security-Policy-Report-Only: default-src 'none'; script-src 'strict-dynamic' 'nonce-x'; img-src 'self'",
        ],
        own: NONCE,
        shown: ALL,
    },
    Case {
        headers: &[
            "Content-Security-Policy: script-src 'unsafe-inline'",
            "Content-Security-Policy-Report-Only: script-src 'nonce-x'; style-src 'self'",
        ],
        own: NONCE,
        shown: ALL,
    },
    Case { headers: &["Content-Security-Policy: require-trusted-types-for 'script'"], own: PLAIN, shown: ALL },
    Case {
        headers: &[
            "Content-Security-Policy: require-trusted-types-for 'script'; trusted-types shop; script-src 'nonce-x'",
        ],
        own: NONCE,
        shown: ALL,
    },
    Case {
        headers: &["Content-Security-Policy: require-trusted-types-for 'script'; trusted-types 'none'"],
        own: PLAIN,
        shown: "banner coupon popup",
    },
    Case { headers: &["Content-Security-Policy: script-src 'none'"], own: None, shown: STILL },
    Case { headers: &["Content-Security-Policy: style-src 'none'"], own: PLAIN, shown: "" },
    Case { headers: &["Content-Security-Policy: sandbox allow-same-origin allow-forms"], own: None, shown: STILL },
    Case { headers: &["Content-Security-Policy: sandbox allow-scripts allow-same-origin"], own: PLAIN, shown: ALL },
    Case { headers: &["Content-Security-Policy: sandbox allow-scripts"], own: PLAIN, shown: ALL },
];

fn shop() -> Origin {
    Origin::new(|request, wire| {
        let Some(case) = request.target.strip_prefix("/case/").map(|number| &CASES[number.parse::<usize>().unwrap()])
        else {
            let (kind, body) = match request.target.as_str() {
                "/chat.js" => ("text/javascript", "window.chat = true"),
                "/app.js" => ("text/javascript", "window.app = true"),
                "/pixel.svg" => ("image/svg+xml", "<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'/>"),
                _ => ("text/plain", ""),
            };
            wire.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            ));
            return;
        };
        let own = case.own.map_or_else(String::new, |nonce| format!("<script {nonce}>window.own = true</script>"));
        let headers = case.headers.iter().fold(String::new(), |mut headers, line| {
            let _ = write!(headers, "{line}\r\n");
            headers
        });
        wire.send(origin::page(
            &headers,
            format!("<!DOCTYPE html><html><head><title>Shop</title>{own}</head><body><main><h1>Shop</h1></main></body></html>"),
        ));
    })
}

fn rules_for(shop: &Origin, site: &str) -> Rules {
    let rules = Rules::new();
    rules.site("shop", HOST, shop.address(), site);
    for (name, action) in [
        ("banner", "[variant.banner]\ntext = 'Free shipping'\nimage = { src = '/pixel.svg', alt = '' }\n"),
        ("coupon", "[variant.coupon]\ntitle = 'For you'\ncode = 'NIGHT500'\namount = '500'\n"),
        ("popup", "[variant.popup]\ntitle = 'Stay a while'\n"),
        ("chat", "[variant.chat]\nsrc = '/chat.js'\n"),
    ] {
        rules.scenario(name, &format!("name = '{name}'\nwhen = 'true'\n[[variant]]\n{action}"));
    }
    rules
}

const LISTEN: &str = "window.violations = []; document.addEventListener('securitypolicyviolation', e => violations.push([e.disposition, e.effectiveDirective, e.blockedURI, e.sample].join(' ')))";

#[tokio::test(flavor = "multi_thread")]
async fn no_page_complains_of_its_policies_and_all_that_can_be_shown_is() {
    judge("", |case| case.shown).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_one_that_is_served_after_its_own_script() {
    // Where no script of ours runs, nothing can be shown.
    judge("deliver_by = 'script'\n", |case| if case.shown == STILL { "" } else { case.shown }).await;
}

async fn judge(site: &str, shown: impl Fn(&Case) -> &'static str) {
    let shop = shop();
    let gateway = Gateway::serve(rules_for(&shop, site).path());
    let browser = Browser::open(HOST, gateway.address()).await;
    browser.screen(Screen::Desktop).await;
    browser.on_every_page(LISTEN).await;
    let mut skipped = 0;
    for (number, case) in CASES.iter().enumerate() {
        let (what, shown) = (format!("{number}: {:?}", case.headers), shown(case));
        browser.goto(&format!("http://{HOST}/case/{number}")).await;
        // As React marks what it has taken over.
        browser.eval("void (document.__reactContainer$x = document.documentElement.__reactFiber$x = {})").await;
        for name in ALL.split(' ') {
            let arm = format!("[data-gw='{name}/a']");
            if shown.contains(name) {
                browser.until_shown(&arm).await;
            } else {
                assert_eq!(
                    browser.eval(&format!("document.querySelector(\"{arm}\")")).await,
                    serde_json::Value::Null,
                    "{what}: {name}"
                );
            }
        }
        if shown.contains("popup") {
            browser.until("document.querySelector('dialog:modal')").await;
            browser.eval("document.querySelector('dialog:modal').close()").await;
            browser.until("!document.querySelector('dialog')").await;
        }
        if shown.contains("banner") {
            browser.until("document.querySelector('img').naturalWidth == 64").await;
            let display = browser.eval("getComputedStyle(document.querySelector('details')).display").await;
            assert_eq!(display, "block", "{what}");
        }
        if shown.contains("chat") {
            browser.eval("void document.querySelector('[data-gw-load]').click()").await;
            browser.until("window.chat").await;
        }
        let own = browser.eval("window.own === true").await;
        assert_eq!(own, case.own.is_some(), "{what}: the page's own script");
        assert_eq!(browser.eval("window.violations").await, serde_json::json!([]), "{what}");
        assert_eq!(browser.console_errors().await, Vec::<String>::new(), "{what}");
        skipped += u64::from(shown != ALL);
        assert_eq!(gateway.count("noren_pages_skipped_total", "reason=\"csp\""), skipped, "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn page_with_a_base_elsewhere_integrity_and_a_quarter_megabyte_of_styles_is_served() {
    let body = format!(
        "<?xml version=\"1.0\"?><!DOCTYPE html><html><head><base href=\"http://elsewhere.example/deep/\"><title>Shop</title>\
         <script src=\"http://shop.example/app.js\" integrity=\"sha384-qm/xwfk4QEM4BvSa/58gYJ0/H5wW0M+j+2Od+y6MgCLeT8Z4z0yZz+sXNha9Anlf\"></script>\
         <style>{}</style></head><body><h1>Shop</h1></body></html>",
        ".a > .b { color: #123456 }\n".repeat(9_000)
    );
    let script = b"window.app = true";
    let shop = Origin::new(move |request, wire| match request.target.as_str() {
        "/app.js" => {
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: {}\r\n\r\n", script.len());
            wire.send([head.as_bytes(), script].concat());
        }
        _ => wire.send(origin::page("", &body)),
    });
    let rules = Rules::shop(shop.address());
    let measured =
        |action: &str| format!("name = 'x'\nwhen = 'true'\n[caps]\nstop_after = ['click']\n[[variant]]\n{action}");
    rules.scenario("banner", &measured("[variant.banner]\ntext = 'Free shipping'\n"));
    rules.scenario("popup", &measured("[variant.popup]\ntitle = 'Stay a while'\n"));
    let gateway = Gateway::serve(rules.path());
    // No file of the shop's is altered.
    let file = gateway.fetch(&crate::support::Request::page("/app.js"));
    assert_eq!((file.body.as_slice(), file.header("content-length")), (script.as_slice(), Some("17")));

    let browser = Browser::open(HOST, gateway.address()).await;
    browser.screen(Screen::Desktop).await;
    browser.goto(&format!("http://{HOST}/")).await;
    browser.until_shown("dialog[data-gw='popup/a']:modal").await;
    browser.until_shown("[data-gw='banner/a']").await;
    assert_eq!(
        browser.eval("[window.app, getComputedStyle(document.querySelector('dialog')).position]").await,
        serde_json::json!([true, "fixed"])
    );
    browser.until("performance.getEntriesByName('http://shop.example/gw/e').length").await;
    assert_eq!(browser.console_errors().await, Vec::<String>::new());
}
