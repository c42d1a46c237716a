//! Which site and which stores a command is about: those of the gateway beside which it runs.

use crate::app::stores;
use crate::config::gateway::Gateway;
use crate::ids::{OsRandom, SiteId};
use crate::rules::{LoadOptions, load_rules};
use crate::store::{Store, StoreSettings};
use crate::visitor::customers::CustomerKey;
use anyhow::{Context, bail};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};

/// Arguments that say which stores are meant.
#[derive(Debug, clap::Args)]
pub(super) struct Folders {
    /// Folder of rules, if there is one: its gateway.toml says where the stores are, and where the keys of sealed ones are
    #[arg(long, value_name = "DIR", default_value = "rules")]
    rules: PathBuf,
    /// Folder of the embedded store and of the keys; Noren may go on running on it  [default: data, or what gateway.toml says]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Arguments that say which site is meant, and which stores.
#[derive(Debug, clap::Args)]
pub(super) struct Place {
    /// The site: the name of its folder under `sites/`
    #[arg(long)]
    pub(super) site: String,
    #[command(flatten)]
    pub(super) folders: Folders,
}

/// Where stores and keys are.
pub(super) struct Stores {
    settings: Gateway,
    data: PathBuf,
}

/// What is to be known of a site.
pub(super) struct SiteOfImport {
    pub(super) time_zone: TimeZone,
    pub(super) currency: String,
    pub(super) now: Timestamp,
}

impl Folders {
    /// The stores that `gateway.toml` names.
    pub(super) fn stores(&self) -> anyhow::Result<Stores> {
        let settings = stores::settings(&self.rules)?;
        let data = self.data.clone().unwrap_or_else(|| settings.data.clone());
        Ok(Stores { settings, data })
    }
}

impl Stores {
    /// The data folder.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Whether there are encryption keys.
    pub(super) fn have_keys(&self) -> bool {
        self.settings.store.encryption_key.is_some()
    }

    /// How they keep things.
    pub(super) fn kept(&self) -> anyhow::Result<StoreSettings> {
        stores::kept(&self.settings.store)
    }

    /// Whether everything is kept by servers.
    fn is_elsewhere(&self) -> bool {
        self.settings.store.profiles.is_some() && self.settings.store.ledger.is_some()
    }

    /// Whether the embedded store, if one is used, is there.
    pub(super) fn is_there(&self) -> bool {
        self.is_elsewhere() || stores::embedded(&self.data).is_file()
    }

    /// Opens what is there already. Call it within the runtime.
    pub(super) fn open(&self) -> anyhow::Result<Arc<dyn Store>> {
        if !self.is_there() {
            bail!("there is no store in {}: name its folder with --data", self.data.display());
        }
        Ok(stores::open(&self.settings.store, &self.data, &OsRandom)?.store)
    }

    /// Opens what is there, and makes the embedded store if the gateway has not done so yet. Call it within the runtime.
    pub(super) fn open_or_make(&self) -> anyhow::Result<Arc<dyn Store>> {
        if !self.is_elsewhere() && !self.data.is_dir() {
            bail!("there is no folder {}: name Noren's data folder with --data, or make it", self.data.display());
        }
        Ok(stores::open(&self.settings.store, &self.data, &OsRandom)?.store)
    }

    /// The file that names customers.
    pub(super) fn customer_key(&self) -> PathBuf {
        self.data.join("customer-key")
    }

    /// What names customers. It is made only where no gateway elsewhere can have one: under a new key nobody would be found again.
    pub(super) fn customers(&self) -> anyhow::Result<CustomerKey> {
        let path = self.customer_key();
        if self.settings.store.profiles.is_some() && !path.is_file() {
            bail!(
                "there is no {}: copy it from the data folder of a gateway, or name that with --data",
                path.display()
            );
        }
        Ok(CustomerKey::open(&path, &OsRandom)?)
    }
}

impl Place {
    /// The site's name.
    pub(super) fn id(&self) -> SiteId {
        SiteId::new(&self.site)
    }

    /// The site as its rules say; without rules, times are UTC's. A site that the rules do not have is a mistake in writing.
    pub(super) fn site(&self, now: Timestamp) -> anyhow::Result<SiteOfImport> {
        let (id, rules) = (self.id(), &self.folders.rules);
        let unknown = SiteOfImport { time_zone: TimeZone::UTC, currency: "JPY".to_owned(), now };
        if !rules.join("sites").is_dir() {
            return Ok(unknown);
        }
        let loaded = load_rules(rules, &LoadOptions { prefix: "noren".into(), now });
        let Some(found) = loaded.sites.iter().find(|site| site.id == id) else {
            let known: Vec<&str> = loaded.sites.iter().map(|site| site.id.as_str()).collect();
            bail!("there is no site `{id}` in {}; known: {}", rules.display(), known.join(", "));
        };
        let Some(site) = &found.site else {
            bail!("the rules of `{id}` have errors: see them with `noren check {}`", rules.display());
        };
        Ok(SiteOfImport { time_zone: site.time_zone.clone(), currency: site.currency.clone(), now })
    }
}

/// What stores work in. Connections are looked after while the command itself is busy.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("the worker threads could not be started")
}
