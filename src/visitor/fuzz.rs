//! Fuzz target: any `Cookie` headers, among them damaged ones of our own making.

#![expect(clippy::expect_used, reason = "a target panics where a promise is broken")]

use super::cookie::{self, CookieSettings};
use super::keys::KeyRing;
use crate::fuzzing::Input;
use crate::ids::{Random, SiteId, VisitorId};
use http::{HeaderMap, HeaderValue, header};
use jiff::Timestamp;
use std::sync::LazyLock;
use std::time::Duration;

const NOW: i64 = 1_800_000_000;
const NAMES: &[&str] = &["nrn", "a", "__Host-x"];
const OURS: VisitorId = VisitorId([1; 16]);
const OLD: VisitorId = VisitorId([2; 16]);

/// Sealed values by what stands for them in an input: today's, one under a retired key, one of another site, an expired one, and
/// one of a ring that is not ours.
struct Sealed {
    keys: KeyRing,
    ours: String,
    old: String,
    foreign: [String; 3],
}

static SEALED: LazyLock<Sealed> = LazyLock::new(|| {
    let (site, other) = (SiteId::new("shop"), SiteId::new("other"));
    let (newest, retired, stranger) = (KeyRing::of(&[[3; 32]]), KeyRing::of(&[[4; 32]]), KeyRing::of(&[[5; 32]]));
    Sealed {
        keys: KeyRing::of(&[[3; 32], [4; 32]]),
        ours: newest.seal(&site, OURS, at(NOW), &Same),
        old: retired.seal(&site, OLD, at(NOW), &Same),
        foreign: [
            newest.seal(&other, OURS, at(NOW), &Same),
            newest.seal(&site, OURS, at(NOW - 1000), &Same),
            stranger.seal(&site, OURS, at(NOW), &Same),
        ],
    }
});

/// Each line is a header; `\x01` … `\x05` stand for sealed values. No head makes a visitor whom we did not seal.
pub fn cookie(data: &[u8]) {
    let mut input = Input::new(data);
    let settings = CookieSettings {
        name: (*input.of(NAMES)).to_owned(),
        domain: input.flag().then(|| "shop.example".to_owned()),
        lifetime: Duration::from_secs(900),
    };
    let damage = (input.byte(), input.byte());
    let sealed = &*SEALED;
    let mut headers = HeaderMap::new();
    for line in input.rest().split(|byte| *byte == b'\n') {
        let mut value = Vec::new();
        for byte in line {
            match byte {
                1 => value.extend_from_slice(sealed.ours.as_bytes()),
                2 => value.extend_from_slice(sealed.old.as_bytes()),
                3 => damaged(&mut value, &sealed.ours, damage),
                4 | 5 => {
                    let which = usize::from(byte - 4) + usize::from(damage.0 & 1);
                    value.extend_from_slice(sealed.foreign.get(which).map_or("", String::as_str).as_bytes());
                }
                _ => value.push(*byte),
            }
        }
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            headers.append(header::COOKIE, value);
        }
    }
    recognised(sealed, &settings, &headers);
    stripped(&settings.name, &headers);
    let line = cookie::set_cookie(&settings, &sealed.ours, data.len().is_multiple_of(2)).expect("a header");
    assert!(line.to_str().is_ok_and(|line| line.starts_with(&settings.name) && line.contains("; HttpOnly")));
}

/// Whoever is recognised came with the very value that was sealed for them, under our name.
fn recognised(sealed: &Sealed, settings: &CookieSettings, headers: &HeaderMap) {
    let Some(found) = sealed.keys.recognise(&SiteId::new("shop"), settings, headers, at(NOW)) else { return };
    let (value, retired) = match found.visitor {
        OURS => (&sealed.ours, false),
        OLD => (&sealed.old, true),
        VisitorId(other) => panic!("a forged visitor: {other:?}"),
    };
    assert_eq!(found.sealed_at, at(NOW), "an expired one was taken");
    assert_eq!(found.reissue, retired, "a retired key asks for a new cookie");
    let is_it = |pair: &Vec<u8>| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=').map(<[u8]>::trim_ascii);
        parts.next() == Some(settings.name.as_bytes()) && parts.next() == Some(value.as_bytes())
    };
    assert!(pairs(headers).iter().any(is_it), "an altered one was taken");
}

/// What goes upstream holds none of our pairs and all of the others, in their order.
fn stripped(name: &str, headers: &HeaderMap) {
    let is_ours = |pair: &[u8]| {
        let mut parts = pair.splitn(2, |byte| *byte == b'=');
        parts.next().is_some_and(|key| key.trim_ascii() == name.as_bytes()) && parts.next().is_some()
    };
    let before = pairs(headers);
    let Some(rest) = cookie::without_cookies(headers, &[name]) else {
        assert!(!before.iter().any(|pair| is_ours(pair)), "our cookie goes upstream");
        return;
    };
    let mut kept = HeaderMap::new();
    kept.extend(rest.into_iter().map(|value| (header::COOKIE, value)));
    let kept = pairs(&kept);
    let said = |pairs: &[Vec<u8>]| -> Vec<Vec<u8>> {
        let pairs = pairs.iter().filter(|pair| !is_ours(pair)).map(|pair| pair.trim_ascii().to_vec());
        pairs.filter(|pair| !pair.is_empty()).collect()
    };
    assert!(before.iter().any(|pair| is_ours(pair)), "there was nothing to take off");
    assert!(!kept.iter().any(|pair| is_ours(pair)), "our cookie goes upstream");
    assert_eq!(said(&kept), said(&before), "another's cookie was changed");
}

fn pairs(headers: &HeaderMap) -> Vec<Vec<u8>> {
    let lines = headers.get_all(header::COOKIE).iter();
    lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).map(<[u8]>::to_vec).collect()
}

/// The value with one byte changed, taken away or put in between.
fn damaged(out: &mut Vec<u8>, value: &str, (how, with): (u8, u8)) {
    let at = usize::from(how) % value.len();
    let (before, after) = value.split_at(at);
    out.extend_from_slice(before.as_bytes());
    if with < 128 {
        out.push(with);
    }
    out.extend_from_slice(after.get(usize::from(with % 2)..).unwrap_or_default().as_bytes());
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).expect("a moment")
}

/// The nonces of a target need not be new: an input must give the same again.
struct Same;

impl Random for Same {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

#[cfg(test)]
#[test]
fn no_head_makes_a_visitor_whom_we_did_not_seal() {
    crate::fuzzing::replay("cookie", 3000, cookie);
}
