use super::*;
use crate::event::What;
use crate::ids::{SiteId, VisitorId};
use crate::store::coupons::Holder;
use crate::store::{ProfileKey, StoreError};

fn key(visitor: u8) -> ProfileKey {
    ProfileKey { site: SiteId::new("shop"), visitor: VisitorId([visitor; 16]) }
}

fn sealing(keys: &[u8]) -> Sealing {
    Sealing::new(Some(Sealer::of_bytes(keys, true)))
}

#[test]
fn sealed_value_opens_at_its_own_row_alone_and_only_unaltered() {
    let sealing = sealing(&[1]);
    let sealed = sealing.profile(&key(1), b"\x01{}").into_owned();
    assert_eq!(&*sealing.profile_of(&key(1), &sealed), b"\x01{}");
    for other in [key(2), ProfileKey { site: SiteId::new("other"), ..key(1) }] {
        assert_eq!(sealing.profile_anew(&other, &sealed), Ok(None), "it is sealed, whosever it is");
        assert_eq!(&*sealing.profile_of(&other, &sealed), sealed.as_slice());
    }
    assert_eq!(sealing.page_of(&key(1), &sealed), "", "a profile is no page");
    for place in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[place] ^= 1;
        assert_ne!(&*sealing.profile_of(&key(1), &altered), b"\x01{}", "byte {place}");
    }
    for short in 0..sealed.len() {
        assert_eq!(&*sealing.profile_of(&key(1), &sealed[..short]), &sealed[..short]);
    }
    assert_ne!(sealing.profile(&key(1), b"\x01{}").into_owned(), sealed, "nobody sees that it is the same");
}

#[test]
fn first_key_seals_all_keys_open_and_what_is_of_an_older_one_is_sealed_anew() {
    let (old, both, new) = (sealing(&[1]), sealing(&[2, 1]), sealing(&[2]));
    let by_old = old.profile(&key(1), b"\x01{}").into_owned();
    assert_eq!(&*both.profile_of(&key(1), &by_old), b"\x01{}");
    assert_eq!(new.profile_anew(&key(1), &by_old), Err(CannotOpen::UnknownKey));
    let by_new = both.profile_anew(&key(1), &by_old).unwrap().unwrap();
    assert_eq!(&*new.profile_of(&key(1), &by_new), b"\x01{}");
    assert_eq!(both.profile_anew(&key(1), &by_new), Ok(None), "once is enough");
    assert!(both.profile_anew(&key(1), b"\x01{}").unwrap().is_some(), "and what is plain");
}

#[test]
fn without_sealing_what_is_sealed_opens_and_what_is_written_is_plain() {
    let off = Sealing::new(Some(Sealer::of_bytes(&[1], false)));
    let sealed = sealing(&[1]).profile(&key(1), b"\x01{}").into_owned();
    assert_eq!(&*off.profile_of(&key(1), &sealed), b"\x01{}");
    assert_eq!(&*off.profile(&key(1), b"\x01{}"), b"\x01{}");
    assert_eq!(off.profile_anew(&key(1), &sealed).unwrap().unwrap(), b"\x01{}");
    assert_eq!(off.fresh(), None);
    assert_eq!(&*Sealing::default().profile(&key(1), b"\x01{}"), b"\x01{}");
}

#[test]
fn names_stay_the_same_when_keys_change_and_only_the_right_keys_know_them() {
    let old = sealing(&[1]);
    let secret = old.fresh().unwrap();
    let names = |keys: &[u8]| sealing(keys).with(Some(&secret), "db");
    let name = names(&[1]).unwrap().order_name(&SiteId::new("shop"), "N-1");
    assert!(is_name(&name) && !name.contains("N-1"));
    let both = names(&[2, 1]).unwrap();
    assert_eq!(both.order_name(&SiteId::new("shop"), "N-1"), name);
    let anew = both.secret_anew(&secret).unwrap();
    let new = sealing(&[2]).with(Some(&anew), "db").unwrap();
    assert_eq!(new.order_name(&SiteId::new("shop"), "N-1"), name);
    assert_eq!(new.secret_anew(&anew), None);
    assert_ne!(new.order_name(&SiteId::new("other"), "N-1"), name);
    assert_eq!(new.holder_anew(&SiteId::new("shop"), &Holder::Visitor(VisitorId([b'c'; 16])).key()), None);

    let refused = |sealing: Sealing| match sealing.with(Some(&secret), "db") {
        Err(error @ StoreError::Open { .. }) => error.to_string(),
        _ => panic!("it is refused"),
    };
    assert!(refused(sealing(&[3])).contains("none of the encryption keys opens it; put the key"));
    assert!(refused(Sealing::default()).contains("it is sealed, and no key is given; name the file"));
}

#[test]
fn order_is_read_back_whatever_its_numbers() {
    let sealing = sealing(&[1]);
    let site = SiteId::new("shop");
    for (value, refund, left) in [
        (Some(500.0), Some(200.0), (Some(500.0), 200.0)),
        (Some(500.0), None, (Some(500.0), 500.0)),
        (Some(500.0), Some(f64::INFINITY), (Some(500.0), 500.0)),
        (Some(f64::INFINITY), Some(f64::NAN), (None, 0.0)),
        (None, Some(5.0), (None, 0.0)),
    ] {
        let details = OrderDetails { id: Some("N-1".into()), value, refunded: 0.0 }.refund(refund);
        let sealed = sealing.order(&site, "name", &details).unwrap();
        let read = sealing.order_of(&site, "name", &sealed).unwrap();
        assert_eq!((read.value, read.refunded), left, "{value:?} {refund:?}");
        assert_eq!(sealing.order_of(&site, "another", &sealed), Err(CannotOpen::Altered));
    }
}

#[test]
fn event_that_says_nothing_more_is_not_sealed() {
    let event = crate::event::Event {
        site: SiteId::new("shop"),
        visitor: VisitorId([1; 16]),
        at: jiff::Timestamp::UNIX_EPOCH,
        what: What::Login,
    };
    assert!(sealing(&[1]).event(&event).sealed.is_none());
}
