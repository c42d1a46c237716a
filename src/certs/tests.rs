use super::*;
use rcgen::{CertificateParams, KeyPair};
use std::fs;

const NOW: i64 = 1_800_000_000;

/// Writes a pair, and returns the certificate's bytes.
fn write(folder: &Path, stem: &str, name: &str, until: i64) -> Vec<u8> {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    let year =
        |second: i64| i32::from(Timestamp::from_second(second).unwrap().to_zoned(jiff::tz::TimeZone::UTC).year());
    params.not_after = rcgen::date_time_ymd(year(until), 1, 1);
    let certificate = params.self_signed(&key).unwrap();
    fs::write(folder.join(format!("{stem}.pem")), certificate.pem()).unwrap();
    fs::write(folder.join(format!("{stem}.key")), key.serialize_pem()).unwrap();
    certificate.der().to_vec()
}

const LATER: i64 = NOW + 10 * 365 * 86_400;

fn reload(store: &CertStore) -> Vec<&'static str> {
    let problems = store.reload(Timestamp::from_second(NOW).unwrap());
    assert!(problems.0.iter().all(|problem| problem.help.is_some()));
    problems.0.iter().map(|problem| problem.code).collect()
}

fn served(store: &CertStore, name: &str) -> Option<Vec<u8>> {
    store.for_name(Some(name)).map(|pair| pair.cert[0].to_vec())
}

#[test]
fn names_are_answered_exactly_then_by_wildcard() {
    let dir = tempfile::tempdir().unwrap();
    let shop = write(dir.path(), "Shop.example", "shop.example", LATER);
    let store = CertStore::of_folder(dir.path().to_owned());
    assert!(reload(&store).is_empty());
    assert_eq!(store.for_name(None).unwrap().cert[0].to_vec(), shop, "the only one answers who names nothing");
    let any = write(dir.path(), "_.shop.example", "*.shop.example", LATER);
    let other = write(dir.path(), "*.other.example", "*.other.example", LATER);
    assert!(reload(&store).is_empty());
    assert_eq!(served(&store, "shop.example"), Some(shop));
    assert_eq!(served(&store, "WWW.shop.example"), Some(any));
    assert_eq!(served(&store, "www.other.example"), Some(other));
    for unknown in ["a.b.shop.example", "other.example", "example", "localhost"] {
        assert_eq!(served(&store, unknown), None, "{unknown}");
    }
    assert!(store.for_name(None).is_none());
}

#[test]
fn a_broken_pair_keeps_its_last_good_state() {
    let dir = tempfile::tempdir().unwrap();
    let good = write(dir.path(), "shop.example", "shop.example", LATER);
    let store = CertStore::of_folder(dir.path().to_owned());
    reload(&store);
    let new = write(dir.path(), "new.example", "shop.example", LATER);
    let (pem, key) = (dir.path().join("shop.example.pem"), dir.path().join("shop.example.key"));

    fs::rename(dir.path().join("new.example.pem"), &pem).unwrap();
    assert_eq!(reload(&store), ["incomplete-pair", "bad-pair"]);
    assert_eq!(served(&store, "shop.example"), Some(good.clone()));
    fs::write(&pem, "nonsense").unwrap();
    assert_eq!(reload(&store), ["incomplete-pair", "not-pem"]);
    fs::remove_file(&pem).unwrap();
    assert_eq!(reload(&store), ["incomplete-pair", "incomplete-pair"]);
    assert_eq!(served(&store, "shop.example"), Some(good));

    write(dir.path(), "shop.example", "shop.example", LATER);
    fs::remove_file(dir.path().join("new.example.key")).unwrap();
    assert!(reload(&store).is_empty());
    assert!(served(&store, "shop.example").is_some_and(|now| now != new));
    fs::remove_file(&pem).unwrap();
    fs::remove_file(&key).unwrap();
    reload(&store);
    assert_eq!(served(&store, "shop.example"), None, "what was removed on purpose is gone");
}

#[test]
fn a_folder_that_vanishes_takes_nothing_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("certs");
    fs::create_dir(&folder).unwrap();
    let good = write(&folder, "shop.example", "shop.example", LATER);
    let store = CertStore::of_folder(folder.clone());
    reload(&store);
    fs::remove_dir_all(&folder).unwrap();
    assert_eq!(reload(&store), ["no-certificates"]);
    assert_eq!(served(&store, "shop.example"), Some(good));
}

#[test]
fn what_browsers_will_complain_of_is_said() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "a.example", "a.example", NOW - 3 * 365 * 86_400);
    write(dir.path(), "b.example", "shop.example", LATER);
    let store = CertStore::of_folder(dir.path().to_owned());
    assert_eq!(reload(&store), ["expired", "other-name"]);
    assert_eq!(store.len(), 2, "both are served all the same");
}

#[test]
fn the_demo_answers_every_name() {
    let store = CertStore::self_signed(&["localhost"]).unwrap();
    assert!(served(&store, "anything.example").is_some() && store.for_name(None).is_some());
}
