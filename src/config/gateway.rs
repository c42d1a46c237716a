//! The process's own settings: `gateway.toml`. Everything has a default, so the file may be missing.
//!
//! Decides what the settings are and which values are sound; it does not know what is done with them.

mod breaker;
mod limits;
mod log;
mod store;

pub use breaker::{BREAKER, Breaker};
pub use limits::{LIMITS, Limits};
pub use log::{LOG, Log, LogFormat};
pub use store::{STORE, StorePlace, Stores};

use super::diagnostic::Problems;
use super::reader::{Placed, Table};
use super::settings::{Section, Setting, setting};
use super::source::Sources;
use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The file's name in the rules folder.
pub const FILE: &str = "gateway.toml";

/// Settings of the process. Paths that are not absolute start from the folder that Noren is started in.
#[derive(Debug, Clone, PartialEq)]
pub struct Gateway {
    /// Where plain http is spoken.
    pub listen: Vec<SocketAddr>,
    /// Where https is spoken.
    pub tls_listen: Vec<SocketAddr>,
    /// Where health, readiness and metrics are answered.
    pub ops_listen: SocketAddr,
    /// Folder of certificates.
    pub certs: PathBuf,
    /// Folder of the embedded store and of the keys.
    pub data: PathBuf,
    /// Worker threads; as many as there are processors if not set.
    pub threads: Option<usize>,
    /// Whose `X-Forwarded-*` is believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Answers plain http with a redirect to https, unless a site says otherwise.
    pub https_redirect: bool,
    /// MaxMind-format database for `geo.*`.
    pub geo_database: Option<PathBuf>,
    /// How long requests under way may take to end when Noren stops.
    pub grace_period: Duration,
    /// Limits.
    pub limits: Limits,
    /// When rewriting is turned off for a site.
    pub breaker: Breaker,
    /// What is logged, and how.
    pub log: Log,
    /// Where things are kept.
    pub store: Stores,
}

/// The top of `gateway.toml`.
pub static GATEWAY: Section = Section {
    file: FILE,
    header: "",
    help: "Settings of the process. The file may be missing; command line flags win over it. Paths start from the folder that \
           Noren is started in.",
    settings: &[
        LISTEN,
        setting(
            "tls_listen",
            "list of addresses",
            "[]",
            "Where https is spoken. Needs a certificate in `certs`. Needs a restart.",
        ),
        setting(
            "ops_listen",
            "address",
            "\"127.0.0.1:9090\"",
            "Where `/healthz`, `/readyz` and `/metrics` are answered. Needs a restart.",
        ),
        setting("certs", "path", "\"certs\"", "Folder of certificates: `HOST.pem` with `HOST.key`. Needs a restart."),
        setting("data", "path", "\"data\"", "Folder of the embedded store and of Noren's keys. Needs a restart."),
        setting(
            "threads",
            "whole number",
            "",
            "Worker threads; as many as there are processors if not set. Needs a restart.",
        ),
        setting(
            "trusted_proxies",
            "list of addresses or networks",
            "[]",
            "Proxies in front of Noren whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed, such as `10.0.0.0/8`.",
        ),
        setting(
            "https_redirect",
            "true or false",
            "false",
            "Answers plain http with a redirect to https, on every site that does not say otherwise.",
        ),
        setting("geo_database", "path", "", "MaxMind-format database from which `geo.*` is known. Needs a restart."),
        setting("grace_period", "duration", "\"30s\"", "How long requests under way may take to end when Noren stops."),
        setting("limits", "table", "", "See `[limits]`."),
        setting("breaker", "table", "", "See `[breaker]`."),
        setting("log", "table", "", "See `[log]`."),
        setting("store", "table", "", "See `[store]`."),
    ],
};

const LISTEN: Setting = setting(
    "listen",
    "list of addresses",
    "[\"0.0.0.0:8080\"]",
    "Where plain http is spoken. `[::]:8080` takes IPv6, and on most systems IPv4 too. Needs a restart.",
);

impl Default for Gateway {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080))],
            tls_listen: Vec::new(),
            ops_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 9090)),
            certs: "certs".into(),
            data: "data".into(),
            threads: None,
            trusted_proxies: Vec::new(),
            https_redirect: false,
            geo_database: None,
            grace_period: Duration::from_secs(30),
            limits: Limits::default(),
            breaker: Breaker::default(),
            log: Log::default(),
            store: Stores::default(),
        }
    }
}

impl Gateway {
    /// Reads `gateway.toml` of a rules folder; defaults if there is none, nothing if it has errors.
    pub fn load(rules: &Path, sources: &mut Sources, problems: &mut Problems) -> Option<Self> {
        let file = Path::new(FILE);
        if rules.join(file).symlink_metadata().is_err() {
            return Some(Self::default());
        }
        // Its own limit is not known yet.
        let text = super::source::read(rules, file, Limits::default().max_file_size, sources, problems)?;
        Self::parse(&text, file, problems)
    }

    /// Reads the text of a `gateway.toml`; nothing if it has errors.
    pub(crate) fn parse(text: &str, file: &Path, problems: &mut Problems) -> Option<Self> {
        super::document::read(text, file, problems, |table| Self::read(table.documented(&GATEWAY)))
    }

    fn read(mut table: Table<'_, '_>) -> Self {
        let default = Self::default();
        let gateway = Self {
            listen: addresses(&mut table, "listen").unwrap_or(default.listen),
            tls_listen: addresses(&mut table, "tls_listen").unwrap_or(default.tls_listen),
            ops_listen: table
                .string("ops_listen")
                .and_then(|text| address(&table, "ops_listen", &text))
                .unwrap_or(default.ops_listen),
            certs: path(&mut table, "certs").unwrap_or(default.certs),
            data: path(&mut table, "data").unwrap_or(default.data),
            threads: table.integer("threads", 1..=1024).map(|number| number.value as usize),
            trusted_proxies: networks(&mut table, "trusted_proxies"),
            https_redirect: table.bool("https_redirect").is_some_and(|found| found.value),
            geo_database: path(&mut table, "geo_database"),
            grace_period: table.duration("grace_period").map_or(default.grace_period, |found| found.value),
            limits: table.table("limits").map(Limits::read).unwrap_or_default(),
            breaker: table.table("breaker").map(Breaker::read).unwrap_or_default(),
            log: table.table("log").map(Log::read).unwrap_or_default(),
            store: table.table("store").map(Stores::read).unwrap_or_default(),
        };
        table.finish();
        gateway
    }

    /// Names of the settings that differ and take effect only at a restart.
    #[must_use]
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        [
            ("listen", self.listen != new.listen),
            ("tls_listen", self.tls_listen != new.tls_listen),
            ("ops_listen", self.ops_listen != new.ops_listen),
            ("certs", self.certs != new.certs),
            ("data", self.data != new.data),
            ("threads", self.threads != new.threads),
            ("geo_database", self.geo_database != new.geo_database),
            ("log", self.log != new.log),
            ("catalogue_memory", self.limits.catalogue_memory != new.limits.catalogue_memory),
            ("store", self.store != new.store),
        ]
        .into_iter()
        .filter_map(|(name, differs)| differs.then_some(name))
        .collect()
    }
}

fn addresses(table: &mut Table<'_, '_>, key: &'static str) -> Option<Vec<SocketAddr>> {
    let texts = table.strings(key)?;
    Some(texts.value.iter().filter_map(|text| address(table, key, text)).collect())
}

fn address(table: &Table<'_, '_>, key: &str, text: &Placed<String>) -> Option<SocketAddr> {
    let found = text.value.parse().ok();
    if found.is_none() {
        table.error(
            "bad-address",
            text.span.clone(),
            format!("`{}` is no address to listen on", text.value),
            Some(format!("write address and port: `{key} = \"0.0.0.0:8080\"`, or \"[::]:8080\" for IPv6")),
        );
    }
    found
}

fn path(table: &mut Table<'_, '_>, key: &'static str) -> Option<PathBuf> {
    let text = table.string(key)?;
    if text.value.is_empty() {
        table.error(
            "empty-path",
            text.span,
            format!("`{key}` is empty"),
            Some("name a path, or leave the line out".into()),
        );
        return None;
    }
    Some(text.value.into())
}

fn networks(table: &mut Table<'_, '_>, key: &'static str) -> Vec<IpNet> {
    let Some(texts) = table.strings(key) else { return Vec::new() };
    let mut networks = Vec::with_capacity(texts.value.len());
    for text in texts.value {
        // A proxy is named by one address as often as by a network.
        let found = text.value.parse::<IpNet>().or_else(|_| text.value.parse::<IpAddr>().map(IpNet::from));
        match found {
            Ok(network) => networks.push(network.trunc()),
            Err(_) => table.error(
                "bad-network",
                text.span,
                format!("`{}` is no address or network", text.value),
                Some("write `10.0.0.0/8`, `192.0.2.7` or `2001:db8::/32`".into()),
            ),
        }
    }
    networks
}

#[cfg(test)]
mod tests;
