//! Shops that are programs of their own: a real storefront that nobody here wrote, and small ones that React and Vue render.

use super::eventually;
use super::gateway::try_get;
use super::process::{Process, free_address};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A running copy of the storefront, with a database of its own.
pub(crate) struct Oscar(Running);

/// A running copy of another one, which is rendered by React, on the server and again in the browser.
pub(crate) struct EverShop(Running);

/// A running copy of the small shop in React.
pub(crate) struct ReactShop(Running);

/// A running copy of the small shop in Vue.
pub(crate) struct VueShop(Running);

impl Oscar {
    /// Starts the shop, which answers to `host`. The first start installs it.
    pub(crate) fn start(host: &str) -> Self {
        Self(Running::start("oscar", "/catalogue/", Process::start, |command, port| {
            command.arg(port).env("SHOP_HOSTS", format!("{host},127.0.0.1"));
            command.env("SHOP_TRUSTED_ORIGINS", format!("http://{host}"));
        }))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }
}

impl EverShop {
    /// Starts the shop, which calls itself `host`. tests/install.sh has built it, since that takes minutes.
    pub(crate) fn start(host: &str) -> Self {
        // Right after its start it knows its first page, but not yet the addresses of categories.
        Self(Running::start("evershop", "/accessories", Process::start_tied, |command, port| {
            command.arg(port).env("SHOP_HOME_URL", format!("http://{host}"));
        }))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }
}

impl ReactShop {
    /// Starts the shop with a version of React, 18 or 19. The first start installs it.
    pub(crate) fn start(version: u32) -> Self {
        Self(Running::start("react", "/", Process::start, |command, port| {
            command.arg(version.to_string()).arg(port);
        }))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }
}

impl VueShop {
    /// Starts the shop. The first start installs it.
    pub(crate) fn start() -> Self {
        Self(Running::start("vue", "/", Process::start, |command, port| {
            command.arg(port);
        }))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.0.address
    }
}

/// A shop that its script `tests/shops/NAME/up.sh` has started.
struct Running {
    _process: Process,
    address: SocketAddr,
    _dir: TempDir,
}

impl Running {
    fn start(
        name: &'static str,
        page: &str,
        start: impl FnOnce(&'static str, &mut Command, &Path) -> Process,
        arguments: impl FnOnce(&mut Command, String),
    ) -> Self {
        let address = free_address();
        let dir = TempDir::new().unwrap();
        let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/shops/{name}/up.sh")));
        arguments(&mut command, address.port().to_string());
        let mut process = start(name, &mut command, &dir.path().join("log"));
        let start = std::time::Instant::now();
        // Installing takes a minute, which is longer than anything else is waited for.
        while start.elapsed() < std::time::Duration::from_secs(240) && try_get(address, page) != Some(200) {
            assert!(process.ended().is_none(), "the shop ended at its start:\n{}", process.log());
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        eventually("the shop answers", || (try_get(address, page) == Some(200)).then_some(()));
        Self { _process: process, address, _dir: dir }
    }
}
