//! Real Redis or Valkey servers for tests: each in a folder of its own, on ports of its own, and gone with its test.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A server under way.
pub(crate) struct Server {
    pub(crate) port: u16,
    more: Vec<String>,
    folder: tempfile::TempDir,
    child: Option<Child>,
    stopped: bool,
}

impl Server {
    /// Starts one; `more` are further settings as on the command line.
    pub(crate) fn start(more: &[&str]) -> Self {
        let more = more.iter().map(ToString::to_string).collect();
        let folder = tempfile::tempdir().expect("a folder");
        let mut server = Self { port: 0, more, folder, child: None, stopped: false };
        // Another program may be faster to take a port.
        for _ in 0..20 {
            server.port = free_port();
            if server.run() {
                return server;
            }
        }
        panic!("no server of Redis could be started");
    }

    /// Starts it again on its port, with the data that it saved.
    pub(crate) fn restart(&mut self) {
        assert!(self.run(), "the server does not start again on port {}", self.port);
    }

    fn run(&mut self) -> bool {
        let port = self.port.to_string();
        let mut child = Command::new(program())
            .args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--daemonize", "no", "--dir"])
            .arg(self.folder.path())
            .args(&self.more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|length| length > 0) {
            if line.contains("Ready to accept connections") {
                // What it says from now on must not fill the pipe.
                std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
                self.child = Some(child);
                self.stopped = false;
                return true;
            }
            line.clear();
        }
        let _ = child.kill();
        let _ = child.wait();
        false
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Asks it something, and gives the answer as it is on the wire.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
        let mut command = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            write!(command, "${}\r\n{word}\r\n", word.len()).expect("memory takes it");
        }
        // Its answer to this ends what is read.
        command.extend_from_slice(b"*1\r\n$4\r\nQUIT\r\n");
        stream.write_all(&command).expect("it takes the command");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("it answers");
        let answer = String::from_utf8_lossy(&answer);
        answer.strip_suffix("+OK\r\n").unwrap_or(&answer).trim_end().to_owned()
    }

    /// Stops it in the midst of whatever it does; it keeps its connections.
    pub(crate) fn hang(&mut self) {
        self.signal("STOP");
        self.stopped = true;
    }

    /// Lets it go on.
    pub(crate) fn go_on(&mut self) {
        self.signal("CONT");
        self.stopped = false;
    }

    /// Ends it without warning.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().expect("it runs").id();
        let status = Command::new("sh").arg("-c").arg(format!("kill -{signal} {id}")).status();
        assert!(status.is_ok_and(|status| status.success()), "the server is gone");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A cluster of three masters, each with a third of the slots.
pub(crate) struct Cluster(pub(crate) Vec<Server>);

impl Cluster {
    pub(crate) fn start() -> Self {
        let bus = |_| free_port().to_string();
        let nodes: Vec<Server> = (0..3)
            .map(bus)
            .map(|bus| {
                Server::start(&["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", &bus])
            })
            .collect();
        let addresses = nodes.iter().map(|node| format!("127.0.0.1:{}", node.port));
        let made = Command::new("redis-cli").args(["--cluster", "create", "--cluster-yes"]).args(addresses).output();
        let made = made.expect("redis-cli runs; tests/install.sh installs what the tests need");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stdout));
        for node in &nodes {
            until("the cluster is whole", || node.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok"));
        }
        Self(nodes)
    }

    pub(crate) fn url(&self) -> String {
        let hosts: Vec<String> = self.0.iter().map(|node| format!("127.0.0.1:{}", node.port)).collect();
        format!("redis://{}", hosts.join(","))
    }
}

/// Waits for something to become true.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    for _ in 0..6000 {
        if holds() {
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    panic!("waited in vain: {what}");
}

/// The server's program. A machine without one fails the test: what is not tried is not known to work.
fn program() -> &'static str {
    ["redis-server", "valkey-server"]
        .into_iter()
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|output| output.status.success()))
        .expect("neither redis-server nor valkey-server is installed; tests/install.sh installs what the tests need")
}

/// A port that nothing listens on, below the range from which the kernel lends ports to outgoing connections.
fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let step = NEXT.fetch_add(1, Ordering::Relaxed);
        let port = (10_000 + (std::process::id().wrapping_mul(41).wrapping_add(step)) % 22_000) as u16;
        if TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok() {
            return port;
        }
    }
}
