//! Opens the stores that `gateway.toml` names: for the gateway, and for the commands that run beside it.

use crate::config::gateway::{Gateway, StorePlace, Stores};
use crate::config::render::{Style, human};
use crate::ids::{OsRandom, Random};
use crate::store::{Opened, Sealer, StoreSettings, open_apart};
use anyhow::{Context, bail};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The settings in a folder of rules; the defaults where there is no `gateway.toml`.
///
/// # Errors
/// When it has errors: they are shown.
pub fn settings(rules: &Path) -> anyhow::Result<Gateway> {
    let (mut sources, mut problems) = Default::default();
    match Gateway::load(rules, &mut sources, &mut problems) {
        Some(settings) if !problems.has_errors() => Ok(settings),
        _ => {
            let drawn = human(&problems, &sources, Style { root: rules, colour: false });
            bail!("gateway.toml has errors\n{drawn}")
        }
    }
}

/// The file of the embedded store in a data folder.
#[must_use]
pub fn embedded(data: &Path) -> PathBuf {
    data.join("noren.db")
}

/// Opens the stores. What `gateway.toml` does not name is in the data folder. Call it within the runtime.
///
/// # Errors
/// When one cannot be opened, or the file that its address stands in cannot be read.
pub fn open(stores: &Stores, data: &Path, random: &dyn Random) -> anyhow::Result<Opened> {
    let place = |place: &Option<StorePlace>, name: &str| match place {
        Some(place) => place
            .read()
            .with_context(|| format!("`{name}` in `[store]` of gateway.toml names a file that cannot be read")),
        None => Ok(embedded(data).display().to_string()),
    };
    let (profiles, ledger) = (place(&stores.profiles, "profiles")?, place(&stores.ledger, "ledger")?);
    Ok(open_apart(&profiles, &ledger, &kept(stores)?, random)?)
}

/// How stores keep things; the encryption keys are read for it.
///
/// # Errors
/// When the keys cannot be read.
pub fn kept(stores: &Stores) -> anyhow::Result<StoreSettings> {
    let read = |path: &PathBuf| Sealer::read(path, stores.encrypt, Arc::new(OsRandom));
    let sealer = stores.encryption_key.as_ref().map(read).transpose();
    let sealer = sealer.context("`encryption_key` in `[store]` of gateway.toml cannot be used")?.map(Arc::new);
    Ok(StoreSettings { keep: stores.keep_profiles, sealer, ..StoreSettings::default() })
}
