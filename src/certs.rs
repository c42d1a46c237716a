//! Certificates by host name, from a folder, exchanged while connections are being made.
//!
//! Decides which certificate answers which name. A pair that cannot be used leaves the last good one of its name in place. Knows
//! nothing of listeners or sites.

mod pair;

use crate::config::diagnostic::Problems;
use ahash::AHashMap;
use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All certificates of a folder: `HOST.pem` with `HOST.key`, or `_.example.com.pem` (also `*.example.com.pem`) for all names one
/// level under `example.com`.
#[derive(Debug)]
pub struct CertStore {
    folder: Option<PathBuf>,
    served: ArcSwap<Served>,
    /// Answers every name that has no certificate. The demo's alone.
    fallback: Option<Arc<CertifiedKey>>,
}

/// Certificates by name: a host, or `.example.com` for a wildcard.
#[derive(Debug, Default)]
struct Served(AHashMap<String, Arc<CertifiedKey>>);

impl CertStore {
    /// A store of a folder. It is empty until [`CertStore::reload`] is called.
    #[must_use]
    pub fn of_folder(folder: PathBuf) -> Self {
        Self { folder: Some(folder), served: ArcSwap::default(), fallback: None }
    }

    /// A store of a folder, read.
    ///
    /// # Errors
    /// When the folder cannot be read. What is wrong with files in it is in the problems.
    pub fn open(folder: &Path, now: Timestamp) -> io::Result<(Self, Problems)> {
        std::fs::read_dir(folder)?;
        let store = Self::of_folder(folder.to_owned());
        let problems = store.reload(now);
        Ok((store, problems))
    }

    /// A store of one self-signed certificate, made anew: for the demo, where nothing is at stake.
    ///
    /// # Errors
    /// When a name cannot stand in a certificate.
    pub fn self_signed(names: &[&str]) -> Result<Self, rcgen::Error> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(Self { folder: None, served: ArcSwap::default(), fallback: Some(Arc::new(pair::self_signed(names)?)) })
    }

    /// The folder, if there is one.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// How many names there are certificates for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.served.load().0.len()
    }

    /// Whether no name has a certificate.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads the folder again. Problems name files relative to it; a pair with an error keeps its last good state.
    pub fn reload(&self, now: Timestamp) -> Problems {
        let mut problems = Problems::default();
        let Some(folder) = &self.folder else { return problems };
        let pairs = match list(folder) {
            Ok(pairs) => pairs,
            Err(error) => {
                let help = "make the folder, or name another: `certs` in gateway.toml, or `--certs`".to_owned();
                let message = format!("the folder of certificates cannot be read: {error}");
                problems.error("no-certificates", folder, 0..0, message, Some(help));
                return problems;
            }
        };
        let last = self.served.load();
        let mut served = Served::default();
        for (stem, present) in pairs {
            let name = name_of(&stem);
            let key = pair::load(folder, &stem, &name, &present, now, &mut problems).map(Arc::new);
            if let Some(key) = key.or_else(|| last.0.get(&name).cloned()) {
                served.0.insert(name, key);
            }
        }
        drop(last);
        self.served.store(Arc::new(served));
        problems
    }

    /// The certificate of a name: exact, then wildcard, then the fallback. A client that names nothing gets the only one there is.
    #[must_use]
    pub fn for_name(&self, name: Option<&str>) -> Option<Arc<CertifiedKey>> {
        let served = &self.served.load().0;
        let found = match name {
            Some(name) => {
                let name = name.to_ascii_lowercase();
                served.get(&name).or_else(|| served.get(name.get(name.find('.')?..)?))
            }
            None if served.len() == 1 => served.values().next(),
            None => None,
        };
        found.or(self.fallback.as_ref()).cloned()
    }
}

impl ResolvesServerCert for CertStore {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.for_name(hello.server_name())
    }
}

/// Which files of a pair are there.
#[derive(Debug, Default)]
struct Present {
    certificate: bool,
    key: bool,
}

/// The pairs of a folder by stem. Hidden files are none of ours: Kubernetes keeps its own there.
fn list(folder: &Path) -> io::Result<BTreeMap<String, Present>> {
    let mut pairs: BTreeMap<String, Present> = BTreeMap::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.')) else { continue };
        if let Some(stem) = name.strip_suffix(".pem") {
            pairs.entry(stem.to_owned()).or_default().certificate = true;
        } else if let Some(stem) = name.strip_suffix(".key") {
            pairs.entry(stem.to_owned()).or_default().key = true;
        }
    }
    Ok(pairs)
}

/// The name under which a pair is served.
fn name_of(stem: &str) -> String {
    let name = stem.to_ascii_lowercase();
    name.strip_prefix(['_', '*']).filter(|rest| rest.starts_with('.')).map_or_else(|| name.clone(), str::to_owned)
}

#[cfg(test)]
mod tests;
