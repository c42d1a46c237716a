//! Which stores there are, as `[store]` of `gateway.toml` says, and the keys that they are sealed with.

use super::early_settings;
use crate::config::gateway::{Gateway as Settings, StorePlace};
use crate::ids::{OsRandom, Random};
use crate::store::{Opened, Sealer, StoreSettings, open_apart};
use anyhow::Context as _;
use std::path::Path;
use std::sync::Arc;

/// Opens the stores. What `gateway.toml` does not name is in the data folder.
pub(super) fn open(settings: &Settings, data: &Path, random: &Arc<dyn Random>) -> anyhow::Result<Opened> {
    let embedded = data.join("noren.db").display().to_string();
    let place = |place: &Option<StorePlace>, name: &str| match place {
        Some(place) => place
            .read()
            .with_context(|| format!("`{name}` in `[store]` of gateway.toml names a file that cannot be read")),
        None => Ok(embedded.clone()),
    };
    let (profiles, ledger) = (place(&settings.store.profiles, "profiles")?, place(&settings.store.ledger, "ledger")?);
    let kept = store_settings(settings, random)?;
    Ok(open_apart(&profiles, &ledger, &kept, &**random)?)
}

/// How stores keep things, the encryption keys read.
fn store_settings(settings: &Settings, random: &Arc<dyn Random>) -> anyhow::Result<StoreSettings> {
    let of = &settings.store;
    let sealer = of.encryption_key.as_ref().map(|path| Sealer::read(path, of.encrypt, random.clone())).transpose();
    let sealer = sealer.context("`encryption_key` in `[store]` of gateway.toml cannot be used")?.map(Arc::new);
    Ok(StoreSettings { keep: of.keep_profiles, sealer, ..StoreSettings::default() })
}

/// How the stores of a rules folder keep things, for a command beside the gateway. A folder without a `gateway.toml` has the defaults.
///
/// # Errors
/// When `gateway.toml` has errors, or the encryption keys cannot be read.
pub fn store_settings_of(rules: &Path) -> anyhow::Result<StoreSettings> {
    let settings = if rules.is_dir() { early_settings(rules)? } else { Settings::default() };
    store_settings(&settings, &(Arc::new(OsRandom) as Arc<dyn Random>))
}

/// Opens the stores that a rules folder names; what it does not name is in a data folder. Call it within the runtime.
///
/// # Errors
/// As a start of the gateway would fail.
pub fn stores_of(rules: &Path, data: Option<&Path>) -> anyhow::Result<(Opened, bool)> {
    let settings = early_settings(rules)?;
    let has_key = settings.store.encryption_key.is_some();
    let opened = open(&settings, data.unwrap_or(&settings.data), &(Arc::new(OsRandom) as Arc<dyn Random>))?;
    Ok((opened, has_key))
}
