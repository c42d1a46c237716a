//! `chat`: a launcher for the chat service of the merchant's choice. Nothing of the service loads before a click.

use super::insertion::{Draft, Needs};
use super::settings::{ACCENT, LABEL, Localized, PLACE, SCRIPT_SOURCES, SHOW, Settings, TEMPLATE, THEME};
use super::{Action, Field, Kind, ReadContext, escape};
use crate::config::reader::Table;
use crate::transform::Position;

/// The kind.
pub(super) const KIND: Kind = Kind {
    name: "chat",
    help: "A button in the corner that opens a chat service: a script, a page in a panel, or a link.",
    fields: &[
        Field {
            name: "src",
            ty: "address",
            required: false,
            help: "The service's script, loaded on the first click: `\"https://static.example/widget.js\"`.",
        },
        Field { name: "page", ty: "address", required: false, help: "A chat page, shown in a panel over the shop." },
        Field { name: "href", ty: "address", required: false, help: "A link to follow: any messenger's invitation." },
        Field { name: "line", ty: "text", required: false, help: "A LINE official account: `\"@shop\"`." },
        Field {
            name: "whatsapp",
            ty: "text",
            required: false,
            help: "A WhatsApp number in international form, digits only: `\"819012345678\"`.",
        },
        Field { name: "messenger", ty: "text", required: false, help: "A Facebook page's name." },
        LABEL,
        Field {
            name: "side",
            ty: "`end` or `start`",
            required: false,
            help: "Which lower corner; `end` (right) by default.",
        },
        ACCENT,
        THEME,
        TEMPLATE,
        PLACE,
        SHOW,
    ],
    read,
};

/// A way to reach a chat service.
struct Service {
    /// The setting that names it.
    key: &'static str,
    /// `script`, `page` or `link`: what a click does.
    mode: &'static str,
    /// For an account with a service that is known: the address before its name, and the characters that names have.
    account: Option<Account>,
}

/// How a service's accounts are addressed.
struct Account {
    /// The address before the name.
    before: &'static str,
    /// Characters that a name has.
    allowed: fn(char) -> bool,
}

/// All ways. A service with accounts of its own is one more line.
const SERVICES: &[Service] = &[
    Service { key: "src", mode: "script", account: None },
    Service { key: "page", mode: "page", account: None },
    Service { key: "href", mode: "link", account: None },
    Service {
        key: "line",
        mode: "link",
        account: Some(Account {
            before: "https://line.me/R/ti/p/",
            allowed: |c| c.is_ascii_alphanumeric() || "@-_.".contains(c),
        }),
    },
    Service {
        key: "whatsapp",
        mode: "link",
        account: Some(Account { before: "https://wa.me/", allowed: |c| c.is_ascii_digit() }),
    },
    Service {
        key: "messenger",
        mode: "link",
        account: Some(Account { before: "https://m.me/", allowed: |c| c.is_ascii_alphanumeric() || c == '.' }),
    },
];

fn read(table: &mut Table<'_, '_>, cx: &ReadContext<'_>) -> Option<Box<dyn Action>> {
    let mut settings = Settings::new(table, cx);
    let placement = settings.place("body", Position::Prepend);
    let show = settings.show();
    let mut draft = Draft::new("chat", include_str!("templates/chat.html"));
    draft.looks(&mut settings);
    let label = settings.text("label");
    draft.text("label", label);
    draft.fixed("side", settings.choice("side", &[("end", "end"), ("start", "start")], "end"));

    let chosen: Vec<&Service> = SERVICES.iter().filter(|service| settings.table.has(service.key)).collect();
    let address = chosen.first().and_then(|service| address(&mut settings, service));
    let mode = chosen.first().map_or("link", |service| service.mode);
    match chosen.as_slice() {
        [] => {
            let keys: Vec<&str> = SERVICES.iter().map(|service| service.key).collect();
            settings.need_one_of(&keys);
        }
        [_] => {}
        [first, second, ..] => {
            let span = settings.table.span_of(second.key).unwrap_or_default();
            let message = format!("`{}` and `{}` are both given", first.key, second.key);
            settings.error("conflict", span, message, "a launcher opens one service: keep one of them");
        }
    }
    match (&address, mode) {
        (Some(address), "script") => draft.loads_from(address, SCRIPT_SOURCES),
        (Some(address), "page") => draft.loads_from(address, &["frame-src"]),
        _ => {}
    }
    draft.fixed("mode", mode);
    draft.url("address", address);
    // A script needs a click handler; the other two are links that work by themselves.
    let script = mode == "script";
    draft.finish(&mut settings, placement, &show, Needs { style: true, runtime: script, loads_scripts: script })
}

fn address(settings: &mut Settings<'_, '_, '_>, service: &Service) -> Option<Localized> {
    let Some(account) = &service.account else {
        let url = settings.url(service.key)?;
        // What is run or framed comes from where the merchant said: no fact may choose the host.
        let is_chosen = |text: &str| text.split_once("{{").is_some_and(|(fixed, _)| !escape::names_its_host(fixed));
        if service.mode != "link" && url.texts.iter().any(|(_, text)| is_chosen(text)) {
            let help = "begin with the host, and use facts after it: \"https://chat.example/{{ locale }}.js\"";
            settings.error("bad-url", url.span, format!("a fact cannot choose the host of `{}`", service.key), help);
            return None;
        }
        return Some(url);
    };
    let mut name = settings.text(service.key)?;
    for (_, text) in &mut name.texts {
        if text.is_empty() || !text.chars().all(account.allowed) {
            let message = format!("`{text}` is no account of {}", service.key);
            settings.error("bad-account", name.span, message, "write the account's name alone, or use `href`");
            return None;
        }
        text.insert_str(0, account.before);
    }
    Some(name)
}
