//! Parses a TOML file and hands its root table to a reader.

use super::diagnostic::Problems;
use super::reader::Table;
use std::cell::RefCell;
use std::path::Path;
use toml::de::DeTable;

/// Reads a file's text. Syntax errors go to `problems`, all of them; then, or if `read` finds an error, there is no value.
pub fn read<T>(text: &str, file: &Path, problems: &mut Problems, read: impl FnOnce(Table<'_, '_>) -> T) -> Option<T> {
    let (root, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        report(text, file, &errors, problems);
        return None;
    }
    let found = RefCell::new(Problems::default());
    let value = read(Table::root(&root, file, &found).with_source(text));
    let found = found.into_inner();
    let refused = found.has_errors();
    problems.append(found);
    (!refused).then_some(value)
}

/// One slip can upset the parser several times: the first error of each line is the one that helps.
fn report(text: &str, file: &Path, errors: &[toml::de::Error], problems: &mut Problems) {
    let mut lines = Vec::new();
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let line = text.get(..span.start).unwrap_or_default().matches('\n').count();
        if lines.contains(&line) {
            continue;
        }
        lines.push(line);
        problems.error("toml-syntax", file, span, error.message().replace('\n', "; "), Some(remedy(error.message())));
    }
}

/// What to do about the parser's complaint. Its words are not promised to stay, so the last arm fits all.
fn remedy(message: &str) -> String {
    let known = [
        ("duplicate key", "each key may stand once in a table: remove or rename one"),
        (
            "invalid basic string",
            "end the text with `\"` on its own line; a text of several lines stands between `'''`",
        ),
        (
            "invalid literal string",
            "end the text with `'` on its own line; a text of several lines stands between `'''`",
        ),
        ("invalid multi-line", "end the text with the three quotes that it began with"),
        ("key with no value", "write `key = value`; a text stands in quotes"),
        ("escape", "in `\"…\"` a backslash begins an escape: double it, or write the text in `'…'`"),
        ("recursion", "nest less deeply"),
        ("unquoted", "put the text in quotes"),
        ("string values must be quoted", "put the text in quotes"),
        ("extra assignment", "one `key = value` a line; a text with `=` in it stands in quotes"),
        ("unclosed", "close what was opened here"),
        ("header", "a table begins with `[name]` on a line of its own, a list of tables with `[[name]]`"),
    ];
    known.iter().find(|(part, _)| message.contains(part)).map_or_else(
        || "a setting is `key = value` on a line of its own, with texts in quotes; see https://toml.io".to_owned(),
        |(_, remedy)| (*remedy).to_owned(),
    )
}
