//! `noren seal`: brings what is in the store already into the form in which it would be written now.

use super::output::{complain, print};
use super::place::{Folders, runtime};
use anyhow::{Context, bail};
use std::fmt::Write as _;

/// Arguments of `noren seal`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    folders: Folders,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let stores = arguments.folders.stores()?;
    if !stores.have_keys() {
        bail!("gateway.toml names no key: write `encryption_key = \"file:PATH\"` into its table `[store]`");
    }
    let resealed = runtime()?.block_on(async {
        let store = stores.open()?;
        store.ping().await?;
        store.reseal().await.context("not everything was gone through; run it again")
    })?;
    if resealed.traces {
        complain(
            "Noren kept reading so long that the log beside the store's file may still hold what was there before: run it again",
        );
    }
    let mut text = format!("Wrote {} rows anew.", resealed.changed);
    if resealed.shut == 0 {
        text.push_str(" Of the encryption keys, only the first is needed any more.\n");
        return print(&text);
    }
    let _ = write!(text, " {} rows stay as they are: no key in the file opens them.", resealed.shut);
    print(&(text + "\n"))?;
    bail!("put the keys back that these rows were sealed with, and run it again")
}
