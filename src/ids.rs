//! Identifiers and the one source of randomness.
//!
//! Decides how sites and visitors are named. Knows nothing of cookies, stores or requests.

use std::fmt;
use std::sync::Arc;

/// Names a site: the name of its folder under `rules/sites/`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SiteId(Arc<str>);

impl SiteId {
    /// Makes an id of a folder name.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self(Arc::from(name))
    }

    /// The folder name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SiteId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SiteId({})", self.0)
    }
}

/// Names a visitor: 128 random bits, unique to one browser on one site.
///
/// It has no `Display`, and its `Debug` hides the value: an id never gets into a log by accident.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VisitorId(pub [u8; 16]);

impl VisitorId {
    /// Mints a new id.
    #[must_use]
    pub fn mint(random: &dyn Random) -> Self {
        let mut bytes = [0; 16];
        random.fill(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Debug for VisitorId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("VisitorId(…)")
    }
}

/// A source of unpredictable bytes, passed in so that tests can pin it.
pub trait Random: Send + Sync {
    /// Fills the slice with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// The operating system's randomness (`getrandom(2)`).
#[derive(Debug, Clone, Copy, Default)]
pub struct OsRandom;

impl Random for OsRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // An operating system without randomness cannot run a proxy: nothing is left to fall back on.
        #[expect(
            clippy::expect_used,
            clippy::disallowed_methods,
            reason = "the one place; getrandom(2) on Linux fails only on a kernel without it"
        )]
        getrandom::fill(bytes).expect("the operating system gives randomness");
    }
}
