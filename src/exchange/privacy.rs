//! The visitor decides: `/PREFIX/privacy`, where they see, download and erase what is kept of them, and allow or refuse.

use super::own::same_origin;
use super::{Answer, Gateway, RequestView};
use crate::facts;
use crate::ids::VisitorId;
use crate::site::Site;
use crate::store::{ProfileKey, joined};
use crate::visitor::consent::{self, Consent, Mode};
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::json;
use std::fmt::Write as _;

/// Longest form that is read, in bytes.
pub(super) const LONGEST_FORM: usize = 4096;
/// Most events that a visitor is shown of themselves.
const MOST_EVENTS: usize = 10_000;

/// What a visitor asks.
pub(super) struct Call {
    visitor: Option<VisitorId>,
    consent: Consent,
    secure: bool,
    /// Path of the page that asks, as the browser names it.
    from: Option<String>,
    ask: Ask,
}

enum Ask {
    Page { japanese: bool },
    Data,
    Choose,
}

impl Gateway {
    /// Reads what is asked for; a status where it may not be.
    pub(super) fn privacy_call(&self, site: &Site, request: &RequestView<'_>, path: &str) -> Result<Call, StatusCode> {
        let ask = match (path, request.method) {
            ("privacy", &Method::GET | &Method::HEAD) => {
                Ask::Page { japanese: facts::language(request.headers).unwrap_or(&site.locale) == "ja" }
            }
            // Nobody else's page may read it: without CORS headers no browser lets them.
            ("privacy/data", &Method::GET) => Ask::Data,
            ("privacy", &Method::POST) if same_origin(request) || fetched_by_itself(request) => Ask::Choose,
            ("privacy", &Method::POST) => return Err(StatusCode::FORBIDDEN),
            _ => return Err(StatusCode::METHOD_NOT_ALLOWED),
        };
        let secure = super::headers::is_https(request, self.trusts(request.peer));
        let consent = site.privacy.will(request.headers).consent;
        let from = facts::source::referrer(request.headers).and_then(|page| path_here(page, request.host));
        Ok(Call { visitor: self.visitor_of(site, request.headers), consent, secure, from, ask })
    }

    pub(super) async fn answer_privacy(&self, site: &Site, call: Call, body: &[u8]) -> Answer {
        match call.ask {
            Ask::Page { japanese } => page(site, &call, japanese),
            Ask::Data => self.data(site, &call).await,
            Ask::Choose => self.choose(site, &call, body).await,
        }
    }

    /// Everything that is kept of the visitor.
    async fn data(&self, site: &Site, call: &Call) -> Answer {
        let mut kept = serde_json::Value::Null;
        if let Some(visitor) = call.visitor {
            // What is on its way to the store is kept, too.
            let _ = self.in_time(site, self.recorder.flush()).await;
            let key = ProfileKey { site: site.id.clone(), visitor };
            let Some(mut found) = self.in_time(site, self.store.records().about(&key, MOST_EVENTS)).await else {
                return Answer::error(503);
            };
            // What they share with their other browsers is theirs.
            if let Some(customer) = self.customer_of(site, &key).await {
                let Some(shared) = self.in_time(site, self.store.records().about(&customer, 0)).await else {
                    return Answer::error(503);
                };
                found.profile = shared.profile.or(found.profile);
            }
            kept = json!({ "visitor": number(visitor), "kept": found });
        }
        let consent = json!({ "analytics": call.consent.analytics, "personalisation": call.consent.personalisation });
        let data = json!({ "site": site.id.as_str(), "consent": consent, "data": kept });
        let body = serde_json::to_string_pretty(&data).unwrap_or_default();
        let mut answer = Answer { status: StatusCode::OK, headers: private(), body: Bytes::from(body) };
        answer.headers.push((CONTENT_TYPE, HeaderValue::from_static("application/json")));
        let name = HeaderValue::from_static("attachment; filename=\"my-data.json\"");
        answer.headers.push((CONTENT_DISPOSITION, name));
        answer
    }

    /// Takes a choice: a form's `do` is `allow`, `refuse` or `erase`; `allow` may be for one purpose, `analytics` or `personalisation`.
    async fn choose(&self, site: &Site, call: &Call, body: &[u8]) -> Answer {
        let field = |name: &str| url::form_urlencoded::parse(body).find(|(key, _)| key == name).map(|(_, value)| value);
        let purpose = |name: &str| field(name).is_some_and(|value| value == "1");
        let choice = match field("do").as_deref() {
            Some("allow") if field("analytics").is_none() && field("personalisation").is_none() => Some(Consent::FULL),
            Some("allow") => {
                Some(Consent { analytics: purpose("analytics"), personalisation: purpose("personalisation") })
            }
            Some("refuse") => Some(Consent::NONE),
            Some("erase") => None,
            _ => return Answer::error(400),
        };
        let erases = choice.is_none_or(|choice| !choice.any());
        if let Some(visitor) = call.visitor.filter(|_| erases)
            && !self.forget(site, visitor).await
        {
            return Answer::error(503);
        }
        let back = call.from.clone().unwrap_or_else(|| format!("/{}/privacy", site.prefix));
        let mut answer = Answer { status: StatusCode::SEE_OTHER, headers: private(), body: Bytes::new() };
        answer.headers.extend(HeaderValue::try_from(back).ok().map(|back| (LOCATION, back)));
        let chosen = choice.and_then(|choice| site.privacy.set_choice(&site.cookie, choice, call.secure).ok());
        let taken = erases.then(|| consent::take_cookie(&site.cookie, call.secure).ok()).flatten();
        answer.headers.extend([chosen, taken].into_iter().flatten().map(|cookie| (SET_COOKIE, cookie)));
        answer
    }

    /// Erases a visitor. Pages of theirs that are on their way write nothing any more.
    async fn forget(&self, site: &Site, visitor: VisitorId) -> bool {
        let key = ProfileKey { site: site.id.clone(), visitor };
        // What waits to be written must not come after.
        let _ = self.in_time(site, self.recorder.flush()).await;
        if let Some(customer) = self.customer_of(site, &key).await
            && self.in_time(site, self.store.records().erase(&customer)).await.is_none()
        {
            return false;
        }
        self.in_time(site, self.store.records().erase(&key)).await.is_some()
    }

    /// The profile of the customer that a visitor is, if they are one.
    async fn customer_of(&self, site: &Site, key: &ProfileKey) -> Option<ProfileKey> {
        let found = self.in_time(site, joined::load(&*self.store, key)).await?;
        Some(found.key).filter(|found| found != key)
    }
}

/// What a visitor tells the shop when they ask it about their data.
fn number(visitor: VisitorId) -> String {
    visitor.0.iter().fold(String::with_capacity(32), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The browser itself says that one of the shop's own pages asks: a page whose policy hides where it is sends `Origin: null`.
fn fetched_by_itself(request: &RequestView<'_>) -> bool {
    request.headers.get("sec-fetch-site").is_some_and(|site| site == "same-origin")
}

/// Path and query of a page on this host.
fn path_here(page: &str, host: &str) -> Option<String> {
    let url = url::Url::parse(page).ok().filter(|url| url.host_str() == Some(host))?;
    let path = &url[url::Position::BeforePath..url::Position::AfterQuery];
    (path.starts_with('/') && !path.starts_with("//") && path.len() <= 2048).then(|| path.to_owned())
}

fn private() -> Vec<(HeaderName, HeaderValue)> {
    vec![
        (CACHE_CONTROL, HeaderValue::from_static("private, no-store")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]
}

fn page(site: &Site, call: &Call, japanese: bool) -> Answer {
    let template = include_str!("privacy.html");
    let off = site.privacy.mode == Mode::Off;
    let known = call.visitor.filter(|_| call.consent.any());
    let words = words(japanese);
    let state = match (off, call.consent) {
        (true, _) => words.off,
        (_, Consent::FULL) => words.full,
        (_, Consent::NONE) => words.none,
        (_, Consent { analytics: true, .. }) => words.analytics,
        _ => words.personalisation,
    };
    let shown = |condition: bool| if condition { "" } else { " hidden" };
    let number = known.map(number).unwrap_or_default();
    let path = format!("/{}/privacy", site.prefix);
    let values = [
        ("lang", if japanese { "ja" } else { "en" }),
        ("title", words.title),
        ("lead", words.lead),
        ("state", state),
        ("allow", words.allow),
        ("refuse", words.refuse),
        ("erase", words.erase),
        ("data", words.data),
        ("number_label", words.number),
        ("back", words.back),
        ("path", &path),
        ("number", &number),
        ("may_allow", shown(!off && call.consent != Consent::FULL)),
        ("may_refuse", shown(!off && call.consent != Consent::NONE)),
        ("is_known", shown(known.is_some())),
    ];
    let mut html = template.to_owned();
    for (name, value) in values {
        html = html.replace(&format!("{{{{{name}}}}}"), value);
    }
    let fixed = |name: HeaderName, text: &'static str| (name, HeaderValue::from_static(text));
    let mut headers = private();
    headers.extend([
        fixed(CONTENT_TYPE, "text/html; charset=utf-8"),
        fixed(
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        fixed(REFERRER_POLICY, "same-origin"),
    ]);
    Answer { status: StatusCode::OK, headers, body: Bytes::from(html) }
}

/// What the page says. Nothing in it comes from outside.
struct Words {
    title: &'static str,
    lead: &'static str,
    full: &'static str,
    none: &'static str,
    analytics: &'static str,
    personalisation: &'static str,
    off: &'static str,
    allow: &'static str,
    refuse: &'static str,
    erase: &'static str,
    data: &'static str,
    number: &'static str,
    back: &'static str,
}

fn words(japanese: bool) -> &'static Words {
    if japanese {
        &Words {
            title: "プライバシー設定",
            lead: "このお店では、ご覧になったページやお買い物の記録をもとに、ご案内やクーポンをお届けすることがあります。お名前や\
                   IPアドレスは保存しません。記録はいつでもご確認・消去いただけます。",
            full: "現在、記録とご案内を許可しています。",
            none: "現在、記録をお断りになっています。何も保存していません。",
            analytics: "現在、集計だけを許可しています。ご案内には使いません。",
            personalisation: "現在、ご案内のための記録だけを許可しています。集計には使いません。",
            off: "このお店は訪問者の記録をしていません。",
            allow: "許可する",
            refuse: "断って消去する",
            erase: "記録を消去する",
            data: "記録をダウンロード",
            number: "お問い合わせ用の番号",
            back: "お店に戻る",
        }
    } else {
        &Words {
            title: "Privacy",
            lead: "This shop may remember which pages you have looked at and what you have bought, to show you offers that fit. Your \
                   name and address on the network are not stored. You can see and erase what is kept at any time.",
            full: "You allow remembering and offers at present.",
            none: "You have refused. Nothing is stored.",
            analytics: "You allow counting only. It is not used for offers.",
            personalisation: "You allow remembering for offers only. It is not counted.",
            off: "This shop does not remember its visitors.",
            allow: "Allow",
            refuse: "Refuse and erase",
            erase: "Erase what is kept",
            data: "Download what is kept",
            number: "Number for inquiries",
            back: "Back to the shop",
        }
    }
}
