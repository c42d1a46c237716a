//! The header policy, played case by case: the table is `tests/fixtures/header-policy.txt`, and says what it means at its head.

use crate::support::client::Connection;
use crate::support::h2::H2;
use crate::support::wire::{Ending, Framing};
use crate::support::{Gateway, Origin, Request, Rules, inserting};
use std::sync::{Arc, Mutex};

const TABLE: &str = include_str!("../fixtures/header-policy.txt");
const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

/// Name and value, bytes as Latin-1.
type Headers = Vec<(String, String)>;

/// A message, or what is due of one.
#[derive(Debug, Default, Clone)]
struct Message {
    /// Method and address, or status and the body's form.
    first: String,
    headers: Headers,
    absent: Vec<String>,
    spelt: Vec<String>,
    ordered: Vec<String>,
}

#[derive(Debug, Default, Clone)]
struct Case {
    name: String,
    only: Option<&'static str>,
    trusted: bool,
    asks: Message,
    /// What the shop is to hear; nothing at all if its `first` says so.
    heard: Message,
    answers: Vec<Message>,
    gets: Vec<Message>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).flat_map(repeated) {
        let (mark, rest) = line.split_once(' ').unwrap_or_else(|| panic!("no line of a case: {line}"));
        if mark == "==" {
            let only = ["h1", "h2"].into_iter().find(|protocol| rest.contains(&format!("[{protocol}]")));
            let name = rest.split(" [").next().unwrap().to_owned();
            cases.push(Case { name, only, trusted: rest.contains("[trusted]"), ..Case::default() });
            continue;
        }
        let case = cases.last_mut().expect("a case begins with ==");
        let is_status = rest.as_bytes().first().is_some_and(u8::is_ascii_digit) && !rest.contains(':');
        let message = match mark {
            ">" => &mut case.asks,
            ">>" => &mut case.heard,
            "<" | "<<" => {
                let list = if mark == "<" { &mut case.answers } else { &mut case.gets };
                if is_status {
                    list.push(Message { first: rest.to_owned(), ..Message::default() });
                    continue;
                }
                list.last_mut().unwrap_or_else(|| panic!("{}: a status comes first", case.name))
            }
            _ => panic!("{}: {line}", case.name),
        };
        if mark == ">" && message.first.is_empty() || rest == "nothing" {
            rest.clone_into(&mut message.first);
        } else if let Some(name) = rest.strip_prefix("no ") {
            message.absent.push(name.to_ascii_lowercase());
        } else if let Some(name) = rest.strip_prefix("spelt ") {
            message.spelt.push(name.to_owned());
        } else if let Some(names) = rest.strip_prefix("in their order: ") {
            message.ordered = names.split(", ").map(str::to_owned).collect();
        } else {
            let (name, value) = rest.split_once(':').unwrap_or_else(|| panic!("{}: {line}", case.name));
            message.headers.push((name.to_owned(), unescape(value.trim())));
        }
    }
    for case in &mut cases {
        if case.answers.is_empty() {
            case.answers.push(Message { first: "200".to_owned(), ..Message::default() });
        }
    }
    cases
}

/// One line of each number that `{1..N}` stands for.
fn repeated(line: &str) -> Vec<String> {
    let Some((before, rest)) = line.split_once("{1..") else { return vec![line.to_owned()] };
    let (most, after) = rest.split_once('}').expect("{1..N}");
    (1..=most.parse::<usize>().unwrap()).map(|n| format!("{before}{n}{after}")).collect()
}

fn unescape(text: &str) -> String {
    let mut parts = text.split("\\x");
    let mut out = parts.next().unwrap().to_owned();
    for part in parts {
        out.push(char::from(u8::from_str_radix(&part[..2], 16).unwrap()));
        out.push_str(&part[2..]);
    }
    out
}

fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|char| u8::try_from(char).expect("a byte")).collect()
}

fn lower(headers: &[(String, String)]) -> Headers {
    headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect()
}

fn values<'a>(headers: &'a [(String, String)], name: &str) -> Vec<&'a str> {
    headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str()).collect()
}

/// What the shop sends: an answer's head and body, byte for byte.
fn wire(answer: &Message) -> (Vec<u8>, bool) {
    let (status, form) = answer.first.split_once(' ').unwrap_or((&answer.first, "page"));
    let mut head = format!("HTTP/1.1 {status} Status\r\n");
    for (name, value) in &answer.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let typed = !values(&answer.headers, "content-type").is_empty();
    let informational = status.starts_with('1');
    if !typed && !informational && form != "none" {
        head.push_str("Content-Type: text/html; charset=utf-8\r\n");
    }
    let body = match form {
        _ if informational => String::new(),
        "page" => {
            head.extend(["Content-Length: ", &HTML.len().to_string(), "\r\n"]);
            HTML.to_owned()
        }
        "chunked" => {
            head.push_str("Transfer-Encoding: chunked\r\n");
            format!("{:x}\r\n{HTML}\r\n0\r\nX-Sum: 1\r\n\r\n", HTML.len())
        }
        "closed" => HTML.to_owned(),
        "empty" => {
            head.push_str("Content-Length: 0\r\n");
            String::new()
        }
        "none" => String::new(),
        _ => panic!("no such body: {form}"),
    };
    let closes = form == "closed" || values(&answer.headers, "connection").iter().any(|value| value.contains("close"));
    (latin1(&format!("{head}\r\n{body}")), closes)
}

/// What the client sends: method, host, path, headers and body.
struct Asked<'a> {
    method: &'a str,
    host: &'a str,
    path: &'a str,
    headers: Headers,
    body: &'static [u8],
}

fn asked(case: &Case) -> Asked<'_> {
    let mut words = case.asks.first.split(' ');
    let (method, address) = (words.next().unwrap(), words.next().unwrap());
    let at = address.find('/').unwrap();
    let mut headers: Vec<(&str, &str)> = match words.next().unwrap_or("page") {
        "page" => vec![
            ("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0"),
            ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
            ("Sec-Fetch-Dest", "document"),
            ("Sec-Fetch-Mode", "navigate"),
        ],
        "image" => vec![("Accept", "image/*"), ("Sec-Fetch-Dest", "image")],
        "bare" => Vec::new(),
        other => panic!("{}: {other}", case.name),
    };
    let body: &[u8] = if method == "POST" { b"a=1&b=2" } else { b"" };
    if method == "POST" {
        headers.extend([("Content-Type", "application/x-www-form-urlencoded"), ("Content-Length", "7")]);
    }
    let mut headers: Headers = headers.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    headers.extend(case.asks.headers.clone());
    Asked { method, host: &address[..at], path: &address[at..], headers, body }
}

/// An answer as it came: status, headers, body.
type Got = (u16, Headers, Vec<u8>);

fn over_http1(gateway: &Gateway, asked: &Asked<'_>, early: usize) -> Result<Vec<Got>, String> {
    let mut head = format!("{} {} HTTP/1.1\r\nHost: {}\r\n", asked.method, asked.path, asked.host);
    for (name, value) in &asked.headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    let mut connection = Connection::open(gateway.address());
    // What is to be read depends on the method.
    connection.try_request(
        &Request::new(asked.method, asked.path).raw([latin1(&head), b"\r\n".to_vec(), asked.body.to_vec()].concat()),
    );
    let mut got = Vec::new();
    for _ in 0..early {
        let head = connection.head();
        got.push((head.status, head.headers, Vec::new()));
    }
    let response = connection.response();
    if response.ending != Ending::Complete {
        return Err("the answer broke off".to_owned());
    }
    let kept = response.header("connection").is_none_or(|value| !value.contains("close"));
    if kept && response.framing == Framing::Close {
        return Err("an answer that ends with its connection, which is kept".to_owned());
    }
    got.push((response.status, response.head.headers.clone(), response.body));
    Ok(got)
}

fn over_http2(gateway: &Gateway, asked: &Asked<'_>) -> Result<Vec<Got>, String> {
    let headers = asked.headers.iter().map(|(name, value)| (name.as_str(), latin1(value)));
    let uri = format!("http://{}{}", asked.host, asked.path);
    let response = H2::plain(gateway.address()).request(asked.method, &uri, headers, asked.body);
    let response = response.map_err(|error| format!("no answer: {error}"))?;
    let headers = response
        .headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().iter().copied().map(char::from).collect()));
    let body = response.body.map_err(|error| format!("the answer broke off: {error}"))?;
    Ok(vec![(response.status.as_u16(), headers.collect(), body.to_vec())])
}

/// What a message must hold: what is said of it, and for the rest what was sent.
fn compare(due: &Message, sent: &[(String, String)], got: &[(String, String)], added: &[&str]) -> Result<(), String> {
    let (due_headers, sent, arrived) = (lower(&due.headers), lower(sent), lower(got));
    let mut names: Vec<&String> = due_headers.iter().chain(&sent).chain(&arrived).map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    for name in names {
        let (told, sent, seen) = (values(&due_headers, name), values(&sent, name), values(&arrived, name));
        let wanted = match () {
            () if due.absent.contains(name) => Vec::new(),
            () if !told.is_empty() => told,
            () if added.contains(&name.as_str()) => continue,
            () => sent,
        };
        let same = |wanted: &&str, seen: &&str| match wanted.strip_suffix('*') {
            Some(start) if *wanted != "*/*" && !wanted.ends_with("/*") => seen.starts_with(start),
            _ => wanted == seen,
        };
        if wanted.len() != seen.len() || !wanted.iter().zip(&seen).all(|(wanted, seen)| same(wanted, seen)) {
            return Err(format!("{name}: {seen:?} where {wanted:?} is due"));
        }
    }
    if let Some(name) = due.spelt.iter().find(|name| !got.iter().any(|(known, _)| known == *name)) {
        return Err(format!("{name} is spelt otherwise: {:?}", got.iter().map(|(name, _)| name).collect::<Vec<_>>()));
    }
    let order: Vec<&String> = arrived.iter().map(|(name, _)| name).filter(|name| due.ordered.contains(name)).collect();
    if !order.iter().copied().eq(&due.ordered) {
        return Err(format!("{order:?} where {:?} is due", due.ordered));
    }
    Ok(())
}

/// What is wrong with a case, if anything is.
fn judge(gateway: &Gateway, origin: &Origin, case: &Case, http2: bool) -> Result<(), String> {
    let asked = asked(case);
    let before = origin.received().len();
    let early = if http2 { 0 } else { case.gets.len() - 1 };
    let got = if http2 { over_http2(gateway, &asked)? } else { over_http1(gateway, &asked, early)? };
    let heard = origin.received().split_off(before);
    if case.heard.first == "nothing" {
        if !heard.is_empty() {
            return Err(format!("the shop heard {heard:?}"));
        }
    } else {
        let [heard] = &heard[..] else { return Err(format!("the shop heard {} requests", heard.len())) };
        if (heard.method.as_str(), heard.target.as_str(), heard.body.as_slice())
            != (asked.method, asked.path, asked.body)
        {
            return Err(format!("the shop heard {} {} {:?}", heard.method, heard.target, heard.body));
        }
        let added = ["host", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-noren-hop"];
        compare(&case.heard, &asked.headers, &heard.headers, &added).map_err(|why| format!("to the shop: {why}"))?;
    }
    for (due, (status, headers, body)) in case.gets.iter().zip(&got) {
        let (wanted, form) = due.first.split_once(' ').unwrap_or((&due.first, ""));
        if status.to_string() != wanted {
            return Err(format!("{status} where {wanted} is due"));
        }
        // Who is refused hears nothing of the shop's.
        let answer = case.answers.iter().filter(|answer| answer.first.starts_with(wanted)).cloned();
        let same = case.gets.iter().filter(|other| other.first == due.first).position(|other| std::ptr::eq(other, due));
        let Some(answer) = answer.into_iter().nth(same.unwrap_or_default()) else { continue };
        let mut due = due.clone();
        // Unless they are what it is about: what every changed page says, and the cookie of whoever is new.
        let mut headers = headers.clone();
        if values(&due.headers, "set-cookie").is_empty() && !due.absent.iter().any(|name| name == "set-cookie") {
            headers.retain(|(name, value)| !(name.eq_ignore_ascii_case("set-cookie") && value.starts_with("nrn=")));
        }
        if form == "inserted" && values(&due.headers, "cache-control").is_empty() {
            due.headers.push(("Cache-Control".to_owned(), "private, no-store".to_owned()));
        }
        // How a message is framed on this connection is read by the client, which has its body; pingora writes the date.
        let added = ["content-type", "content-length", "transfer-encoding", "connection", "date"];
        compare(&due, &answer.headers, &headers, &added).map_err(|why| format!("to the client: {why}"))?;
        let body = String::from_utf8_lossy(body);
        let wanted = match form {
            "same" => HTML.to_owned(),
            "inserted" => HTML.replace("<body>", "<body><i data-gw=\"hello/a\">hello</i>"),
            _ => String::new(),
        };
        if body != wanted {
            return Err(format!("the body is {body:?}"));
        }
    }
    if got.len() != case.gets.len() {
        return Err(format!("{} heads where {} are due", got.len(), case.gets.len()));
    }
    Ok(())
}

/// A gateway in front of a shop that answers as it is told.
fn gateway(origin: &Origin, settings: &str) -> Gateway {
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("page.path != '/plain'", "<i>hello</i>"));
    rules.site("quiet", "quiet.example", origin.address(), "");
    rules.site("named", "named.example", origin.address(), "[upstream]\nhost = 'origin.internal:8443'\n");
    if !settings.is_empty() {
        rules.write("gateway.toml", settings);
    }
    Gateway::serve(rules.path())
}

#[test]
fn every_case_of_the_table_holds_over_both_protocols() {
    let cases = cases();
    let answer: Arc<Mutex<(Vec<u8>, bool)>> = Arc::default();
    let script = answer.clone();
    let origin = Origin::new(move |_, wire| {
        let (bytes, closes) = script.lock().unwrap().clone();
        wire.send(bytes);
        if closes {
            wire.close();
        }
    });
    let strangers = gateway(&origin, "");
    let trusting = gateway(&origin, "trusted_proxies = ['127.0.0.1']\n");
    let (mut failures, mut played) = (Vec::new(), 0);
    for case in &cases {
        let written: Vec<(Vec<u8>, bool)> = case.answers.iter().map(wire).collect();
        let bytes = written.iter().flat_map(|(bytes, _)| bytes).copied().collect();
        *answer.lock().unwrap() = (bytes, written.iter().any(|(_, closes)| *closes));
        for protocol in ["h1", "h2"].into_iter().filter(|protocol| case.only.is_none_or(|only| only == *protocol)) {
            played += 1;
            let gateway = if case.trusted { &trusting } else { &strangers };
            if let Err(why) = judge(gateway, &origin, case, protocol == "h2") {
                failures.push(format!("{} ({protocol}): {why}", case.name));
            }
        }
    }
    eprintln!("{} cases, played {played} times", cases.len());
    assert!(failures.is_empty(), "{} of {played}:\n{}", failures.len(), failures.join("\n"));
}
