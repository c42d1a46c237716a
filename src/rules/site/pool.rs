//! `[[pool]]` of `site.toml`: supplies of coupon codes.

use crate::config::reader::{Placed, Table};
use crate::config::settings::{REQUIRED, Section, setting};
use crate::rules::names;
use crate::site::{Per, Pool};
use crate::store::codes::combinations;
use crate::store::coupons::Supply;
use jiff::Timestamp;

/// `[[pool]]`.
pub(crate) static POOL: Section = Section {
    file: "site.toml",
    header: "[[pool]]",
    help: "A supply of coupon codes for `[variant.coupon]`, which names it as `pool`. Each holder gets one code, and the same again on \
           later pages; none is ever given to two. Without `pattern` and `code`, its codes are those that were imported. Where a visitor \
           can be given no code, no arm of a scenario that hands them out is shown or counted, the control arm included.",
    settings: &[
        setting("name", "text", REQUIRED, "Its name."),
        setting(
            "pattern",
            "text",
            "",
            "Makes codes as they are needed: each `?` becomes a letter or digit, as in `NIGHT-????-????`.",
        ),
        setting("code", "text", "", "The same code for everybody."),
        setting("limit", "whole number", "", "How many are given at most. Required with `pattern` and `code`."),
        setting(
            "expires",
            "date and time",
            "",
            "When codes cease to hold, with its offset: `2026-12-01T00:00:00+09:00`. The coupon shows it as its deadline.",
        ),
        setting(
            "per",
            "`visitor` or `customer`",
            "\"visitor\"",
            "Who gets one code each: a browser, or a member of the shop on whatever browser; then nobody else gets one.",
        ),
        setting(
            "first_visit",
            "true or false",
            "false",
            "Whether a browser gets a code on its very first page too. It is not known yet whether it keeps cookies, and one that \
             keeps none would get a fresh code on every page.",
        ),
    ],
};

/// A pattern must allow for so many more codes than are given, lest they be guessed.
const SPARE: u128 = 1000;
const MAX_CODE: usize = 64;
const PER: [(&str, Per); 2] = [("visitor", Per::Visitor), ("customer", Per::Customer)];

/// Reads all pools, with the places of their names.
pub(super) fn read(site: &mut Table<'_, '_>) -> Vec<Placed<Pool>> {
    let mut pools: Vec<Placed<Pool>> = Vec::new();
    for table in site.tables("pool") {
        let Some(pool) = read_one(table.documented(&POOL)) else { continue };
        if pools.iter().any(|earlier| earlier.value.name == pool.value.name) {
            let help = "rename one: codes are kept by the name of their pool".to_owned();
            let message = format!("there are two pools `{}`", pool.value.name);
            site.error("duplicate-pool", pool.span.clone(), message, Some(help));
        }
        pools.push(pool);
    }
    pools
}

fn read_one(mut table: Table<'_, '_>) -> Option<Placed<Pool>> {
    let name = table.required_string("name").and_then(|text| names::checked(&table, "pool", text));
    let supply = supply(&mut table);
    let expires = table.datetime("expires").and_then(|text| {
        let moment = text.value.replace(' ', "T").parse::<Timestamp>().ok();
        if moment.is_none() {
            let help = "write date, time and offset: 2026-12-01T00:00:00+09:00".to_owned();
            table.error("bad-datetime", text.span, format!("`{}` is no moment", text.value), Some(help));
        }
        moment
    });
    let per = table.choice("per", &PER).map_or(Per::Visitor, |found| found.value);
    let first_visit = table.bool("first_visit").is_some_and(|found| found.value);
    table.finish();
    let (name, supply) = (name?, supply?);
    Some(Placed { value: Pool { name: name.value.into(), supply, per, expires, first_visit }, span: name.span })
}

/// `None` means that there were errors.
fn supply(table: &mut Table<'_, '_>) -> Option<Supply> {
    let (pattern, code) = (table.string("pattern"), table.string("code"));
    let limit = table.integer("limit", 1..=1_000_000_000);
    let at = limit.as_ref().map(|limit| limit.span.clone());
    let limit = limit.map(|limit| u64::try_from(limit.value).unwrap_or_default());
    match (pattern, code) {
        (Some(_), Some(code)) => {
            let help = "leave one of them out".to_owned();
            table.error("several-supplies", code.span, "a pool has a `pattern` or a `code`, not both", Some(help));
            None
        }
        (None, None) => {
            if let Some(at) = at {
                let help = "as many as were imported can be given: leave `limit` out".to_owned();
                table.error("misplaced-limit", at, "`limit` goes with `pattern` or `code`", Some(help));
                return None;
            }
            Some(Supply::Listed)
        }
        (pattern, code) => {
            if limit.is_none() && at.is_none() && !table.has("limit") {
                table.missing("limit", "how many are given at most");
            }
            let is_pattern = pattern.is_some();
            let text = sound(table, pattern.or(code)?)?;
            let limit = limit?;
            if !is_pattern {
                return Some(Supply::Fixed { code: text.value.into(), limit });
            }
            if combinations(&text.value) < u128::from(limit).saturating_mul(SPARE) {
                let help = "give it more `?`, as in `NIGHT-????-????`".to_owned();
                let message = format!("{limit} codes of the pattern `{}` could be guessed", text.value);
                table.error("bad-pattern", text.span, message, Some(help));
                return None;
            }
            Some(Supply::Pattern { pattern: text.value.into(), limit })
        }
    }
}

/// A code as it can be typed, told on the telephone, and kept.
fn sound(table: &Table<'_, '_>, text: Placed<String>) -> Option<Placed<String>> {
    let is_sound = !text.value.is_empty()
        && text.value.len() <= MAX_CODE
        && text.value.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if is_sound {
        return Some(text);
    }
    let help = format!("write a code without blanks, of {MAX_CODE} bytes at most");
    table.error("bad-code", text.span, format!("`{}` cannot be a code", text.value), Some(help));
    None
}
