//! `[pages]` of `site.toml`: kinds of pages by path.

use crate::config::reader::{Table, suggest};
use crate::config::settings::{REQUIRED, Section, setting};
use crate::site::{PAGE_KINDS, PagePattern, PathPattern};

/// `[pages]`.
pub(crate) static PAGES: Section = Section {
    file: "site.toml",
    header: "[pages]",
    help: "Tells the kind of a page (`page.kind` in conditions) by its path: `product = \"/item/*\"`. `*` stands for anything but \
           `/`, `**` for anything. The first pattern that matches wins, in the order of the file.",
    settings: &[setting(
        "KIND",
        "text or list of texts",
        REQUIRED,
        "Patterns of `home`, `category`, `product`, `cart`, `checkout`, `thankyou`, `search`, `account` or `other`.",
    )],
};

/// Reads the table.
pub(in crate::rules) fn read(mut table: Table<'_, '_>) -> Vec<PagePattern> {
    let mut patterns: Vec<PagePattern> = Vec::new();
    for (key, span) in table.keys() {
        let Some(kind) = PAGE_KINDS.iter().copied().find(|kind| *kind == key) else {
            let all = PAGE_KINDS.join(", ");
            let help = suggest(key, PAGE_KINDS.iter().copied())
                .map_or_else(|| format!("one of: {all}"), |best| format!("did you mean `{best}`? One of: {all}"));
            table.error("unknown-page-kind", span, format!("`{key}` is no kind of page"), Some(help));
            continue;
        };
        for text in table.strings(kind).map(|list| list.value).unwrap_or_default() {
            match PathPattern::parse(&text.value) {
                Ok(pattern) => match patterns.iter().find(|earlier| earlier.pattern.as_str() == text.value) {
                    Some(earlier) => table.warning(
                        "shadowed-pattern",
                        text.span,
                        format!("`{}` stands above already, for `{}`", text.value, earlier.kind),
                        Some("the first pattern wins: remove one".into()),
                    ),
                    None => patterns.push(PagePattern { kind, pattern }),
                },
                Err(error) => {
                    let help = "begin with `/`, or with `*`: `/item/*`, `/blog/**`, `*.html`".to_owned();
                    table.error("bad-path-pattern", text.span, error.to_string(), Some(help));
                }
            }
        }
    }
    patterns
}
