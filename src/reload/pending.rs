//! Collects changes until they have come to rest: editors and copies write a file in several steps, and files in a row.

use super::watcher::{Change, Scope};
use crate::ids::SiteId;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Changes that were told of and not acted upon yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// The sites, if only some are concerned.
    pub(super) sites: BTreeSet<SiteId>,
    /// Everything is concerned.
    pub(super) all: bool,
    /// Files that are open for writing.
    writing: BTreeSet<PathBuf>,
    /// When the first and the last change came.
    span: Option<(Instant, Instant)>,
}

/// After so long without a change they are at rest.
const QUIET: Duration = Duration::from_millis(8);
/// Changes that never rest are acted upon after so long.
const LONGEST: Duration = Duration::from_millis(250);
/// A file that is half written is waited for so long.
const LONGEST_WRITE: Duration = Duration::from_secs(1);

impl Pending {
    /// Takes note of a change.
    pub(super) fn note(&mut self, change: Change, now: Instant) {
        match change.scope {
            Scope::Site(id) => drop(self.sites.insert(id)),
            Scope::All => self.all = true,
        }
        match change.writing {
            Some((file, true)) => drop(self.writing.insert(file)),
            Some((file, false)) => drop(self.writing.remove(&file)),
            None => {}
        }
        self.span = Some((self.span.map_or(now, |(first, _)| first), now));
    }

    /// When they are to be acted upon, if there are any.
    pub(super) fn due_at(&self) -> Option<Instant> {
        let (first, last) = self.span?;
        if self.writing.is_empty() { Some((last + QUIET).min(first + LONGEST)) } else { Some(first + LONGEST_WRITE) }
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "any instant will do")]
mod tests {
    use super::*;

    fn change(writing: Option<bool>) -> Change {
        Change { scope: Scope::Site(SiteId::new("shop")), writing: writing.map(|writing| ("a.toml".into(), writing)) }
    }

    #[test]
    fn changes_are_acted_upon_when_they_rest_and_never_too_late() {
        let start = Instant::now();
        let mut pending = Pending::default();
        assert_eq!(pending.due_at(), None);
        pending.note(change(None), start);
        assert_eq!(pending.due_at(), Some(start + QUIET));
        for step in 1..1000 {
            pending.note(change(None), start + Duration::from_millis(step));
        }
        assert_eq!(pending.due_at(), Some(start + LONGEST));
    }

    #[test]
    fn a_half_written_file_is_waited_for() {
        let start = Instant::now();
        let mut pending = Pending::default();
        pending.note(change(Some(true)), start);
        assert_eq!(pending.due_at(), Some(start + LONGEST_WRITE));
        pending.note(change(Some(false)), start + Duration::from_millis(40));
        assert_eq!(pending.due_at(), Some(start + Duration::from_millis(40) + QUIET));
    }
}
