//! A site: one shop, its settings and its rules, and how a Host finds it.

pub mod imports;
pub mod platform;
pub mod taps;
pub mod webhooks;

use crate::action::Asking;
use crate::client::Files;
use crate::ids::SiteId;
use crate::scenario::RuleSet;
use crate::store::coupons::Supply;
use imports::ImportSettings;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use platform::Platform;
use std::sync::Arc;
use std::time::Duration;
use webhooks::Webhook;

/// One shop, compiled. Immutable, but for what it is found to be built with: a reload builds a new one.
#[derive(Debug)]
pub struct Site {
    /// Name of its folder.
    pub id: SiteId,
    /// Host names, lower case; a leading `*.` stands for any one or more labels.
    pub hosts: Vec<String>,
    /// Names its own path (`/gw/…`) and its marker (`data-gw`): lower-case letters and digits, beginning with a letter.
    pub prefix: String,
    /// Where the shop is.
    pub origin: Origin,
    /// The shop's own language: a BCP 47 primary tag.
    pub locale: String,
    /// Time zone of schedules and `now.*`.
    pub time_zone: TimeZone,
    /// ISO 4217.
    pub currency: String,
    /// Value of a cart from which on shipping is free.
    pub free_shipping_from: Option<f64>,
    /// The visitor's cookie.
    pub cookie: CookieSettings,
    /// Gap that ends a session.
    pub session_timeout: Duration,
    /// What it is built with, and how its pages are read.
    pub platform: Platform,
    /// Which of its pages are read.
    pub learn: LearnSettings,
    /// What puts insertions on the page.
    pub deliver_by: DeliverBy,
    /// Where `customer.*` comes from.
    pub customer: Vec<CustomerMapping>,
    /// A customer's browser stands for itself again once they have logged out in it.
    pub part_at_logout: bool,
    /// Most products that are remembered.
    pub max_products: usize,
    /// What it may use of what all sites share.
    pub limits: SiteLimits,
    /// How it keeps its visitors' privacy.
    pub privacy: PrivacySettings,
    /// Asks whoever has not chosen.
    pub asking: Option<Asking>,
    /// Who may send imports over HTTP, if anybody may.
    pub imports: Option<ImportSettings>,
    /// Share of visitors, in hundredths of a percent, that sees no scenario at all.
    pub holdout: u32,
    /// Answers plain http with a redirect to https.
    pub https_redirect: bool,
    /// Rewriting is on. Off, every page passes as the shop sent it.
    pub enabled: bool,
    /// Supplies of coupon codes.
    pub pools: Vec<Pool>,
    /// Who is told of its events.
    pub webhooks: Vec<Arc<Webhook>>,
    /// Its scenarios.
    pub rules: RuleSet,
    /// What its pages load from its own path.
    pub files: Files,
}

/// A supply of coupon codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Name, unique in its site.
    pub name: Arc<str>,
    /// Where fresh codes come from.
    pub supply: Supply,
    /// Who gets one code each.
    pub per: Per,
    /// When codes that are given from now on cease to hold.
    pub expires: Option<Timestamp>,
    /// Browsers get one on the very first page too, before their cookie has come back.
    pub first_visit: bool,
}

impl Pool {
    /// Whether whoever may not keep cookies gets none.
    #[must_use]
    pub fn is_for_known(&self) -> bool {
        self.per == Per::Visitor && !self.first_visit
    }
}

/// Who gets one code each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Per {
    /// A browser.
    Visitor,
    /// A member of the shop, on whatever browser. Nobody else gets one.
    Customer,
}

/// Which pages are read for what they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LearnSettings {
    /// Pages are read at all.
    pub pages: bool,
    /// How old what is known of a product's or a category's page may grow before the page is read again.
    pub refresh: Duration,
    /// So long after the last page view a cart with something in it counts as left alone.
    pub abandoned_cart_after: Duration,
}

impl Default for LearnSettings {
    fn default() -> Self {
        Self { pages: true, refresh: Duration::from_secs(600), abandoned_cart_after: Duration::from_secs(3600) }
    }
}

/// What puts insertions on the page. A shop's own script that takes over what the server has rendered (React and its kin) throws
/// out, with an error, what it does not know: there they come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliverBy {
    /// The page, unless visitors' browsers report that what it brought was thrown out.
    Auto,
    /// The page itself.
    Page,
    /// The runtime.
    Script,
}

/// Where the shop is and how it is spoken to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Addresses, never empty.
    pub addresses: Vec<OriginAddress>,
    /// Host sent upstream in place of the public one, for shops that insist on their own.
    pub host: Option<String>,
    /// Speak HTTP/2 where the shop takes it (ALPN over https, prior knowledge over http).
    pub http2: bool,
    /// Verify the shop's certificate. Off only by an explicit setting.
    pub verify: bool,
    /// Additional CA certificate in PEM, for shops with a private one.
    pub ca: Option<std::path::PathBuf>,
    /// Time to connect, TLS included.
    pub connect_timeout: Duration,
    /// Longest silence while reading.
    pub read_timeout: Duration,
    /// Longest silence while writing.
    pub write_timeout: Duration,
    /// How long an unused connection is kept.
    pub idle_timeout: Duration,
    /// Active health check.
    pub health: Option<HealthCheck>,
}

/// One address of a shop.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct OriginAddress {
    /// https?
    pub tls: bool,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Share relative to its siblings; 0 is a spare, used when no other is healthy.
    pub weight: u32,
}

/// An active health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// Path asked for by GET; any status below 500 is healthy.
    pub path: String,
    /// Between two checks.
    pub interval: Duration,
}

pub use crate::visitor::consent::PrivacySettings;
pub use crate::visitor::cookie::CookieSettings;

/// What a site may use of what all sites share. `None`: as `gateway.toml` has it for every site.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteLimits {
    /// Requests under way.
    pub max_requests: Option<usize>,
    /// Bytes for rewriting.
    pub rewrite_memory: Option<u64>,
}

/// A kind of page and the paths that are of it.
#[derive(Debug, Clone)]
pub struct PagePattern {
    /// `home`, `category`, `product`, …
    pub kind: &'static str,
    /// Matches the path.
    pub pattern: PathPattern,
}

pub use crate::facts::PAGE_KINDS;
pub use crate::facts::pattern::{InvalidPathPattern, PathPattern};

/// Where a field of `customer.*` comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomerMapping {
    /// Field: `rank`, `age`, `attr.x`.
    pub field: String,
    /// Source.
    pub from: CustomerSource,
}

/// A source of a customer's field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomerSource {
    /// A header of the shop's answer; it is taken off before the answer goes on.
    ResponseHeader(http::HeaderName),
    /// A header of the request, believed only when the peer is a trusted proxy.
    RequestHeader(http::HeaderName),
    /// A cookie that the shop set. A visitor can forge it: good for greetings, not for money.
    Cookie(String),
}

impl Default for Origin {
    /// Everything but the addresses.
    fn default() -> Self {
        Self {
            addresses: Vec::new(),
            host: None,
            http2: false,
            verify: true,
            ca: None,
            connect_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            health: None,
        }
    }
}

impl OriginAddress {
    /// Reads `http://HOST:PORT` or `https://HOST:PORT`; the weight is 1.
    ///
    /// # Errors
    /// When it is another kind of URL, or has more in it.
    pub fn parse(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = |reason| InvalidOrigin { text: text.to_owned(), reason };
        let url = url::Url::parse(text).map_err(|_| invalid("no address of a shop"))?;
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(invalid("neither http nor https")),
        };
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(invalid("more than an address: the path comes from the visitor"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("an address with a password, which is not sent"));
        }
        let host = match url.host() {
            Some(url::Host::Domain(name)) => name.to_owned(),
            Some(url::Host::Ipv4(address)) => address.to_string(),
            Some(url::Host::Ipv6(address)) => address.to_string(),
            None => return Err(invalid("no address of a shop")),
        };
        let port = url.port_or_known_default().ok_or_else(|| invalid("without port"))?;
        Ok(Self { tls, host, port, weight: 1 })
    }
}

/// A text that is no origin.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{text}` is {reason}")]
pub struct InvalidOrigin {
    /// As written.
    pub text: String,
    /// Why.
    pub reason: &'static str,
}

impl Site {
    /// The kind of a page by its path and query; `other` if no pattern matches.
    #[must_use]
    pub fn page_kind(&self, path: &str, query: &str) -> &'static str {
        let layout = self.platform.layout();
        layout.pages.iter().find(|page| page.pattern.matches_page(path, query)).map_or("other", |page| page.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_addresses_and_nothing_more() {
        let found = OriginAddress::parse("https://Shop.Example").unwrap();
        assert_eq!((found.tls, found.host.as_str(), found.port), (true, "shop.example", 443));
        assert_eq!(OriginAddress::parse("http://[::1]:8101/").unwrap().host, "::1");
        for bad in ["shop.example", "ftp://a", "http://a/b", "http://a?x", "http://u:p@a", "http://", "127.0.0.1:80"] {
            assert!(OriginAddress::parse(bad).is_err(), "{bad}");
        }
    }
}
