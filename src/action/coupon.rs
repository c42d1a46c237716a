//! `coupon`: a ticket with a code, on the page or as a dialog.

use super::insertion::{Draft, Needs};
use super::settings::{
    ACCENT, BUTTON, DISMISSIBLE, LABEL, Localized, PLACE, SHOW, Settings, TEMPLATE, TEXT, THEME, TITLE,
};
use super::{Action, Field, Kind, ReadContext, words};
use crate::config::reader::{Table, suggest};
use crate::transform::Position;
use jiff::fmt::temporal::Pieces;
use std::sync::Arc;

/// The kind.
pub(super) const KIND: Kind = Kind {
    name: "coupon",
    help: "A ticket with an amount, a code to copy and a deadline; on the page or as a dialog.",
    fields: &[
        Field { required: true, ..TITLE },
        TEXT,
        LABEL,
        Field {
            name: "amount",
            ty: "text by language",
            required: true,
            help: "What it is worth, set large: `\"500円OFF\"`, `\"10% OFF\"`.",
        },
        Field {
            name: "code",
            ty: "text",
            required: false,
            help: "The code that the visitor enters, the same for everybody.",
        },
        Field {
            name: "pool",
            ty: "pool",
            required: false,
            help: "A `[[pool]]` of site.toml that gives each visitor a code of their own, in place of `code`. Where none is left, or \
                   none can be had in time, the scenario is not shown. Its expiry is the deadline, unless `until` says another.",
        },
        BUTTON,
        Field { name: "note", ty: "text by language", required: false, help: "Conditions, set small." },
        Field {
            name: "until",
            ty: "date and time",
            required: false,
            help: "Deadline, with its offset: `2026-12-01T00:00:00+09:00`. Past it, the runtime takes the coupon away.",
        },
        Field {
            name: "countdown",
            ty: "true or false",
            required: false,
            help: "Counts down to the deadline. False by default.",
        },
        Field {
            name: "display",
            ty: "`card` or `popup`",
            required: false,
            help: "On the page, or as a dialog. `card` by default.",
        },
        ACCENT,
        THEME,
        DISMISSIBLE,
        TEMPLATE,
        PLACE,
        SHOW,
    ],
    read,
};

fn read(table: &mut Table<'_, '_>, cx: &ReadContext<'_>) -> Option<Box<dyn Action>> {
    let mut settings = Settings::new(table, cx);
    let placement = settings.place("body", Position::Prepend);
    let show = settings.show();
    let mut draft = Draft::new("coupon", include_str!("templates/coupon.html"));
    for key in ["title", "text", "label", "amount", "note"] {
        let text = settings.text(key);
        draft.text(key, text);
    }
    draft.button(&mut settings);
    draft.looks(&mut settings);
    let code = settings.text("code");
    if let Some(code) = code.as_ref().filter(|code| code.texts.iter().any(|(_, text)| text.trim().is_empty())) {
        settings.error("bad-code", code.span.clone(), "the code is empty", "leave `code` out, or give one");
    }
    let pool = pool(&mut settings, code.as_ref());
    match &pool {
        Some(pool) => draft.code_from_pool(pool),
        None => draft.text("code", code),
    }
    let popup = settings.choice("display", &[("card", false), ("popup", true)], false);
    draft.fixed("popup", popup);
    draft.fixed("dismissible", settings.flag("dismissible", true));
    let has_deadline = deadline(&mut settings, &mut draft, pool.is_some());
    let countdown = settings.flag("countdown", false);
    if countdown && !has_deadline && !settings.failed {
        settings.require("until", "a date and time to count down to");
    }
    draft.fixed("countdown", countdown);
    if !settings.table.has("template") {
        settings.require("title", "a text, or one a language");
        settings.require("amount", "a text, or one a language, such as \"500円OFF\"");
    }
    draft.finish(&mut settings, placement, &show, Needs { style: true, runtime: popup, ..Needs::default() })
}

/// Reads `pool`.
fn pool(settings: &mut Settings<'_, '_, '_>, code: Option<&Localized>) -> Option<Arc<str>> {
    let pool = settings.get("pool", |table| table.string("pool"))?;
    let is_known = (settings.cx.has_pool)(&pool.value);
    if let Some(code) = code {
        let help = "leave out `code`: each visitor gets one of the pool's";
        settings.error("code-and-pool", code.span.clone(), "a coupon has a `code` or a `pool`, not both", help);
    } else if !is_known {
        let names = settings.cx.pool_names;
        let help = suggest(&pool.value, names.iter().map(String::as_str)).map_or_else(
            || format!("declare it in site.toml: `[[pool]]` and `name = \"{}\"`", pool.value),
            |best| format!("did you mean `{best}`?"),
        );
        settings.error("unknown-pool", pool.span.clone(), format!("there is no pool `{}`", pool.value), help);
    }
    Some(pool.value.into())
}

/// Reads `until`; answers whether there is a deadline, or may be one. That of a pool's code comes with the code.
fn deadline(settings: &mut Settings<'_, '_, '_>, draft: &mut Draft, from_pool: bool) -> bool {
    let Some(until) = settings.get("until", |table| table.datetime("until")) else {
        if from_pool {
            draft.until_from_pool();
            return true;
        }
        draft.text("until.iso", None);
        draft.text("until.text", None);
        return false;
    };
    let parsed = Pieces::parse(&until.value).ok();
    let local = parsed.and_then(|p| p.to_numeric_offset().and(p.time()).map(|time| p.date().to_datetime(time)));
    let Some(local) = local else {
        let help = "write date, time and offset: 2026-12-01T00:00:00+09:00";
        settings.error("bad-datetime", until.span, format!("`{}` is no moment", until.value), help);
        return false;
    };
    draft.fixed("until.iso", until.value.replace(' ', "T"));
    draft.by_language("until.text", move |language| words::deadline(language, local));
    true
}
