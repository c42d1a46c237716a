//! `site.toml`: one shop's settings.

mod catalogue;
mod cookie;
mod customer;
mod host;
mod imports;
mod learn;
mod limits;
mod origin;
pub(super) mod pages;
mod pool;
mod privacy;
pub(crate) mod taps;
mod webhook;

pub(crate) use catalogue::CATALOGUE;
pub(crate) use cookie::COOKIE;
pub(crate) use customer::CUSTOMER;
pub(crate) use imports::IMPORTS;
pub(crate) use learn::LEARN;
pub(crate) use limits::LIMITS;
pub(crate) use origin::{HEALTH, ORIGIN, UPSTREAM};
pub(crate) use pages::PAGES;
pub(crate) use pool::POOL;
pub(crate) use privacy::{CONSENT, PRIVACY};
pub(crate) use webhook::WEBHOOK;

use super::platform::{self, Preset};
use super::{LoadOptions, recipe};
use crate::config::gateway::Gateway;
use crate::config::reader::{Placed, Table, suggest};
use crate::config::settings::{REQUIRED, Section, setting};
use crate::site::imports::ImportSettings;
use crate::site::platform::{Own, Platform};
use crate::site::taps::Taps;
use crate::site::webhooks::Webhook;
use crate::site::{CookieSettings, DeliverBy, LearnSettings, Origin, Pool, SiteLimits};
use crate::visitor::consent::PrivacySettings;
use jiff::tz::TimeZone;
use std::time::Duration;

/// The top of `site.toml`.
pub(crate) static SITE: Section = Section {
    file: "site.toml",
    header: "",
    help: "One shop. The least file is `hosts = [\"shop.example\"]` and `origin = \"http://127.0.0.1:8101\"`.",
    settings: &[
        setting(
            "hosts",
            "list of texts",
            REQUIRED,
            "Host names that the shop is visited by. `*.shop.example` stands for every name under it; `*` takes what no other site \
             names.",
        ),
        setting(
            "origin",
            "text, list of texts, or tables",
            REQUIRED,
            "Where the shop is: `http://127.0.0.1:8101` or `https://…`; several addresses share the load. For weights see \
             `[[origin]]`.",
        ),
        setting("upstream", "table", "", "See `[upstream]`."),
        setting(
            "prefix",
            "text",
            "",
            "Names Noren's own path on the site (`/PREFIX/…`) and its marker (`data-PREFIX`): lower-case letters and digits, beginning \
             with a letter. By default random an installation, so that no block-list can name it.",
        ),
        setting("enabled", "true or false", "true", "`false` lets every page pass as the shop sent it."),
        setting("locale", "text", "\"ja\"", "The shop's own language: `ja`, `en`."),
        setting("time_zone", "text", "\"Asia/Tokyo\"", "Time zone of schedules and of `now.*`."),
        setting("currency", "text", "\"JPY\"", "Currency of all amounts, by ISO 4217."),
        setting(
            "free_shipping_from",
            "number",
            "",
            "Value of a cart from which on shipping is free, for `cart.free_shipping_gap`.",
        ),
        setting("session_timeout", "duration", "\"30m\"", "A gap between two page views that ends a session."),
        setting(
            "holdout",
            "percentage",
            "\"0%\"",
            "Share of visitors that sees no scenario at all, to measure them all against.",
        ),
        setting(
            "deliver_by",
            "`auto`, `page` or `script`",
            "\"auto\"",
            "Whether what is inserted stands in the `page` itself or is put there by Noren's `script`. Shops whose own script takes \
             over what the server has rendered (React, Remix, Next) throw out what it does not know: there it must be `script`. \
             `auto` begins with `page` and learns from visitors' browsers which kinds of pages do so, on pages that have Noren's \
             script.",
        ),
        setting("https_redirect", "true or false", "", "As in gateway.toml, for this site."),
        setting(
            "platform",
            "text",
            "\"generic\"",
            "What the shop is built with: `ec-cube-4`, `woocommerce`, … Kinds of pages, and what they say, are then known beforehand; `[pages]` and \
             `[extract]` need only tell what is different here. `generic`: only what any shop's pages may say of themselves. `auto`: as the \
             first pages that pass show it, by the rules of `noren detect`; until they do, `generic`. It is told in the log and by the metric \
             `noren_platform`, and found out again after a restart.",
        ),
        setting("cookie", "table", "", "See `[cookie]`."),
        setting("pages", "table", "", "See `[pages]`."),
        setting("customer", "table", "", "See `[customer]`."),
        setting("extract", "table", "", "See `[extract]`."),
        setting("learn", "table", "", "See `[learn]`."),
        setting("forms", "list of tables", "", "See `[[forms]]`."),
        setting("api", "list of tables", "", "See `[[api]]`."),
        setting("catalogue", "table", "", "See `[catalogue]`."),
        setting("limits", "table", "", "See `[limits]`."),
        setting("pool", "list of tables", "", "See `[[pool]]`."),
        setting("privacy", "table", "", "See `[privacy]`."),
        setting("webhook", "list of tables", "", "See `[[webhook]]`."),
        setting("imports", "table", "", "See `[imports]`."),
    ],
};

/// Has the platform be found out.
const AUTO: &str = "auto";

/// How many products are remembered of a site that does not say.
const MOST_PRODUCTS: usize = 50_000;

const DELIVER_BY: [(&str, DeliverBy); 3] =
    [("auto", DeliverBy::Auto), ("page", DeliverBy::Page), ("script", DeliverBy::Script)];

/// What `site.toml` says.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) hosts: Vec<Placed<String>>,
    /// `None` only when there were errors.
    pub(super) origin: Option<Origin>,
    pub(super) prefix: String,
    pub(super) enabled: bool,
    pub(super) locale: String,
    pub(super) time_zone: TimeZone,
    pub(super) currency: String,
    pub(super) free_shipping_from: Option<f64>,
    pub(super) session_timeout: Duration,
    pub(super) holdout: u32,
    pub(super) deliver_by: DeliverBy,
    pub(super) https_redirect: bool,
    pub(super) cookie: CookieSettings,
    /// `None` only when there were errors.
    pub(super) platform: Option<Platform>,
    pub(super) learn: LearnSettings,
    pub(super) customer: customer::Found,
    pub(super) max_products: usize,
    pub(super) limits: SiteLimits,
    pub(super) pools: Vec<Placed<Pool>>,
    pub(super) privacy: PrivacySettings,
    pub(super) webhooks: Vec<Webhook>,
    pub(super) imports: Option<ImportSettings>,
}

/// Reads `site.toml`.
pub(super) fn read(table: Table<'_, '_>, gateway: &Gateway, options: &LoadOptions) -> Settings {
    let mut table = table.documented(&SITE);
    let hosts = host::read(&mut table);
    let origin = origin::read(&mut table, &hosts);
    let named = named_platform(&mut table);
    let part = table.table("extract").map(recipe::read).unwrap_or_default();
    let pages = table.table("pages").map(pages::read).unwrap_or_default();
    let cookie = cookie::read(&mut table, &hosts);
    let own = Own { pages, part, taps: Taps { forms: taps::forms(&mut table), apis: taps::apis(&mut table) } };
    let settings = Settings {
        origin,
        prefix: prefix(&mut table).unwrap_or_else(|| options.prefix.clone()),
        enabled: table.bool("enabled").is_none_or(|found| found.value),
        locale: locale(&mut table).unwrap_or_else(|| "ja".to_owned()),
        time_zone: time_zone(&mut table),
        currency: currency(&mut table).unwrap_or_else(|| "JPY".to_owned()),
        free_shipping_from: free_shipping_from(&mut table),
        session_timeout: session_timeout(&mut table),
        holdout: table.percentage("holdout").map_or(0, |found| found.value),
        deliver_by: table.choice("deliver_by", &DELIVER_BY).map_or(DeliverBy::Auto, |found| found.value),
        https_redirect: table.bool("https_redirect").map_or(gateway.https_redirect, |found| found.value),
        platform: named.and_then(|named| match named {
            Named::Preset(preset) => Some(Platform::named(&own, preset)),
            Named::ToBeFound => {
                let fallback = platform::preset("generic")?;
                Some(Platform::to_be_found(own, platform::presets(), fallback))
            }
        }),
        learn: table.table("learn").map(learn::read).unwrap_or_default(),
        customer: table.table("customer").map(customer::read).unwrap_or_default(),
        max_products: table.table("catalogue").and_then(catalogue::read).unwrap_or(MOST_PRODUCTS),
        limits: table.table("limits").map(limits::read).unwrap_or_default(),
        pools: pool::read(&mut table),
        privacy: privacy::read(&mut table, &cookie),
        webhooks: webhook::read(&mut table),
        imports: table.table("imports").and_then(imports::read),
        cookie,
        hosts,
    };
    table.finish();
    settings
}

/// What `platform` says.
enum Named {
    Preset(&'static Preset),
    ToBeFound,
}

/// The preset that is named; without a name, the generic one.
fn named_platform(table: &mut Table<'_, '_>) -> Option<Named> {
    let Some(text) = table.string("platform") else { return platform::preset("generic").map(Named::Preset) };
    if text.value == AUTO {
        return Some(Named::ToBeFound);
    }
    let found = platform::preset(&text.value);
    if found.is_none() {
        let names = || std::iter::once(AUTO).chain(platform::names());
        let all = names().collect::<Vec<_>>().join(", ");
        let help = suggest(&text.value, names())
            .map_or_else(|| format!("one of: {all}"), |best| format!("did you mean `{best}`? One of: {all}"));
        table.error("unknown-platform", text.span, format!("there is no preset for `{}`", text.value), Some(help));
    }
    found.map(Named::Preset)
}

fn prefix(table: &mut Table<'_, '_>) -> Option<String> {
    let text = table.string("prefix")?;
    let sound = text.value.starts_with(|c: char| c.is_ascii_lowercase())
        && text.value.len() <= 32
        && text.value.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if !sound {
        table.error(
            "bad-prefix",
            text.span,
            format!("`{}` cannot be a prefix", text.value),
            Some("use lower-case letters and digits, at most 32, beginning with a letter: `prefix = \"gw\"`".into()),
        );
        return None;
    }
    Some(text.value)
}

fn locale(table: &mut Table<'_, '_>) -> Option<String> {
    let text = table.string("locale")?;
    if (2..=3).contains(&text.value.len()) && text.value.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return Some(text.value);
    }
    table.error(
        "bad-locale",
        text.span,
        format!("`{}` is no language", text.value),
        Some("write its two or three letters in lower case: `ja`, `en`, `zh`".into()),
    );
    None
}

fn time_zone(table: &mut Table<'_, '_>) -> TimeZone {
    const DEFAULT: &str = "Asia/Tokyo";
    let found = table.string("time_zone");
    let name = found.as_ref().map_or(DEFAULT, |text| text.value.as_str());
    match TimeZone::get(name) {
        Ok(zone) => zone,
        Err(_) => {
            if let Some(text) = found {
                let names: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
                let help = crate::config::reader::suggest(&text.value, names.iter().map(String::as_str)).map_or_else(
                    || "name one of the IANA database: `Asia/Tokyo`, `Europe/Paris`, `UTC`".to_owned(),
                    |best| format!("did you mean `{best}`?"),
                );
                table.error(
                    "unknown-time-zone",
                    text.span,
                    format!("there is no time zone `{}`", text.value),
                    Some(help),
                );
            }
            TimeZone::UTC
        }
    }
}

fn currency(table: &mut Table<'_, '_>) -> Option<String> {
    let text = table.string("currency")?;
    if text.value.len() == 3 && text.value.bytes().all(|byte| byte.is_ascii_uppercase()) {
        return Some(text.value);
    }
    table.error(
        "bad-currency",
        text.span,
        format!("`{}` is no currency", text.value),
        Some("write its three capital letters: `JPY`, `USD`, `EUR`".into()),
    );
    None
}

fn free_shipping_from(table: &mut Table<'_, '_>) -> Option<f64> {
    let found = table.number("free_shipping_from")?;
    if found.value.is_finite() && found.value >= 0.0 {
        return Some(found.value);
    }
    let message = format!("`{}` is no amount of money", found.value);
    table.error("out-of-range", found.span, message, Some("write it without sign: `free_shipping_from = 5000`".into()));
    None
}

fn session_timeout(table: &mut Table<'_, '_>) -> Duration {
    const DEFAULT: Duration = Duration::from_secs(30 * 60);
    let bounds = Duration::from_secs(60)..=Duration::from_secs(86_400);
    table.duration_within("session_timeout", bounds).map_or(DEFAULT, |found| found.value)
}
