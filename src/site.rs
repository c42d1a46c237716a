//! A site: one shop, its settings and its rules, and how a Host finds it.

use crate::ids::SiteId;
use crate::scenario::RuleSet;
use jiff::tz::TimeZone;
use std::time::Duration;

/// One shop, compiled. Immutable: a reload builds a new one.
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
    /// The visitor's cookie.
    pub cookie: CookieSettings,
    /// Gap that ends a session.
    pub session_timeout: Duration,
    /// Kinds of pages by path, first match wins.
    pub pages: Vec<PagePattern>,
    /// Where `customer.*` comes from.
    pub customer: Vec<CustomerMapping>,
    /// Share of visitors, in hundredths of a percent, that sees no scenario at all.
    pub holdout: u32,
    /// Answers plain http with a redirect to https.
    pub https_redirect: bool,
    /// Rewriting is on. Off, every page passes as the shop sent it.
    pub enabled: bool,
    /// Its scenarios.
    pub rules: RuleSet,
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

/// The visitor's cookie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CookieSettings {
    /// Name.
    pub name: String,
    /// `Domain`; host-only without.
    pub domain: Option<String>,
    /// `Max-Age`.
    pub lifetime: Duration,
}

/// A kind of page and the paths that are of it.
#[derive(Debug, Clone)]
pub struct PagePattern {
    /// `home`, `category`, `product`, …
    pub kind: &'static str,
    /// Matches the path.
    pub pattern: PathPattern,
}

/// A path pattern: `*` stands for anything but `/`, `**` for anything.
#[derive(Debug, Clone)]
pub struct PathPattern {
    text: String,
    regex: regex::Regex,
}

/// The kinds of pages (DESIGN's `page.kind`).
pub const PAGE_KINDS: &[&str] =
    &["home", "category", "product", "cart", "checkout", "thankyou", "search", "account", "other"];

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

impl PathPattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// When it does not begin with `/` or `*`.
    pub fn parse(text: &str) -> Result<Self, InvalidPathPattern> {
        if !text.starts_with(['/', '*']) {
            return Err(InvalidPathPattern { text: text.to_owned() });
        }
        let mut source = String::from("^");
        let mut rest = text;
        while let Some(star) = rest.find('*') {
            let (literal, tail) = rest.split_at(star);
            source.push_str(&regex::escape(literal));
            if let Some(after) = tail.strip_prefix("**") {
                source.push_str(".*");
                rest = after;
            } else {
                source.push_str("[^/]*");
                rest = tail.strip_prefix('*').unwrap_or_default();
            }
        }
        source.push_str(&regex::escape(rest));
        source.push('$');
        let regex = regex::Regex::new(&source).map_err(|_| InvalidPathPattern { text: text.to_owned() })?;
        Ok(Self { text: text.to_owned(), regex })
    }

    /// Whether a path matches.
    #[must_use]
    pub fn matches(&self, path: &str) -> bool {
        self.regex.is_match(path)
    }

    /// The pattern as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

/// A path pattern that means nothing.
#[derive(Debug, Clone, thiserror::Error)]
#[error("`{text}` is no path pattern: it must begin with `/` or `*`")]
pub struct InvalidPathPattern {
    /// As written.
    pub text: String,
}

impl Site {
    /// The kind of a page by its path; `other` if no pattern matches.
    #[must_use]
    pub fn page_kind(&self, path: &str) -> &'static str {
        self.pages.iter().find(|page| page.pattern.matches(path)).map_or("other", |page| page.kind)
    }
}
