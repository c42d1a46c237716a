//! Where the shop is, and how it is spoken to: `origin`, `[[origin]]` and `[upstream]` of `site.toml`.

use crate::config::reader::{Placed, Table};
use crate::config::settings::{REQUIRED, Section, setting};
use crate::site::{HealthCheck, Origin, OriginAddress};
use std::ops::Range;
use std::time::Duration;

/// `[[origin]]`.
pub(crate) static ORIGIN: Section = Section {
    file: "site.toml",
    header: "[[origin]]",
    help: "One address of the shop; the long form of `origin`.",
    settings: &[
        setting("url", "text", REQUIRED, "`http://HOST:PORT` or `https://HOST:PORT`."),
        setting(
            "weight",
            "whole number",
            "1",
            "Its share relative to the others; 0 is a spare, used when no other is healthy.",
        ),
    ],
};

/// `[upstream]`.
pub(crate) static UPSTREAM: Section = Section {
    file: "site.toml",
    header: "[upstream]",
    help: "How the shop is spoken to.",
    settings: &[
        setting(
            "host",
            "text",
            "",
            "Host sent to the shop in place of the visitor's, for shops that insist on their own.",
        ),
        setting("http2", "true or false", "false", "Speaks HTTP/2: by agreement over https, at once over http."),
        setting(
            "verify",
            "true or false",
            "true",
            "Verifies the shop's certificate. `false` lets anybody between pose as the shop.",
        ),
        setting("ca", "path", "", "Certificate authority in PEM that is trusted besides the public ones."),
        setting("connect_timeout", "duration", "\"5s\"", "Time to connect, TLS included."),
        setting("read_timeout", "duration", "\"60s\"", "Longest silence while the shop answers."),
        setting("write_timeout", "duration", "\"60s\"", "Longest silence while the shop takes a request."),
        setting("idle_timeout", "duration", "\"60s\"", "How long an unused connection is kept."),
        setting("health", "table", "", "See `[upstream.health]`."),
    ],
};

/// `[upstream.health]`.
pub(crate) static HEALTH: Section = Section {
    file: "site.toml",
    header: "[upstream.health]",
    help: "Asks each address regularly, so that visitors are not sent to one that is down. Without this table, an address that \
           fails is found out by requests alone.",
    settings: &[
        setting("path", "text", "\"/\"", "Path asked for by GET; any status below 500 is healthy."),
        setting("interval", "duration", "\"10s\"", "Time between two checks."),
    ],
};

/// Reads the origin; `None` means that there were errors.
pub(super) fn read(table: &mut Table<'_, '_>, hosts: &[Placed<String>]) -> Option<Origin> {
    let addresses = addresses(table, hosts);
    let mut origin = Origin { addresses: addresses.unwrap_or_default(), ..Origin::default() };
    if let Some(upstream) = table.table("upstream") {
        read_upstream(upstream, &mut origin);
    }
    (!origin.addresses.is_empty()).then_some(origin)
}

fn addresses(table: &mut Table<'_, '_>, hosts: &[Placed<String>]) -> Option<Vec<OriginAddress>> {
    const EXAMPLE: &str = "\"http://127.0.0.1:8101\"";
    let Some(value) = table.raw("origin") else {
        table.missing("origin", &format!("such as {EXAMPLE}"));
        return None;
    };
    let whole = value.span();
    let mut found = Vec::new();
    let is_tables = value.get_ref().as_array().is_some_and(|list| list.iter().any(|item| item.get_ref().is_table()));
    if is_tables {
        for one in table.tables("origin") {
            let mut one = one.documented(&ORIGIN);
            let url = one.required_string("url");
            let weight = one.integer("weight", 0..=1_000_000).map_or(1, |number| number.value as u32);
            found.extend(url.and_then(|url| address(&one, &url, weight, hosts)));
            one.finish();
        }
        if !found.is_empty() && found.iter().all(|address| address.weight == 0) {
            let help = "give at least one address a weight above 0".to_owned();
            table.error("no-weight", whole, "every address is a spare", Some(help));
        }
    } else if value.get_ref().is_str() || value.get_ref().is_array() {
        let list = table.strings("origin")?;
        if list.value.is_empty() {
            table.error(
                "no-origin",
                whole,
                "`origin` is empty",
                Some(format!("name the shop's address: `origin = {EXAMPLE}`")),
            );
        }
        found.extend(list.value.iter().filter_map(|url| address(table, url, 1, hosts)));
    } else {
        table.mistyped("origin", ("an address in quotes", EXAMPLE), value);
    }
    Some(found)
}

fn address(
    table: &Table<'_, '_>,
    text: &Placed<String>,
    weight: u32,
    hosts: &[Placed<String>],
) -> Option<OriginAddress> {
    match OriginAddress::parse(&text.value) {
        Ok(mut found) => {
            found.weight = weight;
            if hosts.iter().any(|host| host.value == found.host) {
                warn_of_loop(table, &found.host, text.span.clone());
            }
            Some(found)
        }
        Err(error) => {
            let help = "write `http://HOST:PORT` or `https://HOST:PORT`, and nothing after it".to_owned();
            table.error("bad-origin", text.span.clone(), error.to_string(), Some(help));
            None
        }
    }
}

fn warn_of_loop(table: &Table<'_, '_>, host: &str, span: Range<usize>) {
    table.warning(
        "origin-is-host",
        span,
        format!("the origin `{host}` is also a host of the site"),
        Some("once its DNS points to Noren, Noren would call itself: give the shop's own address, and the name as `host` under `[upstream]`".into()),
    );
}

fn read_upstream(table: Table<'_, '_>, origin: &mut Origin) {
    let mut table = table.documented(&UPSTREAM);
    origin.host = table.string("host").and_then(|text| {
        let sound =
            http::uri::Authority::try_from(text.value.as_str()).is_ok_and(|found| !found.as_str().contains('@'));
        if !sound {
            let help = "write a name, with a port only if the shop wants it: `host = \"shop.internal\"`".to_owned();
            table.error("bad-host", text.span, format!("`{}` is no host", text.value), Some(help));
        }
        sound.then_some(text.value)
    });
    origin.http2 = table.bool("http2").is_some_and(|found| found.value);
    if let Some(verify) = table.bool("verify") {
        origin.verify = verify.value;
    }
    origin.ca = table.string("ca").map(|text| text.value.into());
    for (key, timeout) in [
        ("connect_timeout", &mut origin.connect_timeout),
        ("read_timeout", &mut origin.read_timeout),
        ("write_timeout", &mut origin.write_timeout),
        ("idle_timeout", &mut origin.idle_timeout),
    ] {
        if let Some(found) = table.duration_within(key, Duration::from_millis(1)..=Duration::from_secs(86_400)) {
            *timeout = found.value;
        }
    }
    origin.health = table.table("health").map(read_health);
    table.finish();
}

fn read_health(table: Table<'_, '_>) -> HealthCheck {
    let mut table = table.documented(&HEALTH);
    let path = table.string("path").filter(|text| {
        let sound = text.value.starts_with('/') && http::uri::PathAndQuery::try_from(text.value.as_str()).is_ok();
        if !sound {
            let help = "write a path that begins with `/`: `path = \"/health\"`".to_owned();
            table.error("bad-path", text.span.clone(), format!("`{}` is no path", text.value), Some(help));
        }
        sound
    });
    let bounds = Duration::from_millis(100)..=Duration::from_secs(3_600);
    let check = HealthCheck {
        path: path.map_or_else(|| "/".to_owned(), |text| text.value),
        interval: table.duration_within("interval", bounds).map_or(Duration::from_secs(10), |found| found.value),
    };
    table.finish();
    check
}
