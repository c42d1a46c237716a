//! All sites, compiled: what one request sees of the rules.
//!
//! Immutable behind `arc-swap`; a reload builds a whole new site and swaps it in, so that no request sees half of it.

use crate::ids::SiteId;
use crate::site::Site;
use ahash::AHashMap;
use std::sync::Arc;

/// All sites.
#[derive(Debug, Default)]
pub struct World {
    exact: AHashMap<String, Arc<Site>>,
    /// Wildcards, the suffix with its leading dot.
    wildcards: AHashMap<String, Arc<Site>>,
    sites: AHashMap<SiteId, Arc<Site>>,
    /// Takes every Host that no other site names: `noren serve --origin` and the demo.
    fallback: Option<Arc<Site>>,
}

impl World {
    /// Builds the index. Where two sites name one host, the first in the given order keeps it.
    #[must_use]
    pub fn new(sites: impl IntoIterator<Item = Arc<Site>>) -> Self {
        let mut world = Self::default();
        for site in sites {
            for host in &site.hosts {
                let index = if host == "*" {
                    world.fallback.get_or_insert_with(|| site.clone());
                    continue;
                } else if host.starts_with("*.") {
                    &mut world.wildcards
                } else {
                    &mut world.exact
                };
                index.entry(host.trim_start_matches('*').to_owned()).or_insert_with(|| site.clone());
            }
            world.sites.insert(site.id.clone(), site);
        }
        world
    }

    /// The site of a host (lower case, without port): exact, then the longest wildcard.
    #[must_use]
    pub fn site_for_host(&self, host: &str) -> Option<&Arc<Site>> {
        if let Some(site) = self.exact.get(host) {
            return Some(site);
        }
        if !self.wildcards.is_empty() {
            let mut rest = host;
            while let Some(dot) = rest.find('.') {
                let (_, suffix) = rest.split_at(dot);
                if let Some(site) = self.wildcards.get(suffix) {
                    return Some(site);
                }
                rest = suffix.trim_start_matches('.');
            }
        }
        self.fallback.as_ref()
    }

    /// The site that has a host name or wildcard as its own, written as in [`Site::hosts`].
    #[must_use]
    pub fn owner(&self, host: &str) -> Option<&Arc<Site>> {
        match host.strip_prefix('*') {
            Some("") => self.fallback.as_ref(),
            Some(suffix) => self.wildcards.get(suffix),
            None => self.exact.get(host),
        }
    }

    /// A site by its id.
    #[must_use]
    pub fn site(&self, id: &SiteId) -> Option<&Arc<Site>> {
        self.sites.get(id)
    }

    /// All sites, in no order.
    pub fn sites(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.sites.values()
    }
}
