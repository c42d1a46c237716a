//! The real binary, run as an ops team runs it.

use super::client::{Request, fetch};
use super::process::{Process, free_address};
use super::{PATIENCE, eventually};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;
use tempfile::TempDir;

/// A running gateway.
pub(crate) struct Gateway {
    process: Process,
    addresses: Addresses,
    arguments: Vec<String>,
    /// Data and log outlive a restart.
    dir: TempDir,
}

#[derive(Clone, Copy)]
struct Addresses {
    plain: SocketAddr,
    tls: SocketAddr,
    ops: SocketAddr,
}

impl Gateway {
    /// `noren serve` with these rules.
    pub(crate) fn serve(rules: &Path) -> Self {
        Self::serve_with_certificates(rules, None)
    }

    /// `noren serve` with these rules, over TLS too.
    pub(crate) fn serve_tls(rules: &Path, certificates: &Path) -> Self {
        Self::serve_with_certificates(rules, Some(certificates))
    }

    /// `noren serve` with these rules, beside another gateway whose visitors it knows.
    pub(crate) fn serve_beside(rules: &Path, other: &Self) -> Self {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        std::fs::create_dir(&data).unwrap();
        for name in ["keys", "prefix"] {
            std::fs::copy(other.data().join(name), data.join(name)).unwrap();
        }
        let rules = rules.display().to_string();
        Self::start_in(dir, Command::new(env!("CARGO_BIN_EXE_noren")), |_| {
            vec!["serve".to_owned(), "--rules".to_owned(), rules.clone()]
        })
    }

    /// `noren demo`.
    pub(crate) fn demo() -> Self {
        Self::start(|_| vec!["demo".to_owned()])
    }

    fn serve_with_certificates(rules: &Path, certificates: Option<&Path>) -> Self {
        Self::start(|addresses| {
            let mut arguments = vec!["serve".to_owned(), "--rules".to_owned(), rules.display().to_string()];
            if let Some(folder) = certificates {
                arguments.extend(["--certs".to_owned(), folder.display().to_string()]);
                arguments.extend(["--tls-listen".to_owned(), addresses.tls.to_string()]);
            }
            arguments
        })
    }

    /// `noren serve` with these rules, started by a command that is given the program and its arguments.
    pub(crate) fn serve_by(rules: &Path, command: impl FnOnce(&Path) -> Command) -> Self {
        let rules = rules.display().to_string();
        Self::start_by(command(Path::new(env!("CARGO_BIN_EXE_noren"))), |_| {
            vec!["serve".to_owned(), "--rules".to_owned(), rules.clone()]
        })
    }

    fn start(arguments: impl Fn(Addresses) -> Vec<String>) -> Self {
        Self::start_by(Command::new(env!("CARGO_BIN_EXE_noren")), arguments)
    }

    fn start_by(command: Command, arguments: impl Fn(Addresses) -> Vec<String>) -> Self {
        Self::start_in(TempDir::new().unwrap(), command, arguments)
    }

    fn start_in(dir: TempDir, command: Command, arguments: impl Fn(Addresses) -> Vec<String>) -> Self {
        let addresses = Addresses { plain: free_address(), tls: free_address(), ops: free_address() };
        let mut arguments = arguments(addresses);
        arguments.extend(["--listen".to_owned(), addresses.plain.to_string()]);
        arguments.extend(["--ops".to_owned(), addresses.ops.to_string()]);
        arguments.extend(["--data".to_owned(), dir.path().join("data").display().to_string()]);
        let process = launch(command, &arguments, dir.path(), None);
        let mut gateway = Self { process, addresses, arguments, dir };
        gateway.await_ready();
        gateway
    }

    /// Where it serves plain http.
    pub(crate) fn address(&self) -> SocketAddr {
        self.addresses.plain
    }

    /// Where it serves https.
    pub(crate) fn tls_address(&self) -> SocketAddr {
        self.addresses.tls
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        self.process.log()
    }

    /// Sends a request on a connection of its own.
    pub(crate) fn fetch(&self, request: &Request) -> super::Response {
        fetch(self.address(), request)
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.dir.path().join("data")
    }

    /// Ends it without warning.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }

    /// Asks it to stop.
    pub(crate) fn terminate(&self) {
        self.process.signal("TERM");
    }

    /// Waits until it has ended.
    pub(crate) fn await_end(&mut self) -> ExitStatus {
        eventually("the gateway ends", || self.process.ended())
    }

    /// Starts it again with the same settings and data.
    pub(crate) fn start_again(&mut self) {
        self.relaunch(None);
    }

    /// Starts the next process, which takes the sockets over. Tells how the old one ended, once it has.
    pub(crate) fn upgrade(&mut self) -> ExitStatus {
        let arguments = [self.arguments.as_slice(), &["--upgrade".to_owned()]].concat();
        let next = launch(Command::new(env!("CARGO_BIN_EXE_noren")), &arguments, self.dir.path(), None);
        let status = self.await_end();
        self.process = next;
        self.await_ready();
        status
    }

    /// Stops it, and starts it again with a clock that is `later`.
    pub(crate) fn restart_later(&mut self, later: Duration) {
        self.terminate();
        self.await_end();
        self.relaunch(Some(later));
    }

    fn relaunch(&mut self, later: Option<Duration>) {
        let command = Command::new(env!("CARGO_BIN_EXE_noren"));
        self.process = launch(command, &self.arguments, self.dir.path(), later);
        self.await_ready();
    }

    fn await_ready(&mut self) {
        let (process, ops) = (&mut self.process, self.addresses.ops);
        eventually("the gateway is ready", || {
            if let Some(status) = process.ended() {
                panic!("the gateway ended at its start: {status}\n{}", process.log());
            }
            (try_get(ops, "/readyz")? == 200).then_some(())
        });
    }

    /// The sum of a metric over all its series whose labels contain `labels`; 0 if there is none.
    pub(crate) fn metric(&self, name: &str, labels: &str) -> f64 {
        let text = self.metrics();
        let series = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            let (found, value) = rest.rsplit_once(' ')?;
            let whole_name = found.is_empty() || found.starts_with('{');
            (whole_name && found.contains(labels)).then(|| value.parse::<f64>().unwrap())
        });
        series.sum()
    }

    /// The same of a metric that counts.
    pub(crate) fn count(&self, name: &str, labels: &str) -> u64 {
        // The sum of nothing is -0.
        (self.metric(name, labels) + 0.0).to_string().parse().unwrap()
    }

    /// All metrics, as a scraper gets them.
    pub(crate) fn metrics(&self) -> String {
        fetch(self.addresses.ops, &Request::new("GET", "/metrics").host("127.0.0.1")).text()
    }
}

/// The library that shifts a process's calendar.
pub(crate) fn faketime() -> String {
    let library = format!("/usr/lib/{}-linux-gnu/faketime/libfaketime.so.1", std::env::consts::ARCH);
    assert!(Path::new(&library).exists(), "{library} is missing; tests/install.sh installs it");
    library
}

fn launch(mut command: Command, arguments: &[String], dir: &Path, later: Option<Duration>) -> Process {
    command.args(arguments).current_dir(dir).env("NO_COLOR", "1");
    if let Some(later) = later {
        command.env("LD_PRELOAD", faketime()).env("FAKETIME", format!("+{}s", later.as_secs()));
        // Only the calendar moves: timers must go on as they are.
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    }
    Process::start("noren", &mut command, &dir.join("log"))
}

/// The status of a page, or `None` if nobody listens yet.
pub(crate) fn try_get(address: SocketAddr, path: &str) -> Option<u16> {
    let stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut connection = super::Connection::over(stream);
    connection.send(&Request::new("GET", path).host(&address.to_string()));
    connection.body().try_head("GET").map(|head| head.status)
}
