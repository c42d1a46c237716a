//! `noren forget`: erases a visitor or a member who asked the shop for it.

use super::output::print;
use super::place::{Place, runtime};
use crate::ids::VisitorId;
use crate::store::coupons::Holder;
use crate::store::records::Erased;
use crate::store::{ProfileKey, Store, StoreError, joined};
use anyhow::{Context, bail};
use std::fmt::Write as _;

/// Arguments of `noren forget`.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(flatten)]
    who: Who,
}

/// Who is erased.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Who {
    /// The visitor's number, as `/PREFIX/privacy` shows it to them; if they are a member, what their browsers share goes too
    #[arg(long, value_name = "NUMBER")]
    visitor: Option<String>,
    /// The member's number, as the shop's pages or imports name it; all their browsers go with them
    #[arg(long, value_name = "ID")]
    member: Option<String>,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let visitor = arguments.who.visitor.as_deref().map(|number| {
        parse(number)
            .with_context(|| format!("`{number}` is no visitor's number: it has 32 digits from 0 to 9 and a to f"))
    });
    let (visitor, site, stores) = (visitor.transpose()?, arguments.place.id(), arguments.place.folders.stores()?);
    let runtime = runtime()?;
    let erased = runtime.block_on(async {
        let store = stores.open()?;
        match (visitor, arguments.who.member.as_deref().map(str::trim)) {
            (Some(visitor), _) => {
                visitor_goes(&*store, ProfileKey { site, visitor }).await.context("nothing was erased")
            }
            (None, Some(member)) if !member.is_empty() => {
                // A new key would name nobody.
                if !stores.customer_key().is_file() {
                    bail!(
                        "there is no {}: name the gateway's data folder with --data",
                        stores.customer_key().display()
                    );
                }
                let customer = ProfileKey { visitor: stores.customers()?.name(&site, member), site };
                member_goes(&*store, &customer, member).await.context("not all was erased: do it again")
            }
            _ => bail!("a member's number is not empty"),
        }
    })?;
    let who = if visitor.is_some() { "visitor" } else { "member" };
    print(&said(&erased, who))
}

/// The visitor, and what they share with their other browsers.
async fn visitor_goes(store: &dyn Store, key: ProfileKey) -> Result<Erased, StoreError> {
    let shared = joined::load(store, &key).await?.key;
    let mut erased = Erased::default();
    if shared != key {
        erased += store.records().erase(&shared).await?;
    }
    erased += store.records().erase(&key).await?;
    Ok(erased)
}

/// The member's browsers first: whoever is stopped on the way finds the rest by the same number.
async fn member_goes(store: &dyn Store, customer: &ProfileKey, member: &str) -> Result<Erased, StoreError> {
    let mut erased = Erased::default();
    for visitor in store.records().browsers_of(customer).await? {
        erased += store.records().erase(&ProfileKey { site: customer.site.clone(), visitor }).await?;
    }
    erased += store.records().erase(customer).await?;
    erased.coupons += store.coupons().disown(&customer.site, &Holder::Customer(member.into())).await?;
    Ok(erased)
}

fn said(erased: &Erased, who: &str) -> String {
    let Erased { profiles, events, coupons, orders } = *erased;
    if *erased == Erased::default() {
        return format!("Nothing was kept of this {who} on this site.\n");
    }
    let counted = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let mut text = format!("Erased {} and {}.", counted(profiles, "profile"), counted(events, "event"));
    let nobodys: Vec<String> = [(coupons, "coupon"), (orders, "order")]
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, one)| counted(count, one))
        .collect();
    if !nobodys.is_empty() {
        let _ = write!(text, " Nothing says any more whose these were: {}.", nobodys.join(", "));
    }
    text + "\n"
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
