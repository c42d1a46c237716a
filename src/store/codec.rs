//! Profiles as bytes: a version, then JSON.
//!
//! JSON, so that an older or newer version of this program reads what it knows: a missing field has its default, an unknown one
//! is passed over. The version byte changes only when that no longer holds.

use super::profile::Profile;
use super::seal::SEALED;

const VERSION: u8 = 1;

/// A profile's bytes.
pub(super) fn encode(profile: &Profile) -> Result<Vec<u8>, InvalidProfile> {
    let mut body = Vec::with_capacity(512);
    body.push(VERSION);
    serde_json::to_writer(&mut body, profile)?;
    Ok(body)
}

/// The profile of these bytes; that of no bytes at all is the default one.
pub(super) fn decode(body: &[u8]) -> Result<Profile, InvalidProfile> {
    match body.split_first() {
        None => Ok(Profile::default()),
        Some((&VERSION, json)) => Ok(serde_json::from_slice(json)?),
        // Whoever read it could not open it.
        Some((&SEALED, _)) => Err(InvalidProfile::Sealed),
        Some((&version, _)) => Err(InvalidProfile::Version(version)),
    }
}

/// Why bytes are no profile.
#[derive(Debug, thiserror::Error)]
pub(super) enum InvalidProfile {
    #[error("a profile of version {0}, which is newer than this program")]
    Version(u8),
    #[error("a profile that is sealed with a key that is not in the key file, or is another visitor's")]
    Sealed,
    #[error("a profile that cannot be read: {0}")]
    Json(#[from] serde_json::Error),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::profile::shopping::{CartSeen, Liking, OrderSeen, Shopping, Viewed};
    use crate::store::profile::{MemberSeen, PathViews, ScenarioHistory, Session, SourceSeen};

    /// As the first version wrote it. Never edit it: add another beside it.
    const OLD: &[u8] = include_bytes!("fixtures/profile-v1.json");

    #[test]
    fn profile_of_an_older_version_is_read() {
        let mut body = vec![1];
        body.extend_from_slice(OLD);
        let profile = decode(&body).unwrap();
        assert_eq!(profile.visits, 3);
        assert_eq!(profile.scenarios["welcome"].exposures, 2);
        assert_eq!(profile.paths[0].path, u64::MAX);
        assert_eq!(profile.session.landing_path, "/");
        assert_eq!(profile.orders, 0, "what was not written has its default");
    }

    #[test]
    fn fields_of_a_newer_version_are_passed_over() {
        let body = b"\x01{\"visits\":2,\"horoscope\":{\"sign\":[1]},\"session\":{\"mood\":null,\"pages\":4}}";
        let profile = decode(body).unwrap();
        assert_eq!((profile.visits, profile.session.pages), (2, 4));
    }

    #[test]
    fn unknown_version_and_rubbish_are_errors() {
        assert!(decode(b"\x02{}").unwrap_err().to_string().contains("version 2"));
        for rubbish in [b"\x01".as_slice(), b"\x01{", b"\x01[\"x\"]", b"\x01{\"visits\":-1}"] {
            assert!(decode(rubbish).is_err());
        }
    }

    #[test]
    fn everything_written_is_read_back() {
        let profile = Profile {
            first_seen: 1,
            visits: 2,
            pageviews: 3,
            previous_visit: Some(4),
            ended_session_seconds: 5,
            ended_session_pages: 6,
            orders: 7,
            spent: 8.5,
            last_order: Some(9),
            first_source: Some(SourceSeen { kind: "search".into(), host: Some("h".into()), ..SourceSeen::default() }),
            session: Session { started: 10, pages: 11, landing_path: "/あ".into(), ..Session::default() },
            scenarios: [("s".to_owned(), ScenarioHistory { exposures: 12, ..ScenarioHistory::default() })].into(),
            paths: vec![PathViews { path: u64::MAX, views: 13, visit: 14 }],
            tags: ["vip".to_owned()].into(),
            shop: Shopping {
                cart: Some(CartSeen {
                    lines: vec![("M-1".into(), 2, Some(0.1))],
                    items: 2,
                    value: None,
                    changed: 15,
                    told: vec![("M-2".into(), -1)],
                }),
                products: vec![Viewed("M-1".into(), 16)],
                categories: vec![Liking { name: "茶".into(), score: 1.5, at: 17, outer: true }],
                orders: vec![OrderSeen(u64::MAX, 18, 19.0)],
                counts: [("view_item".to_owned(), vec![(20, 21)])].into(),
                at_checkout: true,
                ..Shopping::default()
            },
            member: MemberSeen {
                logged_in: Some(false),
                fields: [("rank".to_owned(), "gold".to_owned())].into(),
                imported: Some(22),
            },
            joined: Some(crate::ids::VisitorId([0x0a; 16])),
            erased: false,
        };
        assert_eq!(decode(&encode(&profile).unwrap()).unwrap(), profile);
        assert_eq!(decode(&encode(&Profile::default()).unwrap()).unwrap(), Profile::default());
    }

    #[test]
    fn sum_that_is_no_number_does_not_lose_the_visitor() {
        let profile = Profile { spent: f64::INFINITY, visits: 2, ..Profile::default() };
        let read = decode(&encode(&profile).unwrap()).unwrap();
        assert_eq!((read.visits, read.spent), (2, 0.0));
    }
}
