//! `noren forget`: erases a visitor who asked the shop for it.

use super::output::print;
use crate::app::store_settings_of;
use crate::ids::{OsRandom, SiteId, VisitorId};
use crate::store::{self, ProfileKey};
use anyhow::{Context, bail};
use std::path::PathBuf;

/// Arguments of `noren forget`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// The site: the name of its folder under `sites/`
    #[arg(long)]
    site: String,
    /// The visitor's number, as `/PREFIX/privacy` shows it to them
    #[arg(long, value_name = "NUMBER")]
    visitor: String,
    /// Folder of the embedded store; Noren may go on running on it
    #[arg(long, value_name = "DIR", default_value = "data")]
    data: PathBuf,
    /// Folder of rules, if there is one: the encryption keys of a sealed store are named in its gateway.toml
    #[arg(long, value_name = "DIR", default_value = "rules")]
    rules: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Some(visitor) = parse(&arguments.visitor) else {
        bail!("`{}` is no visitor's number: it has 32 digits from 0 to 9 and a to f", arguments.visitor);
    };
    let path = arguments.data.join("noren.db");
    if !path.is_file() {
        bail!("there is no store in {}: name its folder with --data", arguments.data.display());
    }
    let store = store::open(&path.display().to_string(), &store_settings_of(&arguments.rules)?, &OsRandom)?;
    let key = ProfileKey { site: SiteId::new(&arguments.site), visitor };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kept = runtime.block_on(async {
        let kept = store.records().about(&key, usize::from(u16::MAX)).await?;
        store.records().erase(&key).await.map(|()| kept)
    });
    let kept = kept.context("nothing was erased")?;
    print(&match (kept.profile, kept.events.len()) {
        (None, 0) => "Nothing was kept of this visitor on this site.\n".to_owned(),
        (profile, events) => {
            let more = if kept.more { "more than " } else { "" };
            let profile = if profile.is_some() { "a profile and " } else { "" };
            format!("Erased {profile}{more}{events} events.\n")
        }
    })
}

fn parse(number: &str) -> Option<VisitorId> {
    let number = number.trim();
    if number.len() != 32 || !number.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    u128::from_str_radix(number, 16).ok().map(|number| VisitorId(number.to_be_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_a_visitor_is_read_as_it_is_shown() {
        let found = parse("000102030405060708090a0b0c0d0e0f ").unwrap();
        assert_eq!(found.0, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
        for bad in ["", "00", "+00102030405060708090a0b0c0d0e0f", "zz0102030405060708090a0b0c0d0e0f"] {
            assert!(parse(bad).is_none(), "{bad}");
        }
    }
}
