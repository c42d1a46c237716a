//! Puts a page together: layout, head, cookies and headers.

use super::catalogue::{CATEGORIES, Product};
use super::customers::Customer;
use super::locale::Lang;
use super::request::{LANG_COOKIE, Visit};
use super::session;
use super::shop::Shop;
use axum::body::Body;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, SET_COOKIE,
    VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, StatusCode};
use minijinja::value::Serde;
use minijinja::{Value, context};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// Nothing runs but what the shop serves itself.
const POLICY: &str = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; \
                      form-action 'self'; frame-ancestors 'self'";

/// A page to be rendered.
pub(super) struct Page<'a> {
    shop: &'a Shop,
    visit: &'a Visit,
    title: String,
    description: String,
    status: StatusCode,
    picture: Option<String>,
    json_ld: Option<serde_json::Value>,
    bare: bool,
}

impl<'a> Page<'a> {
    /// A page with a title.
    pub(super) fn new(shop: &'a Shop, visit: &'a Visit, title: impl Into<String>) -> Self {
        let description =
            visit.lang.pick("日本各地の手しごとを、暮らしに。うつわ、お茶、布もの、文具、木のもの、和菓子の店、暖簾堂。",
            "Crafts from all over Japan for everyday life: ceramics, tea, textiles, stationery, wood and sweets at Norendō.");
        Self {
            shop,
            visit,
            title: title.into(),
            description: description.to_owned(),
            status: StatusCode::OK,
            picture: None,
            json_ld: None,
            bare: false,
        }
    }

    /// What search engines show below the title.
    pub(super) fn description(mut self, text: impl Into<String>) -> Self {
        self.description = text.into();
        self
    }

    /// Another status than 200.
    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// A picture for those who share the page.
    pub(super) fn picture(mut self, path: String) -> Self {
        self.picture = Some(path);
        self
    }

    /// The page's content for machines.
    pub(super) fn json_ld(mut self, value: serde_json::Value) -> Self {
        self.json_ld = Some(value);
        self
    }

    /// Leaves out header and footer: the page stands in a frame.
    pub(super) fn bare(mut self) -> Self {
        self.bare = true;
        self
    }

    /// Renders the page's own part, then the layout around it.
    pub(super) fn render(self, template: &str, context: Value) -> Response {
        let visit = self.visit;
        let notice = visit.session.as_ref().and_then(|handle| handle.lock().notice.take());
        let (pieces, customer) = visit.peek(|session| (session.cart.pieces(), session.customer));
        let lang = visit.lang;
        let shared = context! {
            lang => lang.tag(),
            pieces,
            customer => customer.map(|customer| describe(customer, lang)),
            picture => self.picture.as_ref().map(|path| format!("{}{path}", visit.base)),
        };
        let body = self.shop.render(template, context! { ..context, ..shared.clone() });
        let html = body.and_then(|body| {
            self.shop.render("layout.html", context! {
                body => Value::from_safe_string(body),
                title => self.title.as_str(),
                description => self.description.as_str(),
                canonical => format!("{}{}", visit.base, visit.path),
                ja_url => format!("?{}", visit.query.with_lang(Lang::Ja)),
                en_url => format!("?{}", visit.query.with_lang(Lang::En)),
                path => visit.path.as_str(),
                style => self.shop.assets.style_url(),
                json_ld => self.json_ld.as_ref().map(|value| Value::from(Serde(value))),
                notice => notice.map(|notice| context! { text => notice.text.get(lang), bad => notice.bad }),
                term => visit.query.get("q"),
                indexable => self.status == StatusCode::OK,
                bare => self.bare,
                categories => CATEGORIES
                    .iter()
                    .map(|c| context! { slug => c.slug, name => c.name.get(lang), url => format!("/category/{}", c.slug) })
                    .collect::<Vec<_>>(),
                ..shared
            })
        });
        match html {
            Ok(html) => self.answer(html, customer),
            Err(error) => {
                tracing::error!(template, %error, "a page of the demo shop failed");
                let mut response = Response::new(Body::from("The shop is closed for a moment.\n"));
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        }
    }

    fn answer(&self, html: String, customer: Option<&'static Customer>) -> Response {
        let mut response = Response::new(Body::from(html));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
        headers.insert(CONTENT_LANGUAGE, HeaderValue::from_static(self.visit.lang.tag()));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
        headers.insert(VARY, HeaderValue::from_static("Cookie, Accept-Language"));
        headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin"));
        let member = if customer.is_some() { "true" } else { "false" };
        headers.insert("x-shop-customer-member", HeaderValue::from_static(member));
        if let Some(customer) = customer {
            headers.insert("x-shop-customer-id", HeaderValue::from_static(customer.id));
            // A header is ASCII: a Japanese name goes percent-encoded.
            let name = utf8_percent_encode(customer.name.get(self.visit.lang), NON_ALPHANUMERIC).to_string();
            if let Ok(name) = HeaderValue::try_from(name) {
                headers.insert("x-shop-customer-name", name);
            }
            headers.insert("x-shop-customer-rank", HeaderValue::from_static(customer.rank.tag()));
            headers.insert("x-shop-customer-gender", HeaderValue::from_static(customer.gender));
            headers.insert("x-shop-customer-age", HeaderValue::from(customer.age));
            headers.insert("x-shop-customer-points", HeaderValue::from(customer.points));
        }
        if self.visit.chosen {
            set_cookie(&mut response, self.visit, LANG_COOKIE, self.visit.lang.tag(), "; Max-Age=31536000");
        }
        response
    }
}

/// Sends the browser on after a form, with its session's cookie.
pub(super) fn see_other(visit: &Visit, to: &'static str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    response.headers_mut().insert(LOCATION, HeaderValue::from_static(to));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(session) = &visit.session {
        set_cookie(&mut response, visit, session::COOKIE, &session.cookie(), "");
    }
    response
}

/// Product cards, as markup.
pub(super) fn cards<'p>(shop: &Shop, lang: Lang, products: impl Iterator<Item = &'p Product>, ranked: bool) -> Value {
    let products: Vec<Value> = products.map(|product| card(product, lang)).collect();
    match shop.render("cards.html", context! { lang => lang.tag(), products, ranked }) {
        Ok(html) => Value::from_safe_string(html),
        Err(error) => {
            tracing::error!(%error, "product cards of the demo shop failed");
            Value::from("")
        }
    }
}

/// A product, as templates need it.
pub(super) fn card(product: &Product, lang: Lang) -> Value {
    context! {
        slug => product.slug,
        name => product.name.get(lang),
        lead => product.lead.get(lang),
        price => product.price,
        stock => product.stock,
        url => format!("/product/{}", product.slug),
        picture => product.picture_path(),
    }
}

fn describe(customer: &Customer, lang: Lang) -> Value {
    context! {
        name => customer.name.get(lang),
        rank => customer.rank.name().get(lang),
        rank_tag => customer.rank.tag(),
        points => customer.points,
        email => customer.email,
        id => customer.id,
    }
}

fn set_cookie(response: &mut Response, visit: &Visit, name: &str, value: &str, more: &str) {
    let secure = if visit.secure { "; Secure" } else { "" };
    let cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{more}{secure}");
    if let Ok(value) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(SET_COOKIE, value);
    }
}
