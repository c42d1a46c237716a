//! `[cookie]` of `site.toml`.

use crate::config::reader::{Placed, Table};
use crate::config::settings::{Section, setting};
use crate::site::CookieSettings;
use std::time::Duration;

/// `[cookie]`.
pub(crate) static COOKIE: Section = Section {
    file: "site.toml",
    header: "[cookie]",
    help: "The visitor's cookie. It is always sealed, `HttpOnly` and `SameSite=Lax`, and `Secure` over https.",
    settings: &[
        setting("name", "text", "\"nrn\"", "Name."),
        setting(
            "domain",
            "text",
            "",
            "Shares the cookie with all hosts under this domain; by default it is the host's alone.",
        ),
        setting(
            "lifetime",
            "duration",
            "\"400d\"",
            "How long a visitor is remembered; browsers keep no cookie longer than 400 days.",
        ),
    ],
};

/// Reads the table, or takes defaults.
pub(super) fn read(site: &mut Table<'_, '_>, hosts: &[Placed<String>]) -> CookieSettings {
    let mut cookie = CookieSettings::default();
    let Some(table) = site.table("cookie") else { return cookie };
    let mut table = table.documented(&COOKIE);
    if let Some(text) = table.string("name") {
        if is_token(&text.value) {
            cookie.name = text.value;
        } else {
            let help = "use letters, digits, `-` and `_`".to_owned();
            table.error("bad-cookie-name", text.span, format!("`{}` is no cookie name", text.value), Some(help));
        }
    }
    if let Some(text) = table.string("domain") {
        let domain = text.value.trim_start_matches('.').to_ascii_lowercase();
        let covers = |host: &str| host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'));
        match hosts.iter().find(|host| host.value != "*" && !covers(&host.value)) {
            Some(host) => table.error(
                "foreign-cookie-domain",
                text.span,
                format!("the host `{}` is not under `{domain}`, so browsers would refuse the cookie", host.value),
                Some("name a domain that all `hosts` are under, or leave `domain` out".into()),
            ),
            None if !domain.contains('.') => table.error(
                "foreign-cookie-domain",
                text.span,
                format!("browsers take no cookie for all of `{domain}`"),
                Some("name the shop's own domain, or leave `domain` out".into()),
            ),
            None => cookie.domain = Some(domain),
        }
    }
    let bounds = Duration::from_secs(60)..=Duration::from_secs(400 * 86_400);
    if let Some(found) = table.duration_within("lifetime", bounds) {
        cookie.lifetime = found.value;
    }
    table.finish();
    cookie
}

/// A cookie name as RFC 6265 has it, less the signs that some servers stumble over.
fn is_token(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
