//! The reference of attributes, actions and settings, written from the registries that the parser itself reads.

use super::{recipe, scenario, segments, site};
use crate::action::KINDS;
use crate::config::gateway;
use crate::config::settings::{REQUIRED, Section};
use crate::facts::attributes::{ATTRIBUTES, Attribute, Known, Shape};
use std::fmt::{self, Write};

/// All documented tables, in the order of the reference.
static SECTIONS: [&Section; 42] = [
    &gateway::GATEWAY,
    &gateway::LIMITS,
    &gateway::BREAKER,
    &gateway::LOG,
    &gateway::STORE,
    &site::SITE,
    &site::ORIGIN,
    &site::UPSTREAM,
    &site::HEALTH,
    &site::COOKIE,
    &site::PAGES,
    &site::CUSTOMER,
    &recipe::EXTRACT,
    &recipe::PRODUCT,
    &recipe::LISTED,
    &recipe::CART,
    &recipe::LINE,
    &recipe::ORDER,
    &recipe::SEARCH,
    &site::LEARN,
    &site::CATALOGUE,
    &site::taps::FORMS,
    &site::taps::SUCCESS,
    &site::taps::API,
    &site::taps::API_CART,
    &site::taps::API_LINE,
    &site::taps::API_PRODUCT,
    &site::taps::API_LISTED,
    &site::taps::API_ORDER,
    &site::taps::API_SEARCH,
    &site::LIMITS,
    &site::POOL,
    &site::PRIVACY,
    &site::CONSENT,
    &site::WEBHOOK,
    &site::IMPORTS,
    &segments::SEGMENTS,
    &scenario::SCENARIO,
    &scenario::SCHEDULE,
    &scenario::CAPS,
    &scenario::GOAL,
    &scenario::VARIANT,
];

/// The whole reference in Markdown.
#[must_use]
pub fn markdown() -> String {
    let mut out = String::from(HEAD);
    // Writing to a String does not fail.
    let _ = settings(&mut out).and_then(|()| actions(&mut out)).and_then(|()| attributes(&mut out));
    out
}

const HEAD: &str = "# Reference of rule files\n\n\
    Generated from the program itself (`UPDATE=1 cargo test reference`): do not edit.\n\n\
    A duration is a number and a unit (`500ms`, `90s`, `30m`, `12h`, `7d`, `2w`), a size likewise (`64KiB`, `1MiB`).\n";

fn settings(out: &mut String) -> fmt::Result {
    out.push_str("\n## Settings\n");
    let mut file = "";
    for section in SECTIONS {
        if section.file != file {
            file = section.file;
            write!(out, "\n### `{file}`\n")?;
        }
        if !section.header.is_empty() {
            write!(out, "\n#### `{}`\n", section.header)?;
        }
        write!(out, "\n{}\n\n| setting | type | default | |\n|---|---|---|---|\n", section.help)?;
        for setting in section.settings {
            let default = match setting.default {
                "" => "–".to_owned(),
                REQUIRED => "**required**".to_owned(),
                literal => format!("`{literal}`"),
            };
            writeln!(out, "| `{}` | {} | {default} | {} |", setting.name, cell(setting.ty), cell(setting.help))?;
        }
    }
    Ok(())
}

fn actions(out: &mut String) -> fmt::Result {
    out.push_str("\n## Actions\n\nWhat a variant shows: `[variant.KIND]` in a scenario.\n");
    for kind in KINDS {
        write!(out, "\n### `[variant.{}]`\n\n{}\n\n| setting | type | |\n|---|---|---|\n", kind.name, kind.help)?;
        for field in kind.fields {
            let required = if field.required { "**Required.** " } else { "" };
            writeln!(out, "| `{}` | {} | {required}{} |", field.name, cell(field.ty), cell(field.help))?;
        }
    }
    Ok(())
}

fn attributes(out: &mut String) -> fmt::Result {
    out.push_str(
        "\n## Attributes\n\nWhat conditions and templates may ask. A condition over something that is not known does not hold, \
         negated or not.\n",
    );
    let mut group = "";
    for attribute in ATTRIBUTES {
        let own = attribute.name.split('.').next().unwrap_or_default();
        if own != group {
            group = own;
            write!(out, "\n### `{group}`\n\n| attribute | type | known from | | example |\n|---|---|---|---|---|\n")?;
        }
        let known = match attribute.known {
            Known::Request => "the request",
            Known::History => "the visitor's history",
            Known::Response => "the shop's answer",
            Known::Content => "the page itself",
            Known::Later => "– (not in this version)",
        };
        writeln!(
            out,
            "| `{}` | {} | {known} | {} | `{}` |",
            written(attribute),
            attribute.ty.name(),
            cell(&help(attribute)),
            cell(attribute.example)
        )?;
    }
    Ok(())
}

fn written(attribute: &Attribute) -> String {
    match attribute.shape {
        Shape::Plain => attribute.name.to_owned(),
        Shape::Map => format!("{}[\"…\"]", attribute.name),
        Shape::Call => format!("{}({})", attribute.name, vec!["\"…\""; attribute.parameters.len()].join(", ")),
    }
}

fn help(attribute: &Attribute) -> String {
    if attribute.values.is_empty() {
        return attribute.help.to_owned();
    }
    let values: Vec<String> = attribute.values.iter().map(|value| format!("`{value}`")).collect();
    format!("{} One of {}.", attribute.help, values.join(", "))
}

/// A text that stays within its cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the switch by which a developer has it written anew")]
    fn the_reference_is_fresh() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("rules/REFERENCE.md");
        let fresh = markdown();
        if std::env::var("UPDATE").is_ok() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &fresh).unwrap();
        }
        let stored = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(stored == fresh, "rules/REFERENCE.md is out of date: run `UPDATE=1 cargo test reference`");
    }
}
