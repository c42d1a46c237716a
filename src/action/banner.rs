//! `banner`: a strip across the page. It works without any script.

use super::insertion::{Draft, Needs};
use super::settings::{ACCENT, BUTTON, DISMISSIBLE, IMAGE, PLACE, SHOW, Settings, TEMPLATE, TEXT, THEME, TITLE};
use super::{Action, Field, Kind, ReadContext};
use crate::config::reader::Table;
use crate::transform::Position;

/// The kind.
pub(super) const KIND: Kind = Kind {
    name: "banner",
    help: "A strip across the page: a line of text, a link, a picture. Works without script.",
    fields: &[
        TITLE,
        TEXT,
        BUTTON,
        IMAGE,
        Field {
            name: "stick",
            ty: "`no`, `top` or `bottom`",
            required: false,
            help: "Whether it stays in sight while the page scrolls. `no` by default.",
        },
        Field {
            name: "fill",
            ty: "true or false",
            required: false,
            help: "Whether the accent colour fills it. True by default; false gives a quiet, white one.",
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
    let mut draft = Draft::new("banner", include_str!("templates/banner.html"));
    draft.common(&mut settings);
    draft.fixed("stick", settings.choice("stick", &[("no", ""), ("top", "top"), ("bottom", "bottom")], ""));
    draft.fixed("fill", settings.flag("fill", true));
    draft.fixed("dismissible", settings.flag("dismissible", true));
    settings.need_one_of(&["title", "text", "image", "template"]);
    draft.finish(&mut settings, placement, &show, Needs { style: true, ..Needs::default() })
}
