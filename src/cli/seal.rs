//! `noren seal`: brings what is in the store already into the form in which it would be written now.

use super::output::{complain, print};
use crate::app;
use anyhow::{Context, bail};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Arguments of `noren seal`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Folder of rules; `[store]` of its gateway.toml says where the store is, where its keys are, and whether it is sealed
    #[arg(long, value_name = "DIR", default_value = "rules")]
    rules: PathBuf,
    /// Folder of the embedded store, if it is not the one that gateway.toml names
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let resealed = runtime.block_on(async {
        let (opened, has_key) = app::stores_of(&arguments.rules, arguments.data.as_deref())?;
        if !has_key {
            bail!(
                "gateway.toml in {} names no key: write `encryption_key = \"file:PATH\"` into its table `[store]`",
                arguments.rules.display()
            );
        }
        opened.store.ping().await?;
        opened.store.reseal().await.context("not everything was gone through; run it again")
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
