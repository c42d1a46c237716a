//! `[catalogue]` of `site.toml`: what is remembered of the shop's products.

use crate::config::reader::Table;
use crate::config::settings::{Section, setting};

/// `[catalogue]`.
pub(crate) static CATALOGUE: Section = Section {
    file: "site.toml",
    header: "[catalogue]",
    help: "What is remembered of the shop's products, which are learnt from its pages.",
    settings: &[setting(
        "max_products",
        "whole number",
        "50000",
        "Most products; beyond, those that were not seen for the longest time are forgotten. 0 remembers none.",
    )],
};

/// Reads the table.
pub(super) fn read(table: Table<'_, '_>) -> Option<usize> {
    let mut table = table.documented(&CATALOGUE);
    let most = table.integer("max_products", 0..=1_000_000).map(|found| found.value as usize);
    table.finish();
    most
}
