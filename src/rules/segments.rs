//! `segments.toml`: named conditions.

use super::conditions::Text;
use super::files::File;
use super::names;
use crate::config::diagnostic::Problems;
use crate::config::document;
use crate::config::reader::{Placed, Table};
use crate::config::settings::{REQUIRED, Section, setting};
use toml::de::DeValue;

/// `segments.toml`.
pub(crate) static SEGMENTS: Section = Section {
    file: "segments.toml",
    header: "",
    help: "Conditions with a name, used in others as `segment.NAME`: `vip = 'customer.rank == \"gold\"'`. Instead of a text, a \
           table with `when` may be given.",
    settings: &[setting("NAME", "condition", REQUIRED, "A condition; it may use other segments, but not itself.")],
};

/// A segment.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) name: Placed<String>,
    pub(super) when: Text,
}

/// What the file holds.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) segments: Vec<Segment>,
    /// Names of those that are no conditions at all: their absence is not to be reported once more at each use.
    pub(super) refused: Vec<String>,
}

/// Reads the file.
pub(super) fn read(file: &File, problems: &mut Problems) -> Found {
    let mut found = Found::default();
    let Some(text) = &file.text else { return found };
    let _ = document::read(text, &file.path, problems, |root| {
        for (name, value) in root.entries() {
            let when = match value.get_ref() {
                DeValue::Table(table) => when_of(root.child(table, value.span()), &name.value),
                DeValue::String(text) => Some(Placed { value: text.to_string(), span: value.span() }),
                _ => {
                    root.mistyped(&name.value, ("a condition in quotes", "'visitor.visits > 3'"), value);
                    None
                }
            };
            if !names::is_identifier(&name.value) {
                root.error(
                    "bad-name",
                    name.span.clone(),
                    format!("`{}` cannot be the name of a segment", name.value),
                    Some("use letters a-z, digits and `_`, beginning with a letter, so that conditions can say `segment.name`".into()),
                );
            } else if let Some(when) = when {
                found.segments.push(Segment { name, when: Text::new(&file.path, text, when) });
            } else {
                found.refused.push(name.value);
            }
        }
    });
    found
}

fn when_of(mut table: Table<'_, '_>, name: &str) -> Option<Placed<String>> {
    if !table.has("when") {
        table.missing("when", &format!("a condition; shorter is `{name} = '…'`"));
        return None;
    }
    let when = table.string("when");
    table.finish();
    when
}
