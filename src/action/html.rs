//! `html`: the merchant's own markup, anywhere; or an element taken away.

use super::insertion::{Draft, Needs};
use super::settings::{PLACE, SHOW, Settings};
use super::{Action, Field, Kind, ReadContext};
use crate::config::reader::Table;
use crate::transform::Position;

/// The kind.
pub(super) const KIND: Kind = Kind {
    name: "html",
    help: "Puts markup of your own on the page, or takes an element away.",
    fields: &[
        Field {
            name: "html",
            ty: "markup by language",
            required: false,
            help: "The markup; facts in `{{ }}` are escaped for where they stand. Needed unless the position is `remove`.",
        },
        Field {
            name: "template",
            ty: "template",
            required: false,
            help: "A template of the site in place of `html`: `\"card\"` is templates/card.html.",
        },
        PLACE,
        SHOW,
    ],
    read,
};

fn read(table: &mut Table<'_, '_>, cx: &ReadContext<'_>) -> Option<Box<dyn Action>> {
    let mut settings = Settings::new(table, cx);
    let placement = settings.place("body", Position::Prepend);
    let show = settings.show();
    let removes = placement.as_ref().is_some_and(|p| p.position == Position::Remove);
    let (template, html) = (settings.template(), settings.text("html"));
    let mut draft = Draft::new("html", "");
    match (template, html) {
        (None, None) if removes => {}
        (Some((name, text)), None) => draft.file(name, text),
        (None, Some(html)) => draft.inline(html),
        (Some((name, _)), Some(_)) => {
            settings.error("conflict", name.span, "`html` and `template` are both given", "keep one of them");
        }
        (None, None) => {
            if !settings.failed {
                settings.failed = true;
                settings.table.missing("html", "the markup to insert");
            }
        }
    }
    if settings.failed {
        return None;
    }
    draft.finish(&mut settings, placement, &show, Needs::default())
}
