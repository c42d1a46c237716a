use super::*;
use crate::clock::FixedClock;
use crate::ids::OsRandom;
use proptest::prelude::*;
use std::path::PathBuf;
use std::sync::LazyLock;

const DAY: i64 = 86_400;
const NOW: i64 = 1_800_000_000;
const LIFETIME: Duration = Duration::from_secs(400 * DAY as u64);

struct Fixture {
    folder: tempfile::TempDir,
    keys: KeyRing,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let keys = KeyRing::open(&folder.path().join("keys"), &FixedClock(at(NOW)), &OsRandom).unwrap();
        Self { folder, keys }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("keys")
    }

    fn seal(&self, site: &str) -> String {
        self.keys.seal(&SiteId::new(site), VISITOR, at(NOW), &OsRandom)
    }
}

const VISITOR: VisitorId = VisitorId([9; 16]);

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn open(keys: &KeyRing, site: &str, value: impl AsRef<[u8]>, now: i64) -> Result<Identity, InvalidCookie> {
    keys.open_cookie(&SiteId::new(site), value.as_ref(), LIFETIME, at(now))
}

fn settings() -> CookieSettings {
    CookieSettings { name: "_nr".into(), domain: None, lifetime: LIFETIME }
}

fn cookies(lines: &[&[u8]]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(header::COOKIE, HeaderValue::from_bytes(line).unwrap());
    }
    headers
}

fn stripped(lines: &[&[u8]]) -> Option<Vec<Vec<u8>>> {
    without_cookies(&cookies(lines), &["_nr"]).map(|values| values.iter().map(|v| v.as_bytes().to_vec()).collect())
}

#[test]
fn clock_that_is_set_back_for_a_while_makes_no_strangers() {
    let fixture = Fixture::new();
    let site = SiteId::new("shop");
    // Decades before the key was made: a machine that woke up without a battery.
    let wrong = at(0);
    assert!(!fixture.keys.open_cookie(&site, fixture.seal("shop").as_bytes(), LIFETIME, wrong).unwrap().reissue);
    let sealed = fixture.keys.seal(&site, VISITOR, wrong, &OsRandom);
    assert_eq!(open(&fixture.keys, "shop", &sealed, NOW + DAY).unwrap().visitor, VISITOR);
}

#[test]
fn sealed_cookie_gives_the_same_visitor_back() {
    let fixture = Fixture::new();
    let value = fixture.seal("shop");
    assert_eq!(value.len(), TEXT);
    assert!(value.len() < 90, "short: {}", value.len());
    assert_eq!(
        open(&fixture.keys, "shop", &value, NOW),
        Ok(Identity { visitor: VISITOR, sealed_at: at(NOW), reissue: false })
    );
    assert_ne!(value, fixture.seal("shop"), "a visitor's cookies cannot be told to be of one visitor");
}

#[test]
fn every_flipped_bit_is_noticed() {
    let fixture = Fixture::new();
    let raw = BASE64_URL_SAFE_NO_PAD.decode(fixture.seal("shop")).unwrap();
    for bit in 0..raw.len() * 8 {
        let mut altered = raw.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        assert!(open(&fixture.keys, "shop", BASE64_URL_SAFE_NO_PAD.encode(altered), NOW).is_err(), "bit {bit}");
    }
}

#[test]
fn truncated_or_extended_cookie_is_refused() {
    let fixture = Fixture::new();
    let value = fixture.seal("shop");
    for length in 0..value.len() {
        assert_eq!(open(&fixture.keys, "shop", &value[..length], NOW), Err(InvalidCookie::Malformed));
    }
    assert_eq!(open(&fixture.keys, "shop", format!("{value}A"), NOW), Err(InvalidCookie::Malformed));
}

#[test]
fn cookie_of_another_site_is_refused() {
    let fixture = Fixture::new();
    assert_eq!(open(&fixture.keys, "other", fixture.seal("shop"), NOW), Err(InvalidCookie::Sealed));
}

#[test]
fn old_key_is_accepted_and_asks_for_a_new_cookie_until_it_is_dropped() {
    let fixture = Fixture::new();
    let value = fixture.seal("shop");
    let clock = FixedClock(at(NOW));
    let rotated = KeyRing::rotate(&fixture.path(), 1, &clock, &OsRandom).unwrap();
    assert_eq!(
        open(&rotated, "shop", &value, NOW),
        Ok(Identity { visitor: VISITOR, sealed_at: at(NOW), reissue: true })
    );
    let fresh = rotated.seal(&SiteId::new("shop"), VISITOR, at(NOW), &OsRandom);
    assert!(!open(&rotated, "shop", fresh, NOW).unwrap().reissue);
    let dropped = KeyRing::rotate(&fixture.path(), 1, &clock, &OsRandom).unwrap();
    assert_eq!(open(&dropped, "shop", &value, NOW), Err(InvalidCookie::Sealed));
}

#[test]
fn cookie_is_renewed_in_its_second_half_and_then_expires() {
    let fixture = Fixture::new();
    let value = fixture.seal("shop");
    let reissue = |now| open(&fixture.keys, "shop", &value, now).map(|identity| identity.reissue);
    assert_eq!(reissue(NOW + 200 * DAY - 1), Ok(false));
    assert_eq!(reissue(NOW + 200 * DAY), Ok(true));
    assert_eq!(reissue(NOW + 400 * DAY - 1), Ok(true));
    assert_eq!(reissue(NOW + 400 * DAY), Err(InvalidCookie::Expired));
    assert_eq!(reissue(NOW - 60), Ok(false), "clocks differ a little");
    let early = fixture.keys.seal(&SiteId::new("shop"), VISITOR, at(NOW + DAY), &OsRandom);
    let identity = open(&fixture.keys, "shop", &early, NOW).unwrap();
    assert!(identity.reissue, "one from the future gets its right age");
}

#[test]
fn first_valid_cookie_of_our_name_wins() {
    let fixture = Fixture::new();
    let (value, foreign) = (fixture.seal("shop"), fixture.seal("other"));
    let site = SiteId::new("shop");
    let recognise = |lines: &[&[u8]]| fixture.keys.recognise(&site, &settings(), &cookies(lines), at(NOW));
    assert_eq!(
        recognise(&[b"a=1; _nr=junk", format!("_nr={foreign}; _nr={value}; b=2").as_bytes()]).unwrap().visitor,
        VISITOR
    );
    assert_eq!(recognise(&[b"a=1", format!("x_nr={value}; _nr2={value}; _NR={value}").as_bytes()]), None);
    assert_eq!(recognise(&[]), None);
}

#[test]
fn set_cookie_is_secure_only_over_https() {
    let line = set_cookie(&settings(), "VALUE", false).unwrap();
    assert_eq!(line, "_nr=VALUE; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax");
    let domain = CookieSettings { domain: Some("shop.example".into()), ..settings() };
    let line = set_cookie(&domain, "VALUE", true).unwrap();
    assert_eq!(line, "_nr=VALUE; Path=/; Max-Age=34560000; HttpOnly; SameSite=Lax; Domain=shop.example; Secure");
    let broken = CookieSettings { domain: Some("a\r\nX: y".into()), ..settings() };
    assert!(set_cookie(&broken, "VALUE", true).is_err());
}

#[test]
fn upstream_sees_all_cookies_but_ours() {
    let cases: &[(&[u8], Option<&[u8]>)] = &[
        (b"_nr=x", None),
        (b" _nr=x ; ", None),
        (b"_nr=x; a=1", Some(b"a=1")),
        (b"a=1; _nr=x", Some(b"a=1")),
        (b"a=1; _nr=x; b=2", Some(b"a=1; b=2")),
        (b"_nr=x; a=1; _nr=y;  b=\"q r\"=;c ;;", Some(b"a=1;  b=\"q r\"=;c ;;")),
        (b"a=1;_nr=x;b=2", Some(b"a=1;b=2")),
        (b"a=\xE3\x81\x82; _nr=x", Some(b"a=\xE3\x81\x82")),
    ];
    for (line, rest) in cases {
        assert_eq!(stripped(&[line]), Some(rest.iter().map(|rest| rest.to_vec()).collect()), "{line:?}");
    }
    assert_eq!(stripped(&[b"a=1;  _nrx=1; _nr", b"x"]), None, "nothing of ours: nothing to do");
    assert_eq!(stripped(&[b"a=1 ;", b"_nr=x", b" b=2"]), Some(vec![b"a=1 ;".to_vec(), b" b=2".to_vec()]));
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(Fixture::new);

proptest! {
    #[test]
    fn no_string_breaks_the_opening(value in "[A-Za-z0-9_-]{82}|\\PC{0,120}") {
        prop_assert!(open(&FIXTURE.keys, "shop", &value, NOW).is_err());
    }

    #[test]
    fn stripping_leaves_the_others_byte_for_byte(
        others in prop::collection::vec("[ ]{0,2}[a-z]{1,3}(=[a-z\"= ]{0,5})?", 1..6),
        place in any::<prop::sample::Index>(),
    ) {
        // Ours is put in the way that browsers write it: after a semicolon and a space, unless it is the first.
        let place = place.index(others.len()) + 1;
        let mut pairs = others.clone();
        pairs.insert(place, " _nr=value".into());
        let found = stripped(&[pairs.join(";").as_bytes()]);
        prop_assert_eq!(found, Some(vec![others.join(";").into_bytes()]));
    }
}
