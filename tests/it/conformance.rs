//! HTTP/1.1 and HTTP/2 by the letter of RFC 9112, 9113 and 7541, case by case.
//!
//! `tests/conformance/run.sh` runs the same cases against nginx, if it is there, and prints both beside each other.

mod h1;
mod h2;
mod hpack;

use crate::support::frames::{Frames, Verdict};
use crate::support::process::{Process, free_address};
use crate::support::{Gateway, Origin, Rules, eventually};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

/// What a server must do about something.
#[derive(Debug, Clone, Copy)]
enum Due {
    /// Answer the request in stream 1, and well.
    Served,
    /// Refuse the request in stream 1: by a status of 4xx or 5xx, a reset, or the end of the connection.
    Refused,
    /// End the connection.
    Ended,
    /// Go on as if nothing had happened: a ping comes back.
    Ignored,
}

/// A case of HTTP/2.
type Case = (&'static str, &'static str, fn(&mut Frames), Due);

/// What is wrong, if anything is.
fn judge(address: SocketAddr, case: &Case) -> Result<(), String> {
    let (_, _, act, due) = case;
    let mut client = Frames::open(address);
    client.impatient();
    act(&mut client);
    let verdict = match due {
        Due::Served | Due::Refused => client.verdict(1),
        Due::Ended => client.verdict(0),
        Due::Ignored => client.ping().map_or_else(|verdict| verdict, |()| Verdict::Status(200)),
    };
    let right = match due {
        Due::Served | Due::Ignored => verdict == Verdict::Status(200),
        Due::Refused => verdict.refuses(),
        Due::Ended => verdict.ends_connection(),
    };
    if right { Ok(()) } else { Err(format!("{verdict:?} where {due:?} is due")) }
}

fn h2_cases() -> Vec<Case> {
    [h2::CASES, hpack::CASES].concat()
}

/// A shop that gives back what it is sent.
fn echo() -> Origin {
    Origin::new(|request, wire| {
        let body = if request.body.is_empty() { b"page" } else { &request.body[..] };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n", body.len());
        wire.send(head);
        if request.method != "HEAD" {
            wire.send(body);
        }
    })
}

/// What the h2 library does not refuse. Trailers of a request go no further, so nobody is deceived by them.
const KNOWN: &[&str] = &["pseudo-header among trailers"];

fn assert_all(failures: &[(&str, String)]) {
    let unknown: Vec<_> = failures.iter().filter(|(what, _)| !KNOWN.contains(what)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn http_2_is_spoken_by_the_letter() {
    let origin = echo();
    let gateway = Gateway::serve(Rules::shop(origin.address()).path());
    let cases = h2_cases();
    let failures: Vec<_> =
        cases.iter().filter_map(|case| Some((case.1, judge(gateway.address(), case).err()?))).collect();
    assert_all(&failures);
    let known = KNOWN.iter().all(|what| failures.iter().any(|(failed, _)| failed == what));
    assert!(known, "what was known to fail does not any more: {failures:#?}");
}

#[test]
fn http_1_is_spoken_by_the_letter() {
    let origin = echo();
    let gateway = Gateway::serve(Rules::shop(origin.address()).path());
    let failures: Vec<_> =
        h1::CASES.iter().filter_map(|case| Some((case.1, h1::judge(gateway.address(), case).err()?))).collect();
    assert_all(&failures);
}

#[test]
#[ignore = "prints a table; run by tests/conformance/run.sh"]
fn table_beside_nginx() {
    let origin = echo();
    let gateway = Gateway::serve(Rules::shop(origin.address()).path());
    let nginx = Nginx::start(origin.address());
    let mut table = String::new();
    let mut passed = [[0_usize; 2]; 2];
    let mut row =
        |protocol: usize, name: (&str, &str), ours: Result<(), String>, theirs: Option<Result<(), String>>| {
            passed[protocol][0] += usize::from(ours.is_ok());
            passed[protocol][1] += usize::from(matches!(theirs, Some(Ok(()))));
            let cell = |result: Result<(), String>| result.err().unwrap_or_else(|| "ok".to_owned());
            let (ours, theirs) = (cell(ours), theirs.map_or_else(|| "–".to_owned(), cell));
            writeln!(table, "| {} | {} | {ours} | {theirs} |", name.0, name.1).unwrap();
        };
    for case in h1::CASES {
        let theirs = nginx.as_ref().map(|nginx| h1::judge(nginx.http1, case));
        row(0, (case.0, case.1), h1::judge(gateway.address(), case), theirs);
    }
    for case in &h2_cases() {
        let theirs = nginx.as_ref().map(|nginx| judge(nginx.http2, case));
        row(1, (case.0, case.1), judge(gateway.address(), case), theirs);
    }
    eprintln!("| | case | Noren | nginx |\n|---|---|---|---|\n{table}");
    eprintln!("HTTP/1.1: Noren {} of {}, nginx {}", passed[0][0], h1::CASES.len(), passed[0][1]);
    eprintln!("HTTP/2: Noren {} of {}, nginx {}", passed[1][0], h2_cases().len(), passed[1][1]);
}

/// nginx in front of the same shop.
struct Nginx {
    http1: SocketAddr,
    http2: SocketAddr,
    _process: Process,
    _dir: tempfile::TempDir,
}

impl Nginx {
    fn start(origin: SocketAddr) -> Option<Self> {
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists())?;
        let dir = tempfile::TempDir::new().unwrap();
        let (http1, http2, home) = (free_address(), free_address(), dir.path().display());
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {home}/{name};"))
            .concat();
        let pass = format!(
            "location / {{ proxy_pass http://{origin}; proxy_http_version 1.1; proxy_set_header Host $http_host; }}"
        );
        let config = format!(
            "daemon off; pid {home}/pid; error_log {home}/error; worker_processes 1; events {{}} http {{ access_log off; {paths}\
             server {{ listen {http1}; {pass} }} server {{ listen {http2} http2; {pass} }} }}"
        );
        std::fs::write(dir.path().join("nginx.conf"), config).unwrap();
        let mut command = Command::new(program);
        command.arg("-c").arg(dir.path().join("nginx.conf")).arg("-e").arg(dir.path().join("error"));
        let process = Process::start("nginx", &mut command, &dir.path().join("log"));
        eventually("nginx listens", || std::net::TcpStream::connect(http2).ok());
        Some(Self { http1, http2, _process: process, _dir: dir })
    }
}
