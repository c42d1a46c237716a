//! What the log tells of a request: how it went, how long each step took, and nothing of who sent it.

use crate::support::{Gateway, Origin, Request, Rules, eventually, inserting};
use serde_json::Value;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The log's lines, each an object, once `enough` of them are there.
fn lines(gateway: &Gateway, enough: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    eventually("the log", || {
        let log = gateway.log();
        let whole = log.rfind('\n').map_or("", |end| &log[..end]);
        let lines: Vec<Value> = whole.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
        enough(&lines).then_some(lines)
    })
}

fn serve(level: &str) -> (Gateway, Origin, Rules) {
    let origin = Origin::page("", "<!doctype html><html><head></head><body>shop</body></html>");
    let rules = Rules::shop(origin.address());
    rules.scenario("hello", &inserting("true", "<p>hello</p>"));
    rules.write("gateway.toml", &format!("[log]\nlevel = '{level}'\n"));
    let gateway = Gateway::serve(rules.path());
    let request =
        Request::page("/secret-path?token=1").header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"));
    assert_eq!(gateway.fetch(&request).count("hello/a"), 1);
    (gateway, origin, rules)
}

fn says(message: &str) -> impl Fn(&&Value) -> bool + '_ {
    move |line| line["message"] == message
}

#[test]
fn access_line_names_request_and_trace_and_no_visitor() {
    let (gateway, _origin, _rules) = serve("info");
    let lines = lines(&gateway, |lines| lines.iter().any(|line| says("access")(&line)));
    let line = lines.iter().find(says("access")).unwrap();
    assert_eq!((&line["site"], &line["status"], &line["trace"]), (&"shop".into(), &200.into(), &TRACE.into()));
    assert_eq!(line["request"].as_str().unwrap().len(), 16);
    assert!(!lines.iter().any(|line| says("close")(&line)), "spans cost nothing unless they are asked for");
    let log = gateway.log();
    assert!(!log.contains("127.0.0.1\"") && !log.contains("secret-path") && !log.contains("Mozilla"), "{log}");
}

#[test]
fn debug_log_tells_what_each_step_of_a_request_took() {
    let (gateway, _origin, _rules) = serve("debug");
    let lines =
        lines(&gateway, |lines| lines.iter().filter(says("close")).any(|line| line["span"]["name"] == "exchange"));
    let request = &lines.iter().find(says("access")).unwrap()["request"];
    for step in ["decide", "rewrite"] {
        let line = lines.iter().filter(says("close")).find(|line| line["span"]["name"] == step).unwrap();
        assert!(line["time.busy"].is_string(), "{line}");
        assert_eq!(&line["span"]["request"], request, "{line}");
    }
    assert!(!gateway.log().contains("secret-path"));
}
