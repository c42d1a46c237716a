//! Holds what is served for each site, and exchanges it when its files changed. Knows nothing of threads or watching.

use super::Setup;
use super::pending::Pending;
use super::signature;
use super::status::{Board, SiteStatus, Status, Watching};
use crate::config::diagnostic::Problems;
use crate::config::gateway::Gateway;
use crate::config::render::{Style, human};
use crate::config::source::Sources;
use crate::ids::SiteId;
use crate::rules::{self, Compiled, HostTable, LoadOptions, SiteFiles};
use crate::site::Site;
use crate::world::World;
use ahash::AHashSet;
use arc_swap::ArcSwap;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) struct Keeper {
    setup: Setup,
    gateway: Arc<ArcSwap<Gateway>>,
    board: Arc<Board>,
    sites: BTreeMap<SiteId, Kept>,
    /// Sites that are not to be served any more, but are until the world is exchanged.
    removed: Vec<SiteId>,
    /// What became of versions, told when the world has been exchanged.
    verdicts: Vec<Verdict>,
    /// Where [`Keeper::look`] goes on.
    next_part: usize,
    /// The settings that the process started with.
    started_with: Option<Gateway>,
    certs_signature: Option<u64>,
}

/// What became of a site's version, to be entered into the status.
type Verdict = Box<dyn FnOnce(&mut Status) + Send>;

/// What is kept of a site.
#[derive(Default)]
struct Kept {
    /// Of its folder, when it was last read.
    signature: u64,
    /// Of its files, when they were last compiled.
    fingerprint: Option<u64>,
    /// What is served.
    active: Option<Arc<Site>>,
    /// A sound version that another site keeps from serving, because it has one of its hosts.
    waiting: Option<Compiled>,
    /// Since when its folder is gone.
    gone: Option<Instant>,
}

/// A folder that is gone for less than this is being exchanged by a slow copy: its site goes on serving.
const GONE: Duration = Duration::from_secs(2);

/// Sites that are looked through in one go: what is told meanwhile has to wait so long.
const PART: usize = 200;

impl Keeper {
    pub(super) fn new(setup: Setup, gateway: Arc<ArcSwap<Gateway>>, board: Arc<Board>) -> Self {
        Self {
            setup,
            gateway,
            board,
            sites: BTreeMap::new(),
            removed: Vec::new(),
            verdicts: Vec::new(),
            next_part: 0,
            started_with: None,
            certs_signature: None,
        }
    }

    /// Looks through everything, and reads what can have changed; everything, if forced.
    pub(super) fn read_all(&mut self, force: bool) {
        self.survey(force, usize::MAX);
    }

    /// Looks through a part of the sites, the next one each time. Says in how many parts they are gone through.
    pub(super) fn look(&mut self) -> u32 {
        self.survey(false, PART);
        self.sites.len().div_ceil(PART).max(1) as u32
    }

    fn survey(&mut self, force: bool, part: usize) {
        self.read_certs(force);
        let Some(folder) = self.setup.rules.clone() else { return };
        let force = self.read_gateway(&folder) || force;
        // Without the folder there is no telling which sites were removed: all go on serving.
        if !folder.join("sites").is_dir() {
            return self.serve_if(BTreeSet::new());
        }
        let present: BTreeSet<SiteId> = rules::list_sites(&folder, &mut Problems::default()).into_iter().collect();
        let turn = self.next_part..self.next_part.saturating_add(part);
        self.next_part = if turn.end >= present.len() { 0 } else { turn.end };
        let mut changed = BTreeSet::new();
        for (index, id) in present.iter().enumerate() {
            let kept = self.sites.entry(id.clone()).or_default();
            let never_read = kept.fingerprint.is_none();
            let differs = || kept.signature != signature::of_folder(&folder.join("sites").join(id.as_str()));
            if force || never_read || ((part == usize::MAX || turn.contains(&index)) && differs()) {
                changed.insert(id.clone());
            }
        }
        self.drop_gone(&present);
        self.serve_if(changed);
    }

    /// Reads what was told to have changed.
    pub(super) fn read_changed(&mut self, changes: &Pending) {
        let Some(folder) = self.setup.rules.clone().filter(|_| !changes.all) else { return self.read_all(false) };
        let known = |id: &&SiteId| rules::is_site(&folder, id);
        if changes.sites.iter().all(|id| known(&id)) {
            self.serve_if(changes.sites.clone());
        } else {
            // One is gone, or is no site: the list of sites must be looked at, and who changed is found on the way.
            self.read_all(false);
        }
    }

    pub(super) fn tell_watching(&self, watching: Watching) {
        if let Watching::PollOnly(reason) = &watching {
            tracing::warn!(reason, "changes of files are noticed by looking only");
        }
        self.board.write(|status| status.watching = watching);
    }

    pub(super) fn tell_served(&self, ticket: u64) {
        self.board.write(|status| status.served = ticket);
    }

    /// Compiles the given sites, and serves what is new and sound.
    fn serve_if(&mut self, changed: BTreeSet<SiteId>) {
        let mut compiled = Vec::new();
        for id in changed {
            compiled.extend(self.compile(&id).map(|found| (id, found)));
        }
        if !compiled.is_empty() || !self.removed.is_empty() {
            self.admit(compiled);
            self.serve();
        }
    }

    /// Reads a site's files and compiles them; `None` when they say what they said before.
    fn compile(&mut self, id: &SiteId) -> Option<Compiled> {
        let folder = self.setup.rules.as_ref()?;
        let site_folder = folder.join("sites").join(id.as_str());
        let gateway = self.gateway.load();
        let mut signature = signature::of_folder(&site_folder);
        let mut files = SiteFiles::read(folder, id, &gateway.limits);
        // A file that changed while others were read makes a mixture that never was.
        for _ in 0..3 {
            let after = signature::of_folder(&site_folder);
            if after == signature {
                break;
            }
            signature = after;
            files = SiteFiles::read(folder, id, &gateway.limits);
        }
        let kept = self.sites.entry(id.clone()).or_default();
        kept.signature = signature;
        let fingerprint = files.fingerprint();
        if kept.fingerprint == Some(fingerprint) {
            return None;
        }
        kept.fingerprint = Some(fingerprint);
        let options = LoadOptions { prefix: self.setup.prefix.clone(), now: self.setup.clock.now() };
        // A bug that a strange file brings to light must not end the reloading of all sites.
        let compiled = catch_unwind(AssertUnwindSafe(|| rules::compile(files, &gateway, &options)));
        Some(compiled.unwrap_or_else(|_| Compiled::failed(id)))
    }

    /// Gives each compiled site its hosts, or refuses it; those that wait for a host are looked at again.
    fn admit(&mut self, compiled: Vec<(SiteId, Compiled)>) {
        let mut turns: Vec<(SiteId, Compiled, bool)> = Vec::new();
        for (id, found) in compiled {
            if let Some(kept) = self.sites.get_mut(&id) {
                kept.waiting = None;
            }
            turns.push((id, found, true));
        }
        for (id, kept) in &mut self.sites {
            turns.extend(kept.waiting.take().map(|waiting| (id.clone(), waiting, false)));
        }
        let mut hosts = self.settle_hosts(&turns);
        for (id, mut found, is_new) in turns {
            let sound = found.site.is_some();
            let own_problems = found.problems.0.len();
            let admitted = hosts.admit(&mut found);
            let Some(kept) = self.sites.get_mut(&id) else { continue };
            let taken = admitted.is_some();
            if !taken && !is_new {
                found.problems.0.truncate(own_problems);
                kept.waiting = Some(found);
                continue;
            }
            let report = drawn(&found.problems, &found.sources, self.setup.rules.as_deref());
            let (errors, warnings) = found.problems.counts();
            match admitted {
                Some(site) => {
                    tracing::info!(site = %id, warnings, "rules loaded");
                    kept.active = Some(site);
                }
                None => {
                    tracing::error!(site = %id, errors, report = report.as_deref(), "rules refused: the last good ones stay");
                    if sound {
                        found.problems.0.truncate(own_problems);
                        kept.waiting = Some(found);
                    }
                }
            }
            let serves = kept.active.is_some();
            let now = self.setup.clock.now();
            self.verdicts.push(Box::new(move |status| {
                let before = status.sites.get(&id).and_then(|status| status.loaded);
                let loaded = if taken { Some(now) } else { before.filter(|_| serves) };
                *(if taken { &mut status.loads } else { &mut status.refusals }) += 1;
                let site = SiteStatus { loaded, stale: !taken, errors, warnings, report };
                status.sites.insert(id, Arc::new(site));
            }));
        }
    }

    /// Who has which host, once all that can be exchanged is exchanged.
    ///
    /// Two sites may exchange hosts with each other, so none is asked about the versions that are about to go. One that is refused
    /// goes on serving as it was, and may thereby keep others out: hence again, until nobody more is refused.
    fn settle_hosts(&self, turns: &[(SiteId, Compiled, bool)]) -> HostTable {
        let mut refused: AHashSet<&SiteId> = AHashSet::new();
        loop {
            let sound: Vec<&Arc<Site>> = turns
                .iter()
                .filter(|(id, ..)| !refused.contains(id))
                .filter_map(|(_, found, _)| found.site.as_ref())
                .collect();
            let leaving = self.removed.iter().cloned().chain(sound.iter().map(|site| site.id.clone())).collect();
            let mut hosts = HostTable::of_world(self.setup.world.load_full(), leaving);
            let before = refused.len();
            refused.extend(sound.into_iter().filter(|site| !hosts.try_enter(site)).map(|site| &site.id));
            if refused.len() == before {
                return hosts;
            }
        }
    }

    /// Exchanges the world.
    pub(super) fn serve(&mut self) {
        let active = self.sites.values().filter_map(|kept| kept.active.clone());
        let before = self.setup.world.load();
        let active = active.inspect(|site| {
            if let Some(older) = before.site(&site.id).filter(|older| !Arc::ptr_eq(older, site)) {
                site.platform.adopt(&older.platform);
            }
        });
        self.setup.world.store(Arc::new(World::new(self.setup.given.iter().cloned().chain(active))));
        // Told last: who reads that a version was taken may rely on it.
        self.board.write(|status| {
            self.verdicts.drain(..).for_each(|verdict| verdict(status));
            for id in self.removed.drain(..) {
                status.sites.remove(&id);
            }
            status.generation += 1;
        });
    }

    fn drop_gone(&mut self, present: &BTreeSet<SiteId>) {
        let now = self.setup.clock.monotonic();
        self.sites.retain(|id, kept| {
            if present.contains(id) {
                kept.gone = None;
                return true;
            }
            let since = *kept.gone.get_or_insert(now);
            let keep = now.saturating_duration_since(since) < GONE;
            if !keep {
                self.removed.push(id.clone());
                tracing::info!(site = %id, "the site's folder is gone: it is served no more");
            }
            keep
        });
    }

    /// Says whether every site must be compiled again.
    fn read_gateway(&mut self, folder: &Path) -> bool {
        let (mut problems, mut sources) = (Problems::default(), Sources::default());
        let found = Gateway::load(folder, &mut sources, &mut problems);
        rules::misplaced(folder, &mut problems);
        if folder.is_dir() {
            rules::list_sites(folder, &mut problems);
        } else {
            let help = "restore the folder; until then everything is served as it was".to_owned();
            problems.error("no-rules", Path::new(""), 0..0, "the rules folder is gone", Some(help));
        }
        let report = drawn(&problems, &sources, Some(folder));
        let old = self.gateway.load_full();
        let new = found.filter(|new| *new != *old);
        let started_with = self.started_with.get_or_insert_with(|| new.clone().unwrap_or_default());
        let told = self.board.read(|status| status.rules_report == report);
        if told && new.is_none() {
            return false;
        }
        if let Some(report) = report.as_deref().filter(|_| !told) {
            tracing::error!(report, "there are problems in the rules folder");
        }
        let needs_restart = new.as_ref().map(|new| started_with.needs_restart(new));
        let again = new.is_some_and(|new| {
            let again = rules::depends(&old, &new);
            self.gateway.store(Arc::new(new));
            again
        });
        if again {
            self.sites.values_mut().for_each(|kept| kept.fingerprint = None);
        }
        // Told last: who reads that a setting was taken may rely on it.
        self.board.write(|status| {
            status.generation += 1;
            status.rules_report = report;
            if let Some(names) = needs_restart {
                if !names.is_empty() {
                    tracing::warn!(settings = ?names, "these settings take effect at the next start");
                }
                status.needs_restart = names;
            }
        });
        again
    }

    fn read_certs(&mut self, force: bool) {
        let Some(certs) = self.setup.certs.clone() else { return };
        let Some(folder) = certs.folder() else { return };
        let signature = Some(signature::of_folder(folder));
        if self.certs_signature == signature && !force {
            return;
        }
        self.certs_signature = signature;
        let problems = certs.reload(self.setup.clock.now());
        let report = drawn(&problems, &Sources::default(), Some(folder));
        match &report {
            Some(report) => tracing::warn!(names = certs.len(), report = &**report, "certificates loaded"),
            None => tracing::info!(names = certs.len(), "certificates loaded"),
        }
        self.board.write(|status| {
            status.generation += 1;
            status.certificates = certs.len();
            status.certificates_report = report;
        });
    }
}

fn drawn(problems: &Problems, sources: &Sources, root: Option<&Path>) -> Option<Arc<str>> {
    let style = Style { root: root.unwrap_or(Path::new("")), colour: false };
    (!problems.0.is_empty()).then(|| human(problems, sources, style).into())
}
