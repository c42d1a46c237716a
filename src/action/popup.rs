//! `popup`: a modal dialog. Without the runtime it never shows.

use super::insertion::{Draft, Needs};
use super::settings::{ACCENT, BUTTON, IMAGE, LABEL, PLACE, SHOW, Settings, TEMPLATE, TEXT, THEME, TITLE};
use super::{Action, Field, Kind, ReadContext};
use crate::config::reader::Table;
use crate::transform::Position;

/// The kind.
pub(super) const KIND: Kind = Kind {
    name: "popup",
    help: "A dialog over the page: headline, text, picture, button. One is open at a time.",
    fields: &[
        Field { required: true, ..TITLE },
        TEXT,
        LABEL,
        BUTTON,
        Field {
            name: "decline",
            ty: "text by language",
            required: false,
            help: "A second, quiet button that closes it: \"Not now\".",
        },
        IMAGE,
        ACCENT,
        THEME,
        TEMPLATE,
        PLACE,
        SHOW,
    ],
    read,
};

fn read(table: &mut Table<'_, '_>, cx: &ReadContext<'_>) -> Option<Box<dyn Action>> {
    let mut settings = Settings::new(table, cx);
    // A dialog is drawn above everything wherever it stands; early in the page, the rewriter is done soonest.
    let placement = settings.place("body", Position::Prepend);
    let show = settings.show();
    let mut draft = Draft::new("popup", include_str!("templates/popup.html"));
    draft.common(&mut settings);
    for key in ["label", "decline"] {
        let text = settings.text(key);
        draft.text(key, text);
    }
    if !settings.table.has("template") {
        settings.require("title", "a text, or one a language: the dialog is announced by it");
    }
    draft.finish(&mut settings, placement, &show, Needs { style: true, runtime: true, ..Needs::default() })
}
