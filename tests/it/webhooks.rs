//! Hooks are told of every event, each visitor's in order and signed, whatever the receiver does and whenever a gateway is killed.

use crate::own_faults::await_flush;
use crate::support::origin::{Received, Wire, page};
use crate::support::postgres::Cluster;
use crate::support::{Gateway, Origin, Request, Rules, Visitor, eventually};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha2::Sha256;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const BROWSER: &str = "Mozilla/5.0 Chrome/156.0.0.0 Safari/537.36";
const VISITORS: usize = 5;
const PAGES: usize = 8;

/// What the tool of a shop took: name of the message, visitor and path.
type Taken = Arc<Mutex<Vec<(String, String, String)>>>;

/// A tool that does everything wrong at first, then takes ten messages, and then nothing until it is well.
struct Tool {
    origin: Origin,
    taken: Taken,
    well: Arc<AtomicBool>,
}

impl Tool {
    fn new() -> Self {
        let (taken, well) = (Taken::default(), Arc::new(AtomicBool::new(false)));
        let calls = Mutex::new(0);
        let origin = Origin::new({
            let (taken, well) = (taken.clone(), well.clone());
            move |request, wire| {
                let mut calls = calls.lock().unwrap();
                *calls += 1;
                answer(*calls, request, wire, &taken, well.load(Ordering::SeqCst));
            }
        });
        Self { origin, taken, well }
    }

    fn count(&self) -> usize {
        self.taken.lock().unwrap().len()
    }

    fn hook(&self) -> String {
        format!(
            "[[webhook]]\nname = 'tool'\nurl = 'http://{}/hook?key=k'\nevents = ['page_view']\nsecret = 'whsec_{KEY}'\ntimeout = '500ms'\n",
            self.origin.address()
        )
    }
}

fn answer(call: usize, request: &Received, wire: &mut Wire, taken: &Taken, is_well: bool) {
    let mut taken = taken.lock().unwrap();
    match call {
        1 => wire.send("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"),
        // No answer at all.
        2 => {}
        3 => wire.send("HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"),
        4 => wire.send("HTTP/1.1 307 Temporary Redirect\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"),
        5 => wire.close(),
        // Whoever is killed now has messages under way.
        _ if taken.len() >= 10 && !is_well => {}
        _ => {
            let body: Value = serde_json::from_slice(&request.body).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let path = text(&body["event_params"]["page_path"]);
            taken.push((request.header("webhook-id").unwrap().into(), text(&body["user_pseudo_id"]), path));
            // More than anybody would read, and it never ends.
            let endless = format!("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n{}", "x".repeat(100_000));
            wire.send(if call == 6 { &endless } else { "HTTP/1.1 204 No Content\r\n\r\n" });
        }
    }
}

/// Everybody looks at the pages `/0`, `/1`, …, one of them after the other, each visitor by one of the gateways.
fn browse(gateways: &[&Gateway]) {
    for number in 0..VISITORS {
        let (gateway, mut visitor) = (gateways[number % gateways.len()], Visitor::default());
        for page in 0..PAGES {
            visitor.visit(gateway.address(), &format!("/{page}"));
        }
    }
    for gateway in gateways {
        await_flush(gateway);
    }
}

/// Everything arrived, under one name each, in the order of each visitor, and signed.
fn assert_told(tool: &Tool) {
    eventually("the tool was told of every event", || {
        let taken = tool.taken.lock().unwrap();
        let names: BTreeSet<&String> = taken.iter().map(|(name, ..)| name).collect();
        (names.len() >= VISITORS * PAGES).then_some(())
    });
    let (mut visitors, mut names) = (BTreeMap::<_, Vec<_>>::new(), BTreeSet::new());
    for (name, visitor, path) in &*tool.taken.lock().unwrap() {
        // What was on its way when the gateway was killed comes twice, under the same name.
        if names.insert(name.clone()) {
            visitors.entry(visitor.clone()).or_default().push(path.clone());
        }
    }
    let wanted: Vec<String> = (0..PAGES).map(|page| format!("/{page}")).collect();
    assert_eq!(visitors.into_values().collect::<Vec<_>>(), vec![wanted; VISITORS]);
    for request in tool.origin.received() {
        assert_eq!(
            (request.method.as_str(), request.target.as_str()),
            ("POST", "/hook?key=k"),
            "no redirect is followed"
        );
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert!(is_signed(&request), "{request:?}");
        let body = String::from_utf8(request.body).unwrap();
        assert!(body.starts_with(r#"{"site":"shop","#) || body.contains(r#""site":"shop""#), "{body}");
        assert!(body.contains(r#""event_name":"page_view""#) && !body.contains("127.0.0.1"), "{body}");
    }
}

/// As a receiver finds out by the specification.
fn is_signed(request: &Received) -> bool {
    let header = |name| request.header(name).unwrap();
    let mut mac = Hmac::<Sha256>::new_from_slice(&BASE64_STANDARD.decode(KEY).unwrap()).unwrap();
    mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
    mac.update(&request.body);
    let signature = BASE64_STANDARD.decode(header("webhook-signature").strip_prefix("v1,").unwrap()).unwrap();
    mac.verify_slice(&signature).is_ok() && header("webhook-timestamp").parse::<u64>().is_ok()
}

#[test]
fn hook_is_told_of_everything_though_it_fails_and_the_gateway_is_killed() {
    let (shop, tool) = (Origin::page("", HTML), Tool::new());
    let rules = Rules::new();
    rules.site("shop", "shop.example", shop.address(), &tool.hook());
    let mut gateway = Gateway::serve(rules.path());
    browse(&[&gateway]);
    eventually("the tool has taken some", || (tool.count() >= 10).then_some(()));
    gateway.kill();
    tool.well.store(true, Ordering::SeqCst);
    gateway.start_again();
    assert_told(&tool);
    assert!(gateway.count("noren_webhook_deliveries_total", "hook=\"tool\",result=\"delivered\"") >= 1);
    assert!(!gateway.log().contains("key=k"), "the address's key is not logged");
}

#[test]
fn gateways_share_the_telling_and_one_does_what_a_killed_one_left() {
    let (shop, tool, cluster) = (Origin::page("", HTML), Tool::new(), Cluster::start());
    let rules = Rules::new();
    rules.site("shop", "shop.example", shop.address(), &tool.hook());
    rules.write("gateway.toml", &format!("[store]\nledger = '{}'\n", cluster.url()));
    let one = Gateway::serve(rules.path());
    let other = Gateway::serve_beside(rules.path(), &one);
    browse(&[&one, &other]);
    let told =
        |gateway: &Gateway| gateway.count("noren_webhook_deliveries_total", "hook=\"tool\",result=\"delivered\"");
    eventually("the tool has taken some", || (tool.count() >= 10 && told(&one) + told(&other) >= 5).then_some(()));
    // Whoever told it most is the one that is at the next messages now.
    let (mut busier, _other) = if told(&one) >= told(&other) { (one, other) } else { (other, one) };
    busier.kill();
    tool.well.store(true, Ordering::SeqCst);
    assert_told(&tool);
    eventually("nothing is left", || (cluster.sql("SELECT count(*) FROM noren.outbox") == "0").then_some(()));
}

/// Members tell their numbers on `/mine`; whatever is posted comes into the cart.
#[test]
fn cart_that_is_left_alone_is_told_once_and_by_whose_number() {
    let shop = Origin::new(|request, wire| match request.target.as_str() {
        "/cart/add" => wire.send("HTTP/1.1 303 See Other\r\nLocation: /cart\r\nContent-Length: 0\r\n\r\n"),
        "/mine" => wire.send(page("X-Member-Id: m-4711\r\n", HTML)),
        _ => wire.send(page("", HTML)),
    });
    let tool = Origin::fixed("HTTP/1.1 204 No Content\r\n\r\n");
    let site = format!(
        "currency = 'JPY'\n[customer]\nid = {{ response_header = 'X-Member-Id' }}\n[learn]\nabandoned_cart_after = '3s'\n\
         [[forms]]\nevent = 'add_to_cart'\npath = '/cart/add'\nid = 'product'\nquantity = 'qty'\n\
         [[webhook]]\nname = 'tool'\nurl = 'http://{}/hook'\nevents = ['abandoned_cart']\nsecret = 'whsec_{KEY}'\n",
        tool.address()
    );
    let rules = Rules::new();
    rules.site("shop", "shop.example", shop.address(), &site);
    let gateway = Gateway::serve(rules.path());
    let (mut stranger, mut member, mut looking) = (Visitor::default(), Visitor::default(), Visitor::default());
    looking.visit(gateway.address(), "/");
    for path in ["/", "/mine", "/mine"] {
        member.visit(gateway.address(), path);
        await_flush(&gateway);
    }
    stranger.visit(gateway.address(), "/");
    for (visitor, body) in [(&stranger, "product=M-1&qty=2"), (&member, "product=M-2&qty=1")] {
        let form = Request::new("POST", "/cart/add").header("Content-Type", "application/x-www-form-urlencoded");
        let form = form.header("Cookie", &visitor.cookie_header()).header("User-Agent", BROWSER).body(body);
        assert_eq!(gateway.fetch(&form).status, 303);
    }
    // As long as they look around nothing is left alone.
    let came_back = Instant::now();
    while came_back.elapsed() < Duration::from_secs(5) {
        stranger.visit(gateway.address(), "/");
        assert!(!tool.received().iter().any(|told| told.body.windows(3).any(|text| text == b"M-1")));
        std::thread::sleep(Duration::from_millis(100));
    }
    eventually("both are told", || (tool.received().len() == 2).then_some(()));
    let mut told: Vec<Value> =
        tool.received().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect();
    told.sort_by_key(|message| message["event_params"]["items"][0]["item_id"].to_string());
    let [stranger, member] = &told[..] else { panic!("{told:?}") };
    assert_eq!(
        stranger["event_params"],
        json!({ "currency": "JPY", "number_of_items": 2, "items": [{ "item_id": "M-1", "quantity": 2 }] })
    );
    assert_eq!((&stranger["event_name"], &stranger["user_id"]), (&"abandoned_cart".into(), &Value::Null));
    assert_eq!((&member["event_params"]["items"][0]["item_id"], &member["user_id"]), (&"M-2".into(), &"m-4711".into()));
    // Whoever does not come back is told of no more.
    looking.visit(gateway.address(), "/");
    await_flush(&gateway);
    assert_eq!(tool.received().len(), 2);
}

#[test]
fn sample_is_sent_and_the_answer_is_shown() {
    let shop = Origin::page("", HTML);
    let tool = Origin::fixed("HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\n\r\nno such\x1b[31m hook\r\n");
    let hook = format!("[[webhook]]\nname = 'tool'\nurl = 'http://{}/hook'\nsecret = 'whsec_{KEY}'\n", tool.address());
    let rules = Rules::new();
    rules.site("shop", "shop.example", shop.address(), &hook);
    let test = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_noren"));
        command.args(["webhook", "test", "--site", "shop", "--rules"]).arg(rules.path()).args(more);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, shown, _) = test(&[]);
    assert_eq!(code, Some(1), "it was not taken");
    assert!(shown.contains("answered 404 Not Found") && shown.contains("no such [31m hook"), "{shown}");
    let sent = tool.last();
    assert!(is_signed(&sent), "{sent:?}");
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!((&body["site"], &body["event_name"], &body["test"]), (&"shop".into(), &"purchase".into(), &true.into()));
    let (code, _, complaint) = test(&["--name", "tols"]);
    assert_eq!((code, complaint.contains("known: tool")), (Some(1), true), "{complaint}");
}
