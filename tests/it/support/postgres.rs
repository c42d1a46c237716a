//! A PostgreSQL server of one's own: a cluster in a folder of its own, on a socket in that folder, for as long as the test runs.
//!
//! The library's unit tests use this file too.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// A running server.
pub(crate) struct Cluster {
    dir: TempDir,
    /// Ends the server when this process is gone, however that happens.
    guard: Option<Child>,
    settings: Vec<String>,
}

/// So often it is looked whether a server has started: longer than any machine takes.
const LOOKS: u32 = 3_000;

/// Makes the cluster unless it is there, runs the server, and ends it when the standard input does; with it goes the folder, unless
/// somebody says `keep`. PostgreSQL refuses to run as root.
const GUARD: &str = r#"
bin=$1 dir=$2; shift 2
as=
if [ "$(id -u)" = 0 ]; then
    chown nobody "$dir"
    as="setpriv --reuid=nobody --regid=$(id -g nobody) --clear-groups"
fi
[ -e "$dir/data" ] || $as "$bin/initdb" --pgdata "$dir/data" --auth trust --username noren --no-sync --no-locale --encoding UTF8 || exit 1
$as "$bin/postgres" -D "$dir/data" -k "$dir" -c listen_addresses= "$@" &
server=$!
word=
read -r word
kill -INT $server; kill -CONT $server; wait $server
[ "$word" = keep ] || rm -rf "$dir"
"#;

impl Cluster {
    /// Starts a server. It does not wait for its disk: what it is trusted with ends with the test.
    pub(crate) fn start() -> Self {
        Self::start_with(&["fsync=off"])
    }

    /// Starts a server with these settings.
    pub(crate) fn start_with(settings: &[&str]) -> Self {
        let settings = settings.iter().map(|setting| format!("-c{setting}")).collect();
        let mut cluster = Self { dir: TempDir::new().unwrap(), guard: None, settings };
        cluster.start_again();
        cluster.sql_in("postgres", "CREATE DATABASE noren");
        cluster
    }

    /// Starts it again with the same data.
    pub(crate) fn start_again(&mut self) {
        let log = std::fs::File::options().create(true).append(true).open(self.log_file()).unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", GUARD, "guard"]).arg(binaries()).arg(self.dir.path()).args(&self.settings);
        command.stdin(Stdio::piped()).stdout(log.try_clone().unwrap()).stderr(log);
        self.guard = Some(command.spawn().unwrap());
        let mut looks = 0;
        while !self.is_ready() {
            let ended = self.guard.as_mut().and_then(|guard| guard.try_wait().unwrap());
            assert!(ended.is_none() && looks < LOOKS, "PostgreSQL does not start:\n{}", self.log());
            looks += 1;
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops it, and keeps its data.
    pub(crate) fn stop(&mut self) {
        self.end("keep\n");
    }

    /// Its database's address.
    pub(crate) fn url(&self) -> String {
        format!("postgres://noren@/noren?host={}", self.dir.path().display())
    }

    /// Runs SQL in its database, and gives the first value.
    pub(crate) fn sql(&self, text: &str) -> String {
        self.sql_in("noren", text)
    }

    /// A client of its database that runs SQL.
    pub(crate) fn client(&self, text: &str) -> Command {
        self.psql("noren", text)
    }

    /// Its processes: the first is the parent of the others.
    pub(crate) fn processes(&self) -> Vec<u32> {
        let lock = std::fs::read_to_string(self.dir.path().join("data/postmaster.pid")).unwrap();
        let parent: u32 = lock.lines().next().unwrap().trim().parse().unwrap();
        let children = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
            let child = entry.file_name().to_str()?.parse().ok()?;
            let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
            // The name, in brackets, may hold anything; the state and the parent follow it.
            let of = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse::<u32>().ok()?;
            (of == parent).then_some(child)
        });
        std::iter::once(parent).chain(children).collect()
    }

    /// Ends it as a power cut would, except that what it wrote is there. [`Self::stop`] tidies up behind it.
    pub(crate) fn crash(&self) {
        for process in self.processes() {
            let _ = Command::new("kill").args(["-KILL", &process.to_string()]).status();
        }
    }

    /// Its log so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    fn is_ready(&self) -> bool {
        let output = self.psql("postgres", "SELECT 1").output().unwrap();
        output.status.success()
    }

    fn sql_in(&self, database: &str, text: &str) -> String {
        let output = self.psql(database, text).output().unwrap();
        assert!(output.status.success(), "{text}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
    }

    fn psql(&self, database: &str, text: &str) -> Command {
        let mut command = Command::new(binaries().join("psql"));
        command.args(["--no-psqlrc", "-qAt", "-v", "ON_ERROR_STOP=1", "-U", "noren", "-d", database, "-h"]);
        let port = self.settings.iter().find_map(|setting| setting.strip_prefix("-cport="));
        command
            .arg(self.dir.path())
            .args(["-p", port.unwrap_or("5432"), "-c", text])
            .env("PGOPTIONS", "-c search_path=noren");
        command
    }

    fn log_file(&self) -> PathBuf {
        self.dir.path().join("log")
    }

    fn end(&mut self, word: &str) {
        if let Some(mut guard) = self.guard.take() {
            let _ = guard.stdin.take().unwrap().write_all(word.as_bytes());
            let _ = guard.wait();
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.end("");
    }
}

/// Where the server's programs are.
fn binaries() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let packages = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut versions: Vec<PathBuf> = packages.flatten().map(|version| version.path().join("bin")).collect();
    versions.sort();
    places.extend(versions.into_iter().rev());
    let whole = |place: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|program| place.join(program).exists());
    places.into_iter().find(whole).expect("PostgreSQL is missing; tests/install.sh installs it")
}
