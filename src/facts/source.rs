//! Where a visit came from: campaign parameters, click ids, and the referring page's host.

use super::request::parameter;
use crate::store::profile::SourceSeen;
use http::{HeaderMap, header};

/// Longest campaign text that is remembered.
const MAX_TEXT: usize = 100;

/// Names of search engines: the label before the public suffix (`google.co.jp`, `search.yahoo.co.jp`).
const SEARCH: &[&str] = &[
    "google",
    "yahoo",
    "bing",
    "duckduckgo",
    "ecosia",
    "baidu",
    "naver",
    "yandex",
    "brave",
    "startpage",
    "qwant",
    "goo",
    "excite",
    "nifty",
    "biglobe",
    "sogou",
    "kagi",
    "perplexity",
    "chatgpt",
    "docomo",
    "auone",
];

/// Hosts of social networks; their subdomains count too.
const SOCIAL: &[&str] = &[
    "instagram.com",
    "facebook.com",
    "fb.com",
    "fb.me",
    "messenger.com",
    "x.com",
    "twitter.com",
    "t.co",
    "line.me",
    "lin.ee",
    "liff.line.me",
    "tiktok.com",
    "pinterest.com",
    "pinterest.jp",
    "pin.it",
    "youtube.com",
    "youtu.be",
    "threads.net",
    "threads.com",
    "linkedin.com",
    "lnkd.in",
    "reddit.com",
    "note.com",
    "ameblo.jp",
    "mixi.jp",
    "hatena.ne.jp",
    "weibo.com",
    "weibo.cn",
    "bsky.app",
    "mastodon.social",
    "misskey.io",
    "discord.com",
    "snapchat.com",
    "tumblr.com",
    "whatsapp.com",
    "telegram.org",
    "vk.com",
    "kakao.com",
    "wechat.com",
    "lemon8-app.com",
    "roomclip.jp",
];

/// Hosts of web mail.
const MAIL: &[&str] = &[
    "mail.google.com",
    "mail.yahoo.co.jp",
    "mail.yahoo.com",
    "outlook.live.com",
    "outlook.office.com",
    "outlook.office365.com",
    "outlook.com",
    "mail.aol.com",
    "mail.ru",
    "mail.proton.me",
    "mail.nifty.com",
];

/// Android apps that open links with a referrer of `android-app://`.
const APPS: &[(&str, &str)] = &[
    ("com.google.android.gm", "email"),
    ("com.google.android.googlequicksearchbox", "search"),
    ("jp.naver.line.android", "social"),
    ("com.instagram.android", "social"),
    ("com.facebook.katana", "social"),
    ("com.twitter.android", "social"),
    ("com.zhiliaoapp.musically", "social"),
    ("com.pinterest", "social"),
    ("jp.co.yahoo.android.yjtop", "search"),
];

/// Parameters by which advertising networks mark a paid click.
const CLICK_IDS: &[&str] =
    &["gclid", "gbraid", "wbraid", "dclid", "yclid", "fbclid", "msclkid", "ttclid", "twclid", "ldtag_cl", "li_fat_id"];

/// The `Referer` header's text.
#[must_use]
pub fn referrer(headers: &HeaderMap) -> Option<&str> {
    headers.get(header::REFERER)?.to_str().ok()
}

/// Classifies an arrival. Campaign parameters beat click ids, which beat the referrer; the shop's own host is no source.
#[must_use]
pub fn classify(query: &str, referrer: Option<&str>, own_host: &str) -> SourceSeen {
    let campaign = |name: &str| parameter(query, name).map(|text| clip(&text)).filter(|text| !text.is_empty());
    let (medium, source) = (campaign("utm_medium"), campaign("utm_source"));
    let host = referrer.and_then(host_of).filter(|host| !same_site(host, own_host));
    let by_host = host.as_deref().map(kind_of_host);
    let by_campaign = || medium.as_deref().and_then(kind_of_medium).or_else(|| source.as_deref().map(kind_of_source));
    let kind = if medium.is_some() || source.is_some() {
        by_campaign().or(by_host).unwrap_or("referral")
    } else if CLICK_IDS.iter().any(|id| parameter(query, id).is_some_and(|value| !value.is_empty())) {
        "ad"
    } else {
        by_host.unwrap_or("direct")
    };
    SourceSeen { kind: kind.to_owned(), host, medium, campaign: campaign("utm_campaign") }
}

fn clip(text: &str) -> String {
    let mut text = text.trim().to_owned();
    let end = text.char_indices().nth(MAX_TEXT).map_or(text.len(), |(at, _)| at);
    text.truncate(end);
    text
}

/// Host of a URL, lower case, without `www.`, port and user; an app's package for `android-app://`.
fn host_of(url: &str) -> Option<String> {
    let (_, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let host = if host.starts_with('[') { host } else { host.split(':').next()? };
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let host = host.strip_prefix("www.").unwrap_or(&host);
    (!host.is_empty() && host.len() <= 253).then(|| host.to_owned())
}

fn same_site(host: &str, own: &str) -> bool {
    let own = own.split(':').next().unwrap_or(own);
    host.eq_ignore_ascii_case(own.strip_prefix("www.").unwrap_or(own))
}

fn is_or_beneath(host: &str, parent: &str) -> bool {
    host.strip_suffix(parent).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn kind_of_host(host: &str) -> &'static str {
    if let Some((_, kind)) = APPS.iter().find(|(app, _)| *app == host) {
        return kind;
    }
    if MAIL.iter().any(|mail| is_or_beneath(host, mail)) {
        return "email";
    }
    if SOCIAL.iter().any(|social| is_or_beneath(host, social)) {
        return "social";
    }
    if is_or_beneath(host, "googleadservices.com") || is_or_beneath(host, "doubleclick.net") {
        return "ad";
    }
    if is_search(host) { "search" } else { "referral" }
}

/// Whether the label before the public suffix is a search engine's. Other services on the same domains
/// (`shopping.yahoo.co.jp`, `docs.google.com`) are referrals.
fn is_search(host: &str) -> bool {
    let mut labels: Vec<&str> = host.split('.').collect();
    labels.pop();
    if matches!(labels.last(), Some(&("co" | "com" | "ne" | "or"))) && labels.len() > 1 {
        labels.pop();
    }
    let Some(name) = labels.pop() else { return false };
    let front = labels.pop();
    SEARCH.contains(&name)
        && matches!(
            front,
            None | Some(
                "search"
                    | "m"
                    | "cn"
                    | "jp"
                    | "r"
                    | "us"
                    | "uk"
                    | "html"
                    | "lite"
                    | "websearch"
                    | "image"
                    | "images"
                    | "smt"
            )
        )
}

fn kind_of_medium(medium: &str) -> Option<&'static str> {
    let medium = medium.to_ascii_lowercase();
    let paid = [
        "cpc",
        "ppc",
        "cpm",
        "cpv",
        "cpa",
        "paid",
        "display",
        "banner",
        "ad",
        "ads",
        "affiliate",
        "retargeting",
        "listing",
    ];
    Some(match medium.as_str() {
        medium if paid.contains(&medium) || medium.starts_with("paid") || medium.starts_with("cp") => "ad",
        "email" | "e-mail" | "mail" | "newsletter" | "mailmag" | "merumaga" => "email",
        "social" | "sns" | "social-network" | "social-media" | "social_media" | "line" => "social",
        "organic" | "search" => "search",
        "referral" => "referral",
        _ => return None,
    })
}

fn kind_of_source(source: &str) -> &'static str {
    let source = source.to_ascii_lowercase();
    if source.contains("mail") || source.contains("newsletter") {
        return "email";
    }
    let social = ["line", "ig", "fb", "x", "insta", "yt"];
    let named = |host: &str| host.split('.').next() == Some(source.as_str());
    if social.contains(&source.as_str()) || SOCIAL.iter().any(|host| named(host) || *host == source) {
        return "social";
    }
    if SEARCH.contains(&source.as_str()) { "search" } else { "referral" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_are_classified_as_a_merchant_would() {
        for (query, referrer, kind, host) in [
            ("", "", "direct", None),
            ("", "https://shop.example/cart", "direct", None),
            ("", "https://www.shop.example:8443/", "direct", None),
            ("", "https://www.google.co.jp/", "search", Some("google.co.jp")),
            ("", "https://search.yahoo.co.jp/search?p=x", "search", Some("search.yahoo.co.jp")),
            ("", "https://shopping.yahoo.co.jp/", "referral", Some("shopping.yahoo.co.jp")),
            ("", "https://mail.google.com/mail/u/0", "email", Some("mail.google.com")),
            ("", "https://m.search.naver.com/", "search", Some("m.search.naver.com")),
            ("", "https://t.co/abc", "social", Some("t.co")),
            ("", "https://not-t.co/abc", "referral", Some("not-t.co")),
            ("", "https://l.instagram.com/?u=", "social", Some("l.instagram.com")),
            ("", "android-app://jp.naver.line.android/", "social", Some("jp.naver.line.android")),
            ("", "https://google.evil.example/", "referral", Some("google.evil.example")),
            ("", "https://user:pw@Blog.Example:81?x", "referral", Some("blog.example")),
            ("gclid=abc", "https://www.google.com/", "ad", Some("google.com")),
            ("yclid=", "https://www.google.com/", "search", Some("google.com")),
            ("utm_source=line&utm_medium=cpc&gclid=1", "https://t.co/", "ad", Some("t.co")),
            ("utm_medium=email&utm_source=google", "https://www.google.com/", "email", Some("google.com")),
            ("utm_source=instagram", "", "social", None),
            ("utm_source=mailmag&utm_medium=weekly", "", "email", None),
            ("utm_medium=organic", "https://shop.example/", "search", None),
            ("", "garbage", "direct", None),
        ] {
            let referrer = Some(referrer).filter(|text| !text.is_empty());
            let seen = classify(query, referrer, "shop.example");
            assert_eq!((seen.kind.as_str(), seen.host.as_deref()), (kind, host), "{query} {referrer:?}");
        }
    }

    #[test]
    fn campaign_texts_are_kept_within_bounds() {
        let seen = classify(&format!("utm_source=a&utm_campaign={}", "%E6%98%A5".repeat(500)), None, "shop.example");
        assert_eq!(seen.campaign, Some("春".repeat(MAX_TEXT)));
    }
}
