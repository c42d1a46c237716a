//! A folder of rule files → compiled sites.
//!
//! Reads everything first, then compiles without touching a disk, and reports all problems at once, each with its place. A site
//! that is refused does not stop the others. Knows nothing of listeners, of watching, or of who is served.

mod compile;
mod conditions;
pub mod detect;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzz;
mod hosts;
mod names;
mod origin_only;
pub mod platform;
mod recipe;
pub mod reference;
mod scenario;
mod segments;
mod site;

pub use compile::{Compiled, compile};
pub(crate) use files::is_litter;
pub use files::{SiteFiles, is_site, list_sites, misplaced};
pub use hosts::HostTable;
pub use origin_only::site_for_origin;

use crate::config::diagnostic::Problems;
use crate::config::gateway::Gateway;
use crate::config::source::Sources;
use crate::ids::SiteId;
use crate::site::Site;
use jiff::Timestamp;
use std::path::Path;
use std::sync::Arc;

/// What the compiling of a site depends on besides its files.
#[derive(Debug, Clone)]
pub struct LoadOptions {
    /// The prefix of sites that name none: random an installation.
    pub prefix: String,
    /// Now, to tell that a schedule has ended.
    pub now: Timestamp,
}

/// A rules folder, read and compiled.
#[derive(Debug)]
pub struct LoadedRules {
    /// The process's settings; `None` when `gateway.toml` has errors.
    pub gateway: Option<Gateway>,
    /// All sites, by id.
    pub sites: Vec<LoadedSite>,
    /// All problems of all files, in the order of the files.
    pub problems: Problems,
    /// The texts that the problems point into.
    pub sources: Sources,
}

/// One site of a rules folder.
#[derive(Debug)]
pub struct LoadedSite {
    /// The folder's name.
    pub id: SiteId,
    /// The site; `None` when its files have errors.
    pub site: Option<Arc<Site>>,
}

impl LoadedRules {
    /// The sites that may serve.
    pub fn good_sites(&self) -> impl Iterator<Item = Arc<Site>> {
        self.sites.iter().filter_map(|loaded| loaded.site.clone())
    }
}

/// Reads and compiles a whole rules folder.
#[must_use]
pub fn load_rules(rules: &Path, options: &LoadOptions) -> LoadedRules {
    let mut problems = Problems::default();
    let mut sources = Sources::default();
    let gateway = Gateway::load(rules, &mut sources, &mut problems);
    let settings = gateway.clone().unwrap_or_default();
    misplaced(rules, &mut problems);
    let mut hosts = HostTable::default();
    let mut sites = Vec::new();
    for id in list_sites(rules, &mut problems) {
        let mut compiled = load_site(rules, &id, &settings, options);
        let site = hosts.admit(&mut compiled);
        problems.append(compiled.problems);
        sources.append(compiled.sources);
        sites.push(LoadedSite { id, site });
    }
    problems.sort();
    sources.retain_for(&problems);
    LoadedRules { gateway, sites, problems, sources }
}

/// Reads and compiles one site. Whether its hosts are also another's is not asked.
#[must_use]
pub fn load_site(rules: &Path, id: &SiteId, gateway: &Gateway, options: &LoadOptions) -> Compiled {
    compile(SiteFiles::read(rules, id, &gateway.limits), gateway, options)
}

/// Whether the compiling of sites depends on what changed between two versions of `gateway.toml`.
#[must_use]
pub fn depends(old: &Gateway, new: &Gateway) -> bool {
    old.limits.max_file_size != new.limits.max_file_size
        || old.limits.max_scenarios_per_site != new.limits.max_scenarios_per_site
        || old.https_redirect != new.https_redirect
}

#[cfg(test)]
mod tests;
