//! Which page an address is, whatever is hung on to it by those who link to it.

use std::borrow::Cow;

/// Longest address that is kept, in bytes.
const LONGEST: usize = 512;

/// Parameters that say where a visitor comes from, or who they are, and nothing of the page.
const TRACKING: [&str; 27] = [
    "gclid",
    "gclsrc",
    "gbraid",
    "wbraid",
    "gad_source",
    "gad_campaignid",
    "dclid",
    "srsltid",
    "fbclid",
    "msclkid",
    "yclid",
    "yjr",
    "ttclid",
    "twclid",
    "ldtag_cl",
    "li_fat_id",
    "igshid",
    "mc_cid",
    "mc_eid",
    "_ga",
    "_gl",
    "ref",
    "phpsessid",
    "zenid",
    "oscsid",
    "transactionid",
    "sid",
];

/// Path and query of a page: without tracking, the rest in one order. `None`: too long to be kept.
pub(super) fn canonical(path: &str, query: &str) -> Option<String> {
    let mut parts: Vec<&str> = query.split('&').filter(|part| !part.is_empty() && !is_tracking(part)).collect();
    parts.sort_unstable();
    let whole = if parts.is_empty() { path.to_owned() } else { format!("{path}?{}", parts.join("&")) };
    (whole.len() <= LONGEST).then_some(whole)
}

/// Path and query of what a page links to; `None` if it is another host's.
pub(super) fn linked<'a>(host: &str, link: &'a str) -> Option<(Cow<'a, str>, &'a str)> {
    let link = link.split('#').next().unwrap_or_default();
    let rest = match link.split_once("//") {
        Some(("" | "http:" | "https:", rest)) => {
            let end = rest.find(['/', '?']).unwrap_or(rest.len());
            let (authority, rest) = rest.split_at(end);
            let name = authority.rsplit_once(':').map_or(authority, |(name, _)| name);
            if !name.eq_ignore_ascii_case(host) {
                return None;
            }
            rest
        }
        _ if link.starts_with('/') => link,
        // Relative ones would need the page's base, which is the reader's to know.
        _ => return None,
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    Some((if path.is_empty() { Cow::Borrowed("/") } else { Cow::Borrowed(path) }, query))
}

/// Whether a part of a query says nothing of the page: the page is the same without it.
#[must_use]
pub fn is_tracking(part: &str) -> bool {
    let name = part.split('=').next().unwrap_or_default().to_ascii_lowercase();
    name.starts_with("utm_") || TRACKING.contains(&name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_one_address_whoever_links_to_it() {
        let same = |query: &str| canonical("/index.php", query).unwrap();
        assert_eq!(
            same("products_id=2&main_page=info&utm_source=x&GCLID=1"),
            same("main_page=info&&products_id=2&zenid=abc")
        );
        assert_ne!(same("products_id=2"), same("products_id=3"));
        assert_eq!(canonical("/item/1", "utm_medium=mail").as_deref(), Some("/item/1"));
        assert_eq!(canonical("/item/1", &"x".repeat(600)), None);
    }

    #[test]
    fn links_to_other_hosts_are_nobodys_pages() {
        let path = |link| linked("shop.example", link).map(|(path, query)| format!("{path}|{query}"));
        assert_eq!(path("https://Shop.example:8443/item/1?a=b#c").as_deref(), Some("/item/1|a=b"));
        assert_eq!(path("//shop.example").as_deref(), Some("/|"));
        assert_eq!(path("/item/1").as_deref(), Some("/item/1|"));
        for other in ["https://evil.example/item/1", "item/1", "javascript:alert(1)", "https://shop.example.evil/", ""]
        {
            assert_eq!(path(other), None, "{other}");
        }
    }
}
