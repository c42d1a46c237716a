//! Host names over all sites: each belongs to one.

use super::compile::Compiled;
use crate::ids::SiteId;
use crate::site::Site;
use ahash::AHashMap;
use std::sync::Arc;

/// Which site has which host.
#[derive(Debug, Default)]
pub struct HostTable(AHashMap<String, SiteId>);

impl HostTable {
    /// Enters a site without asking: one that serves already.
    pub fn enter(&mut self, site: &Site) {
        for host in &site.hosts {
            self.0.entry(host.clone()).or_insert_with(|| site.id.clone());
        }
    }

    /// Takes a compiled site, unless it has errors or one of its hosts is another's: that is added to its problems.
    pub fn admit(&mut self, compiled: &mut Compiled) -> Option<Arc<Site>> {
        let site = compiled.site.clone()?;
        let mut taken = false;
        for host in &compiled.hosts {
            let Some(owner) = self.0.get(&host.value).filter(|owner| **owner != site.id) else { continue };
            taken = true;
            compiled.problems.error(
                "host-taken",
                &compiled.site_file,
                host.span.clone(),
                format!("`{}` is also a host of the site `{owner}`", host.value),
                Some(format!("remove it here or in sites/{owner}/site.toml")),
            );
        }
        if taken {
            return None;
        }
        self.enter(&site);
        Some(site)
    }
}
