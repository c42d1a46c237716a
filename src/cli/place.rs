//! Which site and which store a command is about.

use crate::ids::SiteId;
use crate::rules::{LoadOptions, load_rules};
use anyhow::bail;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::PathBuf;

/// Arguments that say it.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The site: the name of its folder under `sites/`
    #[arg(long)]
    pub(super) site: String,
    /// Folder of the embedded store; Noren may go on running on it
    #[arg(long, value_name = "DIR", default_value = "data")]
    pub(super) data: PathBuf,
    /// Folder of rules, if there is one: the site's time zone and currency are taken from it, and the encryption keys of a sealed store
    #[arg(long, value_name = "DIR", default_value = "rules")]
    pub(super) rules: PathBuf,
}

/// What is to be known of a site.
pub(super) struct SiteOfImport {
    pub(super) time_zone: TimeZone,
    pub(super) currency: String,
    pub(super) now: Timestamp,
}

impl Place {
    /// The site as its rules say; without rules, times are UTC's. A site that the rules do not have is a mistake in writing.
    pub(super) fn site(&self, now: Timestamp) -> anyhow::Result<SiteOfImport> {
        let unknown = SiteOfImport { time_zone: TimeZone::UTC, currency: "JPY".to_owned(), now };
        if !self.rules.join("sites").is_dir() {
            return Ok(unknown);
        }
        let id = SiteId::new(&self.site);
        let loaded = load_rules(&self.rules, &LoadOptions { prefix: "noren".into(), now });
        let Some(found) = loaded.sites.iter().find(|site| site.id == id) else {
            let known: Vec<&str> = loaded.sites.iter().map(|site| site.id.as_str()).collect();
            bail!("there is no site `{id}` in {}; known: {}", self.rules.display(), known.join(", "));
        };
        let Some(site) = &found.site else {
            bail!("the rules of `{id}` have errors: see them with `noren check {}`", self.rules.display());
        };
        Ok(SiteOfImport { time_zone: site.time_zone.clone(), currency: site.currency.clone(), now })
    }
}
