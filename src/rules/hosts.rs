//! Host names over all sites: each belongs to one.

use super::compile::Compiled;
use crate::ids::SiteId;
use crate::site::Site;
use crate::world::World;
use ahash::{AHashMap, AHashSet};
use std::sync::Arc;

/// Which site has which host: those that serve, and those that are to.
///
/// It looks into the world that serves instead of copying it, so that to change one site among ten thousand costs no more than
/// to change one of ten.
#[derive(Debug, Default)]
pub struct HostTable {
    serving: Arc<World>,
    /// Sites of that world that are about to go or to be exchanged.
    leaving: AHashSet<SiteId>,
    entered: AHashMap<String, SiteId>,
}

impl HostTable {
    /// The hosts of a world, without those of the sites that are about to leave it.
    #[must_use]
    pub fn of_world(serving: Arc<World>, leaving: AHashSet<SiteId>) -> Self {
        Self { serving, leaving, entered: AHashMap::new() }
    }

    /// Takes a compiled site, unless it has errors or one of its hosts is another's: that is added to its problems.
    pub fn admit(&mut self, compiled: &mut Compiled) -> Option<Arc<Site>> {
        let site = compiled.site.clone()?;
        let mut taken = false;
        for host in &compiled.hosts {
            let Some(owner) = self.owner(&host.value).filter(|owner| **owner != site.id) else { continue };
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

    /// Enters a site, if no other has one of its hosts.
    pub fn try_enter(&mut self, site: &Site) -> bool {
        let free = site.hosts.iter().all(|host| self.owner(host).is_none_or(|owner| *owner == site.id));
        if free {
            self.enter(site);
        }
        free
    }

    fn enter(&mut self, site: &Site) {
        self.entered.extend(site.hosts.iter().map(|host| (host.clone(), site.id.clone())));
    }

    fn owner(&self, host: &str) -> Option<&SiteId> {
        let serving = || self.serving.owner(host).map(|site| &site.id).filter(|id| !self.leaving.contains(id));
        self.entered.get(host).or_else(serving)
    }
}
