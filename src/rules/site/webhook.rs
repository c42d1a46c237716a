//! `[[webhook]]` of `site.toml`: who is told of events.

use crate::config::reader::{Placed, Table, suggest};
use crate::config::settings::{REQUIRED, Section, setting};
use crate::event::NAMES;
use crate::rules::names;
use crate::site::webhooks::{Address, Secret, SigningKey, Webhook};
use std::net::IpAddr;
use std::time::Duration;

/// `[[webhook]]`.
pub(crate) static WEBHOOK: Section = Section {
    file: "site.toml",
    header: "[[webhook]]",
    help: "Tells another program, for mail, messages or data, of events as they happen: one POST with JSON each, the same as a line of \
           `noren export events` with `site` before it. A message is tried until it is answered with a 2xx, with growing pauses, and may so arrive \
           twice: `webhook-id` tells. One visitor's come in their order. Try it with `noren webhook test --site SITE`.",
    settings: &[
        setting(
            "name",
            "text",
            REQUIRED,
            "Its name. A hook of another name is another hook: what waits for the old one is dropped.",
        ),
        setting(
            "url",
            "text",
            REQUIRED,
            "Where it is told: `https://…`. Redirects are not followed. Of `http://` to another machine `noren check` warns: visitors' events \
             would be read by whoever is between.",
        ),
        setting(
            "events",
            "list of texts",
            "view_item, add_to_cart, remove_from_cart, begin_checkout, purchase, refund",
            "Events by the names that exports use. Also `abandoned_cart` (see \
             `[learn]`), `page_view`, `search`, `login`, `experiment_viewed`, `view_promotion`, \
             `select_promotion`, `dismiss_promotion` and `conversion`.",
        ),
        setting(
            "secret",
            "text or list of texts",
            REQUIRED,
            "Signs messages by the Standard Webhooks specification (`webhook-id`, `webhook-timestamp`, `webhook-signature`): `whsec_` and 24 \
             to 64 bytes in base64, or `file:PATH` of a file that holds it, so that it does not stand here. While it is being \
             changed, a list: each message is signed by all of them.",
        ),
        setting("timeout", "duration", "\"10s\"", "How long an answer may take."),
        setting("give_up", "duration", "\"3d\"", "So long after its event a message that is not taken is dropped."),
        setting(
            "max_waiting",
            "whole number",
            "100000",
            "Messages that wait at most; beyond it the oldest are dropped, so that a receiver that is gone fills no disk.",
        ),
    ],
};

/// What a hook wants that does not say.
const COMMERCE: [&str; 6] = ["view_item", "add_to_cart", "remove_from_cart", "begin_checkout", "purchase", "refund"];
const TIMEOUT: Duration = Duration::from_secs(10);
const GIVE_UP: Duration = Duration::from_secs(3 * 86_400);
const MAX_WAITING: u64 = 100_000;

/// Reads all hooks.
pub(super) fn read(site: &mut Table<'_, '_>) -> Vec<Webhook> {
    let mut hooks: Vec<Webhook> = Vec::new();
    for table in site.tables("webhook") {
        let Some(Placed { value: hook, span }) = read_one(table.documented(&WEBHOOK)) else { continue };
        if hooks.iter().any(|earlier| earlier.name == hook.name) {
            let help = "rename one: what waits is kept by the name of its hook".to_owned();
            site.error("duplicate-webhook", span, format!("there are two hooks `{}`", hook.name), Some(help));
        }
        hooks.push(hook);
    }
    hooks
}

fn read_one(mut table: Table<'_, '_>) -> Option<Placed<Webhook>> {
    let name = table.required_string("name").and_then(|text| names::checked(&table, "hook", text));
    let url = table.required_string("url").and_then(|text| url(&table, &text));
    let events = events(&mut table);
    let secrets = secrets(&mut table);
    let timeout = table.duration_within("timeout", Duration::from_millis(100)..=Duration::from_secs(60));
    let give_up = table.duration_within("give_up", Duration::from_secs(60)..=Duration::from_secs(30 * 86_400));
    let max_waiting = table.integer("max_waiting", 100..=10_000_000);
    table.finish();
    let name = name?;
    let hook = Webhook {
        name: name.value.into(),
        url: url?,
        events,
        secrets: secrets?,
        timeout: timeout.map_or(TIMEOUT, |found| found.value),
        give_up: give_up.map_or(GIVE_UP, |found| found.value),
        max_waiting: max_waiting.map_or(MAX_WAITING, |found| found.value.unsigned_abs()),
    };
    Some(Placed { value: hook, span: name.span })
}

fn url(table: &Table<'_, '_>, text: &Placed<String>) -> Option<Address> {
    let refuse = |message: &str| {
        let help = "write an address that begins with `https://`: `url = \"https://tool.example/hook\"`".to_owned();
        table.error("bad-url", text.span.clone(), message, Some(help));
        None
    };
    let Ok(mut url) = url::Url::parse(&text.value) else { return refuse("this is no address") };
    if !matches!(url.scheme(), "https" | "http") || url.host().is_none() {
        return refuse("this is no address that begins with `https://`");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse("an address with a password, which is not sent");
    }
    url.set_fragment(None);
    if url.scheme() == "http" && !is_loopback(&url) {
        let help = "write `https://`, if the receiver takes it".to_owned();
        table.warning(
            "webhook-in-the-clear",
            text.span.clone(),
            "whoever is between can read visitors' events, and the receiver cannot be sure of being told by nobody else",
            Some(help),
        );
    }
    match url.as_str().parse() {
        Ok(url) => Some(Address(url)),
        Err(_) => refuse("this is no address"),
    }
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(url::Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(url::Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        None => false,
    }
}

/// The events by their names in the store.
fn events(table: &mut Table<'_, '_>) -> Vec<&'static str> {
    let Some(list) = table.strings("events") else { return COMMERCE.to_vec() };
    if list.value.is_empty() {
        let help = "name one, as in `events = [\"purchase\"]`, or remove the hook".to_owned();
        table.error("no-events", list.span.clone(), "this hook is told of nothing", Some(help));
    }
    let mut events = Vec::new();
    for text in list.value {
        match NAMES.iter().find(|(_, told)| *told == text.value) {
            Some((stored, _)) if events.contains(stored) => {}
            Some((stored, _)) => events.push(*stored),
            None => {
                let all = || NAMES.iter().map(|(_, told)| *told);
                let list = all().collect::<Vec<_>>().join(", ");
                let help = suggest(&text.value, all())
                    .map_or_else(|| format!("one of: {list}"), |best| format!("did you mean `{best}`? One of: {list}"));
                let message = format!("there is no event `{}`", text.value);
                table.error("unknown-event", text.span, message, Some(help));
            }
        }
    }
    events
}

fn secrets(table: &mut Table<'_, '_>) -> Option<Vec<Secret>> {
    const HELP: &str =
        "write `whsec_` and what `openssl rand -base64 32` prints, or `file:PATH` of a file that holds it";
    let Some(list) = table.strings("secret") else {
        if !table.has("secret") {
            table.missing("secret", HELP);
        }
        return None;
    };
    let refuse = |span, message: String| table.error("bad-secret", span, message, Some(HELP.to_owned()));
    if list.value.is_empty() {
        refuse(list.span, "without a secret nobody can tell who sends a message".to_owned());
        return None;
    }
    let mut secrets = Vec::new();
    for text in list.value {
        match text.value.strip_prefix("file:") {
            Some("") => refuse(text.span, "the path is empty".to_owned()),
            Some(path) => secrets.push(Secret::File(path.into())),
            None => match SigningKey::parse(&text.value) {
                Ok(key) => secrets.push(Secret::Key(key)),
                Err(error) => refuse(text.span, error.to_string()),
            },
        }
    }
    Some(secrets)
}
