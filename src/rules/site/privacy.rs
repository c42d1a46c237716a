//! `[privacy]` of `site.toml`: what visitors are asked, and how long what is kept.

use crate::config::reader::{Placed, Table};
use crate::config::settings::{REQUIRED, Section, setting};
use crate::site::CookieSettings;
use crate::visitor::consent::{Mode, PrivacySettings, Retention, ShopConsent, choice_cookie};
use std::time::Duration;

/// `[privacy]`.
pub(crate) static PRIVACY: Section = Section {
    file: "site.toml",
    header: "[privacy]",
    help: "What visitors allow. Before they allow it nothing of them is stored and no cookie is set, and only what needs no history is \
           shown. `/PREFIX/privacy` lets every visitor see, download and erase what is kept of them, and refuse.",
    settings: &[
        setting(
            "mode",
            "`opt-out`, `opt-in` or `off`",
            "\"opt-out\"",
            "`opt-out`: visitors are recognised until they refuse. `opt-in`: once they allow it. `off`: never.",
        ),
        setting(
            "signals",
            "true or false",
            "true",
            "Whether `Sec-GPC: 1` and `DNT: 1` count as a refusal, as long as the visitor chose nothing else.",
        ),
        setting("consent", "table", "", "See `[privacy.consent]`."),
        setting(
            "ask",
            "true or false",
            "",
            "Whether Noren's own small banner asks visitors who have not chosen. By default with `opt-in`, where no `consent` is given.",
        ),
        setting("policy", "text", "", "Address of the shop's privacy policy, for the banner: `/privacy`."),
        setting("remember", "duration", "\"180d\"", "How long a choice is remembered."),
        setting(
            "keep_profiles",
            "duration",
            "\"400d\"",
            "How long a profile is kept after the visitor's last page view.",
        ),
        setting("keep_events", "duration", "\"400d\"", "How long events are kept."),
    ],
};

/// `[privacy.consent]`.
pub(crate) static CONSENT: Section = Section {
    file: "site.toml",
    header: "[privacy.consent]",
    help: "The shop's own consent tool: the cookie in which it keeps what visitors chose. Cookiebot: `cookie = \"CookieConsent\"`, \
           `analytics = \"statistics:true\"`, `personalisation = \"preferences:true\"`; OneTrust: `cookie = \"OptanonConsent\"`, \
           `analytics = \"C0002:1\"`, `personalisation = \"C0003:1\"`.",
    settings: &[
        setting("cookie", "text", REQUIRED, "The cookie's name. While it is not there, nothing was chosen."),
        setting("analytics", "text", "", "What its value, decoded, contains when counting is allowed."),
        setting("personalisation", "text", "", "What it contains when remembering and serving by it is allowed."),
    ],
};

const MODES: [(&str, Mode); 3] = [("opt-out", Mode::OptOut), ("opt-in", Mode::OptIn), ("off", Mode::Off)];

const DAY: Duration = Duration::from_secs(86_400);

/// Reads the table, or takes defaults.
pub(super) fn read(site: &mut Table<'_, '_>, cookie: &CookieSettings) -> PrivacySettings {
    let mut settings = PrivacySettings { choice_cookie: choice_cookie(&cookie.name), ..PrivacySettings::default() };
    let Some(table) = site.table("privacy") else { return settings };
    let mut table = table.documented(&PRIVACY);
    settings.mode = table.choice("mode", &MODES).map_or(settings.mode, |found| found.value);
    settings.signals = table.bool("signals").is_none_or(|found| found.value);
    settings.shop = table.table("consent").and_then(consent);
    let asks = settings.mode == Mode::OptIn && settings.shop.is_none();
    settings.ask = table.bool("ask").map_or(asks, |found| found.value);
    settings.policy = table.string("policy").and_then(|text| policy(&table, text));
    if let Some(found) = table.duration_within("remember", DAY..=DAY * 400) {
        settings.remember = found.value;
    }
    let bounds = DAY..=DAY * 3660;
    let Retention { profiles, events } = &mut settings.retention;
    for (key, kept) in [("keep_profiles", profiles), ("keep_events", events)] {
        if let Some(found) = table.duration_within(key, bounds.clone()) {
            *kept = found.value;
        }
    }
    table.finish();
    settings
}

fn consent(table: Table<'_, '_>) -> Option<ShopConsent> {
    let mut table = table.documented(&CONSENT);
    let cookie = table.string("cookie");
    if cookie.is_none() && !table.has("cookie") {
        let help = "name the cookie in which the shop's consent tool keeps the choice: `cookie = \"CookieConsent\"`"
            .to_owned();
        table.error("no-consent-cookie", table.span(), "`cookie` is missing", Some(help));
    }
    let mut sign = |key| {
        let found = table.string(key)?;
        if found.value.is_empty() {
            let help = "say what stands in the cookie when it is allowed, or leave it out".to_owned();
            table.error("empty-consent-sign", found.span, "every value contains an empty text", Some(help));
            return None;
        }
        Some(found.value)
    };
    let (analytics, personalisation) = (sign("analytics"), sign("personalisation"));
    if analytics.is_none() && personalisation.is_none() {
        let help = "give `analytics`, `personalisation` or both".to_owned();
        table.warning("consent-never-given", table.span(), "by this table nothing is ever allowed", Some(help));
    }
    table.finish();
    Some(ShopConsent { cookie: cookie?.value, analytics, personalisation })
}

fn policy(table: &Table<'_, '_>, text: Placed<String>) -> Option<String> {
    let sound = (text.value.starts_with('/') && !text.value.starts_with("//"))
        || ["https://", "http://"].iter().any(|scheme| text.value.starts_with(scheme));
    if !sound {
        let help = "write a path of the shop, `/privacy`, or an address that begins with `https://`".to_owned();
        table.error("bad-policy", text.span, format!("`{}` is no address of a page", text.value), Some(help));
        return None;
    }
    Some(text.value)
}
