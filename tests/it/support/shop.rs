//! A real storefront that nobody here wrote.

use super::eventually;
use super::gateway::try_get;
use super::process::{Process, free_address};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// A running copy of the shop, with a database of its own.
pub(crate) struct Oscar {
    _process: Process,
    address: SocketAddr,
    _dir: TempDir,
}

impl Oscar {
    /// Starts the shop, which answers to `host`. The first start installs it.
    pub(crate) fn start(host: &str) -> Self {
        let address = free_address();
        let dir = TempDir::new().unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/shops/oscar/up.sh");
        let mut command = Command::new(script);
        command.arg(address.port().to_string()).env("SHOP_HOSTS", format!("{host},127.0.0.1"));
        command.env("SHOP_TRUSTED_ORIGINS", format!("http://{host}"));
        let mut process = Process::start("oscar", &mut command, &dir.path().join("log"));
        let start = std::time::Instant::now();
        // Installing takes a minute, which is longer than anything else is waited for.
        while start.elapsed() < std::time::Duration::from_secs(240) && try_get(address, "/catalogue/") != Some(200) {
            assert!(process.ended().is_none(), "the shop ended at its start:\n{}", process.log());
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        eventually("the shop answers", || (try_get(address, "/catalogue/") == Some(200)).then_some(()));
        Self { _process: process, address, _dir: dir }
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}
