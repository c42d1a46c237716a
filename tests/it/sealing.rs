//! A gateway whose store is sealed: what it needs to start, and what its operator does beside it.

use crate::own_faults::await_flush;
use crate::support::redis::Server;
use crate::support::{Gateway, Origin, Rules, Visitor, inserting};
use std::path::Path;
use std::process::{Command, Output};

const HTML: &str = "<!DOCTYPE html><html><head></head><body><p>page</p></body></html>";
const KEYS: [&str; 2] =
    ["AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA="];

fn noren(gateway: &Gateway, arguments: &[&str]) -> Output {
    let folder = gateway.data().parent().unwrap().to_owned();
    Command::new(env!("CARGO_BIN_EXE_noren")).args(arguments).current_dir(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Whether a word stands in the store's files.
fn stands(data: &Path, word: &str) -> bool {
    ["noren.db", "noren.db-wal"].iter().any(|name| {
        let bytes = std::fs::read(data.join(name)).unwrap_or_default();
        bytes.windows(word.len()).any(|window| window == word.as_bytes())
    })
}

#[test]
fn store_is_sealed_and_its_keys_are_changed_while_the_gateway_serves_and_without_them_it_does_not_start() {
    let origin = Origin::page("", HTML);
    let rules = Rules::shop(origin.address());
    rules.scenario("known", &inserting("visitor.pageviews >= 3", "<i>known</i>"));
    let mut gateway = Gateway::serve(rules.path());
    let mut visitor = Visitor::default();
    let mut visit = |gateway: &Gateway| {
        let page = visitor.visit(gateway.address(), "/shy-page");
        await_flush(gateway);
        page.has("known/a")
    };
    assert!(!visit(&gateway));
    assert!(stands(&gateway.data(), "/shy-page"));

    // Plain until now; sealed from the next start on.
    let keys = rules.path().join("keys");
    let turned_on = format!("[store]\nencryption_key = 'file:{}'\n", keys.display());
    rules.write("gateway.toml", &turned_on);
    std::fs::write(&keys, KEYS[0]).unwrap();
    let shown = rules.path().display().to_string();
    let seal = ["seal", "--rules", &shown, "--data", "data"];
    let restart = |gateway: &mut Gateway| {
        gateway.terminate();
        assert!(gateway.await_end().success());
        gateway.start_again();
    };
    restart(&mut gateway);
    assert!(!visit(&gateway), "the second page");
    let output = noren(&gateway, &seal);
    assert!(
        output.status.success() && said(&output).contains("only the first is needed any more"),
        "{}",
        said(&output)
    );
    assert!(!stands(&gateway.data(), "/shy-page"), "nothing is left of what was plain");
    assert!(visit(&gateway), "the gateway serves on, and knows its visitor");

    std::fs::write(&keys, format!("{}\n{}\n", KEYS[1], KEYS[0])).unwrap();
    restart(&mut gateway);
    let output = noren(&gateway, &seal);
    assert!(output.status.success(), "{}", said(&output));
    std::fs::write(&keys, KEYS[1]).unwrap();
    restart(&mut gateway);
    assert!(visit(&gateway));
    let export = ["export", "events", "--site", "shop", "--rules", &shown];
    assert!(said(&noren(&gateway, &export)).contains("/shy-page"), "{}", said(&noren(&gateway, &export)));
    let backup = said(&noren(&gateway, &["backup", "noren.backup"]));
    assert!(backup.contains("the encryption keys are not in it"), "{backup}");

    gateway.terminate();
    gateway.await_end();
    for (written, settings, reason) in [
        (Some(KEYS[0]), &*turned_on, "none of the encryption keys opens it; put the key that it was sealed with back"),
        (Some("c2hvcnQ="), &*turned_on, "line 1: the key has not 32 bytes; restore the file"),
        (None, &*turned_on, "cannot be read: No such file or directory"),
        (Some(KEYS[1]), "", "it is sealed, and no key is given; name the file of its keys as `encryption_key`"),
    ] {
        let _ = std::fs::remove_file(&keys);
        if let Some(written) = written {
            std::fs::write(&keys, written).unwrap();
        }
        rules.write("gateway.toml", settings);
        let refused = noren(
            &gateway,
            &["serve", "--rules", &shown, "--data", "data", "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0"],
        );
        assert!(!refused.status.success() && said(&refused).contains(reason), "{}", said(&refused));
    }
    rules.write("gateway.toml", &turned_on);
    let restored = said(&noren(&gateway, &["restore", "noren.backup"]));
    assert!(restored.contains("only with the encryption keys that were in use"), "{restored}");
    std::fs::write(&keys, KEYS[1]).unwrap();
    gateway.start_again();
    assert!(visit(&gateway), "the visitor's history is back");
}

#[test]
fn gateway_does_not_start_on_a_redis_that_is_sealed_with_another_key() {
    let server = Server::start(&[]);
    let origin = Origin::page("", HTML);
    let rules = Rules::shop(origin.address());
    let keys = rules.path().join("keys");
    let store = format!("[store]\nprofiles = '{}'\nencryption_key = 'file:{}'\n", server.url(), keys.display());
    rules.write("gateway.toml", &store);
    std::fs::write(&keys, KEYS[0]).unwrap();
    let gateway = Gateway::serve(rules.path());
    let mut visitor = Visitor::default();
    visitor.visit(gateway.address(), "/");
    await_flush(&gateway);
    std::fs::write(&keys, KEYS[1]).unwrap();
    // Its events would be kept elsewhere: only the profiles are sealed already.
    let shown = rules.path().display().to_string();
    let serve = ["serve", "--rules", &shown, "--data", "other", "--listen", "127.0.0.1:0", "--ops", "127.0.0.1:0"];
    let refused = said(&noren(&gateway, &serve));
    assert!(
        refused.contains("cannot open the store at redis://")
            && refused.contains("none of the encryption keys opens it"),
        "{refused}"
    );
}
