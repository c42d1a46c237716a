//! What an operator does beside a gateway that serves: fills pools of coupons, makes a backup, and puts it back when the machine is gone.

use crate::support::{Gateway, Origin, Rules, Visitor, eventually, inserting};
use std::path::Path;
use std::process::{Command, Output};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";

fn noren(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_noren")).args(arguments).current_dir(folder).output().unwrap()
}

/// Its standard output, if it went well.
fn succeeds(folder: &Path, arguments: &[&str]) -> String {
    let output = noren(folder, arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn pools_are_filled_while_the_gateway_serves_and_bad_lines_are_told() {
    let origin = Origin::page("", HTML);
    let rules = Rules::shop(origin.address());
    let gateway = Gateway::serve(rules.path());
    let folder = gateway.data().parent().unwrap().to_owned();
    std::fs::write(folder.join("codes.csv"), "code,expires\nA-1\nA 2\nA-3,soon\nA-4,2099-01-01T00:00:00Z\nA-1\n")
        .unwrap();
    let add = ["coupons", "add", "--site", "shop", "--pool", "night", "codes.csv"];
    let output = noren(&folder, &add);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "codes.csv:3: `A 2` has a space or a control character in it\n\
         codes.csv:4: `soon` is no time such as 2026-12-31T23:59:59+09:00\n\
         codes.csv:6: A-1 is in line 2 already\n"
    );
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(said, "Added 2 codes to the pool night of shop. 3 lines were passed over.\n");
    std::fs::write(folder.join("codes.csv"), "A-1\nA-5\n").unwrap();
    assert_eq!(succeeds(&folder, &add), "Added 1 codes to the pool night of shop. 1 were there already.\n");
    let listed = succeeds(&folder, &["coupons", "list"]);
    assert_eq!(listed, "site  pool   free  given  seen  redeemed\nshop  night     3      0     0         0\n");
    let elsewhere = noren(&folder, &["coupons", "list", "--data", "nowhere"]);
    assert!(!elsewhere.status.success() && String::from_utf8_lossy(&elsewhere.stderr).contains("--data"));
}

#[test]
fn backup_made_while_serving_brings_visitors_back() {
    let origin = Origin::page("", HTML);
    let rules = Rules::shop(origin.address());
    rules.scenario("known", &inserting("visitor.pageviews >= 3", "<i>known</i>"));
    let mut gateway = Gateway::serve(rules.path());
    let folder = gateway.data().parent().unwrap().to_owned();
    let mut visitor = Visitor::default();
    let shown: Vec<bool> = (0..4).map(|_| visitor.visit(gateway.address(), "/").has("known/a")).collect();
    assert_eq!(shown, [false, false, true, true]);
    eventually("what happened is on the disk", || {
        let waiting =
            gateway.metric("noren_requests_in_flight", "") + gateway.metric("noren_recorder_queue_length", "");
        (waiting == 0.0 && gateway.metric("noren_recorder_writes", "result=\"written\"") > 0.0).then_some(())
    });
    assert!(succeeds(&folder, &["backup", "noren.backup"]).starts_with("Wrote noren.backup ("));
    let refused = noren(&folder, &["restore", "noren.backup"]);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("a process has it open; stop it first"));

    // The machine is gone: all that is left is the backup.
    gateway.terminate();
    assert!(gateway.await_end().success());
    std::fs::remove_dir_all(gateway.data()).unwrap();
    assert_eq!(succeeds(&folder, &["restore", "noren.backup"]), "Restored noren.backup to data.\n");
    gateway.start_again();
    let cookies = visitor.cookie_header();
    assert!(visitor.visit(gateway.address(), "/").has("known/a"), "the visitor's history is lost");
    assert_eq!(visitor.cookie_header(), cookies, "the visitor became another");
}
