//! Presets: what is known of the platforms that shops are built with. One file each under `src/platforms`.

use super::recipe;
use super::site::{pages, taps};
use crate::config::diagnostic::Problems;
use crate::config::document;
use crate::config::reader::{Placed, Table};
pub use crate::site::platform::Preset;
use crate::site::taps::Taps;
use crate::transform::extract::{Sign, Trace};
use std::path::Path;
use std::sync::LazyLock;

/// The presets' names and texts.
const FILES: &[(&str, &str)] = &[
    ("ec-cube-4", include_str!("../platforms/ec-cube-4.toml")),
    ("ec-cube-2", include_str!("../platforms/ec-cube-2.toml")),
    ("makeshop", include_str!("../platforms/makeshop.toml")),
    ("color-me", include_str!("../platforms/color-me.toml")),
    ("futureshop", include_str!("../platforms/futureshop.toml")),
    ("shopify", include_str!("../platforms/shopify.toml")),
    ("woocommerce", include_str!("../platforms/woocommerce.toml")),
    ("magento", include_str!("../platforms/magento.toml")),
    ("prestashop", include_str!("../platforms/prestashop.toml")),
    ("zen-cart", include_str!("../platforms/zen-cart.toml")),
    ("oscommerce", include_str!("../platforms/oscommerce.toml")),
    ("opencart", include_str!("../platforms/opencart.toml")),
    ("evershop", include_str!("../platforms/evershop.toml")),
    ("django-oscar", include_str!("../platforms/django-oscar.toml")),
    ("saleor", include_str!("../platforms/saleor.toml")),
    ("generic", include_str!("../platforms/generic.toml")),
];

/// Read when the first of them is asked for.
static PRESETS: LazyLock<Vec<Preset>> =
    LazyLock::new(|| FILES.iter().filter_map(|(id, text)| read(id, text).0).collect());

/// All presets.
#[must_use]
pub fn presets() -> &'static [Preset] {
    &PRESETS
}

/// A preset by its name.
#[must_use]
pub fn preset(id: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.id == id)
}

/// The names of all presets.
pub fn names() -> impl Iterator<Item = &'static str> {
    FILES.iter().map(|(id, _)| *id)
}

fn read(id: &'static str, text: &str) -> (Option<Preset>, Problems) {
    let mut problems = Problems::default();
    let path = Path::new("platforms").join(format!("{id}.toml"));
    let preset = document::read(text, &path, &mut problems, |mut table| {
        let preset = Preset {
            id,
            name: table.required_string("name").map(|name| name.value).unwrap_or_default(),
            pages: table.table("pages").map(pages::read).unwrap_or_default(),
            part: table.table("extract").map(recipe::read).unwrap_or_default(),
            taps: Taps { forms: taps::forms(&mut table), apis: taps::apis(&mut table) },
            signs: table.tables("sign").into_iter().filter_map(sign).collect(),
        };
        table.finish();
        preset
    });
    (preset, problems)
}

fn sign(mut table: Table<'_, '_>) -> Option<Sign> {
    let weight = table.integer("weight", 1..=10).map_or(1, |found| u32::try_from(found.value).unwrap_or(1));
    let (cookie, header) = (table.string("cookie"), table.string("header"));
    let trace = match (cookie, header) {
        (Some(name), None) => Some(Trace::Cookie(name.value.into())),
        (None, Some(name)) => header_sign(&mut table, &name),
        (None, None) => recipe::mark(&mut table, "sign").map(Trace::Page),
        (Some(_), Some(name)) => {
            let help = Some("write two signs".to_owned());
            table.error("bad-source", name.span, "a sign is a cookie or a header, not both", help);
            None
        }
    };
    table.finish();
    Some(Sign { trace: trace?, weight })
}

fn header_sign(table: &mut Table<'_, '_>, name: &Placed<String>) -> Option<Trace> {
    let pattern = match table.string("match") {
        Some(text) => Some(recipe::regex(table, &text)?),
        None => None,
    };
    Some(Trace::Header(name.value.to_ascii_lowercase().into(), pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_presets_can_be_read_without_a_problem() {
        for (id, text) in FILES {
            let (preset, problems) = read(id, text);
            let found: Vec<String> =
                problems.0.iter().map(|problem| format!("{}: {:?}", problem.message, problem.help)).collect();
            assert!(found.is_empty(), "{id}: {found:#?}");
            assert!(preset.is_some_and(|preset| !preset.name.is_empty()), "{id}");
        }
        assert_eq!(presets().len(), names().count());
    }

    #[test]
    fn a_mistake_in_a_preset_is_told() {
        for (text, code) in [
            ("name = 'x'\n[[sign]]\nat = 'h1 + p'", "bad-selector"),
            ("name = 'x'\n[[sign]]\ncookie = 'a'\nheader = 'b'", "bad-source"),
            ("name = 'x'\n[[sign]]\nheader = 'b'\nmatch = '('", "invalid-regex"),
            ("name = 'x'\n[[sing]]\nat = 'p'", "unknown-key"),
            ("[pages]\nproduct = '/p/*'", "missing-key"),
        ] {
            let (_, problems) = read("x", text);
            assert!(problems.0.iter().any(|problem| problem.code == code), "{text}: {:?}", problems.0);
        }
    }
}
