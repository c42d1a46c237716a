//! Asks the system to tell of changes. `notify` is named here alone.

use super::status::Watching;
use crate::ids::SiteId;
use crate::rules::is_litter;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// What a change is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) scope: Scope,
    /// A file that is being written (`true`), or is no longer.
    pub(super) writing: Option<(PathBuf, bool)>,
}

/// How much must be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    /// One site's folder.
    Site(SiteId),
    /// Everything under the rules folder, and the certificates.
    All,
}

/// Watches folders, as well as the system can.
pub(super) struct Watcher {
    folders: Arc<[Option<PathBuf>; 2]>,
    tell: Arc<dyn Fn(Change) + Send + Sync>,
    inner: Option<RecommendedWatcher>,
    /// Which folders are watched, by device and inode: a symbolic link may point elsewhere by now.
    watched: Vec<Option<(u64, u64)>>,
    failure: Option<String>,
}

impl Watcher {
    /// Watches the rules folder and that of the certificates.
    pub(super) fn new(folders: [Option<PathBuf>; 2], tell: impl Fn(Change) + Send + Sync + 'static) -> Self {
        let mut watcher =
            Self { folders: Arc::new(folders), tell: Arc::new(tell), inner: None, watched: Vec::new(), failure: None };
        watcher.start();
        watcher
    }

    /// Watches anew if a folder is not the one that it was. Says whether it did.
    pub(super) fn renew(&mut self) -> bool {
        let same = self.watched == self.identities();
        if !same {
            self.start();
        }
        !same
    }

    /// Whether the system tells of changes.
    pub(super) fn state(&self) -> Watching {
        match &self.failure {
            None => Watching::Told,
            Some(reason) => Watching::PollOnly(reason.clone()),
        }
    }

    fn identities(&self) -> Vec<Option<(u64, u64)>> {
        let identity = |path: &PathBuf| std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
        self.folders.iter().map(|folder| folder.as_ref().and_then(identity)).collect()
    }

    fn start(&mut self) {
        // A folder that comes or goes just before it is watched is told of by nobody: so it is looked at once more after.
        for _ in 0..8 {
            self.inner = None;
            self.watched = self.identities();
            match self.watch() {
                Ok(watcher) => (self.inner, self.failure) = (Some(watcher), None),
                Err(error) => self.failure = Some(error.to_string()),
            }
            if self.watched == self.identities() {
                return;
            }
        }
    }

    fn watch(&self) -> notify::Result<RecommendedWatcher> {
        let (tell, folders) = (self.tell.clone(), self.folders.clone());
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| match event {
            Ok(event) => changes(&event, &folders).into_iter().for_each(|change| tell(change)),
            Err(_) => tell(Change { scope: Scope::All, writing: None }),
        })?;
        for (folder, identity) in self.folders.iter().zip(&self.watched) {
            let Some(folder) = folder else { continue };
            if identity.is_some() {
                watcher.watch(folder, RecursiveMode::Recursive)?;
            }
            // Its parent tells when the folder itself goes, comes, or is exchanged.
            let parent = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
            if parent.is_dir() {
                watcher.watch(parent, RecursiveMode::NonRecursive)?;
            }
        }
        Ok(watcher)
    }
}

/// What an event means to us.
fn changes(event: &Event, folders: &[Option<PathBuf>; 2]) -> Vec<Change> {
    if event.need_rescan() {
        return vec![Change { scope: Scope::All, writing: None }];
    }
    let writing = match event.kind {
        // Reading is also told of; ours would wake us for ever.
        EventKind::Access(kind) if kind != AccessKind::Close(AccessMode::Write) => return Vec::new(),
        EventKind::Modify(ModifyKind::Data(_)) => Some(true),
        EventKind::Access(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(RenameMode::From)) => {
            Some(false)
        }
        _ => None,
    };
    let change = |path: &PathBuf| {
        let scope = scope(path, folders)?;
        Some(Change { scope, writing: writing.map(|writing| (path.clone(), writing)) })
    };
    event.paths.iter().filter_map(change).collect()
}

/// What a path belongs to; nothing, if it is none of ours.
fn scope(path: &Path, folders: &[Option<PathBuf>; 2]) -> Option<Scope> {
    let [rules, certs] = folders;
    let below = |folder: &Option<PathBuf>| {
        let folder = folder.as_ref()?;
        // The system may tell of `./rules` where `rules` was asked for.
        let path = path.strip_prefix(".").unwrap_or(path);
        path.strip_prefix(folder.strip_prefix(".").unwrap_or(folder)).ok()
    };
    if let Some(inside) = below(rules) {
        let names: Vec<&str> = inside
            .components()
            .map(|part| if let Component::Normal(name) = part { name.to_str().unwrap_or("") } else { "" })
            .collect();
        return match names.as_slice() {
            // `..data` is how Kubernetes exchanges all files of a folder at once; other litter is an editor's.
            [.., last] if is_litter(last) && *last != "..data" => None,
            ["sites", site, ..] if !is_litter(site) => Some(Scope::Site(SiteId::new(site))),
            _ => Some(Scope::All),
        };
    }
    below(certs).map(|_| Scope::All)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_concerns_as_little_as_can_be() {
        let folders = [Some(PathBuf::from("./rules")), Some(PathBuf::from("/certs"))];
        let site = Some(Scope::Site(SiteId::new("shop")));
        for (path, expected) in [
            ("rules/sites/shop/site.toml", site.clone()),
            ("./rules/sites/shop/scenarios/a.toml", site.clone()),
            ("rules/sites/shop", site.clone()),
            ("rules/sites/shop/..data", site),
            ("rules/sites/shop/.a.toml.swp", None),
            ("rules/sites/..data", Some(Scope::All)),
            ("rules/gateway.toml", Some(Scope::All)),
            ("rules", Some(Scope::All)),
            ("/certs/a.pem", Some(Scope::All)),
            ("elsewhere/x", None),
        ] {
            assert_eq!(scope(Path::new(path), &folders), expected, "{path}");
        }
    }
}
