//! Child processes that end with their test, and ports for them.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// A loopback address that nothing listens on, below the range from which the kernel lends ports to outgoing connections.
pub(crate) fn free_address() -> SocketAddr {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        // Tests run in processes side by side: each begins elsewhere.
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = 10_000 + (std::process::id().wrapping_mul(37).wrapping_add(step)) % 22_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port as u16));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}

/// A child process whose output is kept, and shown if the test fails.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command`; what it says goes to `log`.
    pub(crate) fn start(name: &'static str, command: &mut Command, log: &Path) -> Self {
        Self::start_reading(name, command, log, Stdio::null())
    }

    /// Starts a `command` that has processes of its own, and ends them once its standard input ends.
    pub(crate) fn start_tied(name: &'static str, command: &mut Command, log: &Path) -> Self {
        Self::start_reading(name, command, log, Stdio::piped())
    }

    fn start_reading(name: &'static str, command: &mut Command, log: &Path, input: Stdio) -> Self {
        let out = File::options().create(true).append(true).open(log).unwrap();
        let child = command.stdin(input).stdout(out.try_clone().unwrap()).stderr(out).spawn().unwrap_or_else(|error| {
            panic!("{name} does not start: {error}; tests/install.sh installs what the tests need")
        });
        Self { name, child, log: log.to_owned() }
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Sends a signal, by its name without `SIG`.
    pub(crate) fn signal(&self, signal: &str) {
        let status = Command::new("sh").arg("-c").arg(format!("kill -{signal} {}", self.id())).status().unwrap();
        assert!(status.success(), "{} is gone", self.name);
    }

    /// Ends it without warning (SIGKILL), or by its standard input.
    pub(crate) fn kill(&mut self) {
        if self.child.stdin.take().is_some() {
            let start = std::time::Instant::now();
            while self.ended().is_none() && start.elapsed() < super::PATIENCE {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines.get(lines.len().saturating_sub(60)..).unwrap_or_default().join("\n");
            eprintln!("--- what {} said last ---\n{tail}\n---", self.name);
        }
    }
}
