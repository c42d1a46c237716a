use super::*;
use crate::store::contract::key;

fn seen(visitor: u32, path: &str, at: i64) -> Seen {
    let key = key("here", visitor);
    Seen { site: key.site, visitor: key.visitor, path: path.into(), at: Timestamp::from_second(at).unwrap() }
}

/// What every implementation must hold.
pub(in crate::store) async fn presence_holds(one: &dyn Presence, other: &dyn Presence) {
    let site = SiteId::new("here");
    let later = |seconds: u64| Timestamp::from_second(1000 + seconds as i64).unwrap();
    one.saw(vec![seen(1, "/", 1000), seen(2, "/cart", 1001), seen(1, "/あ", 1002)]).await.unwrap();
    other.saw(vec![seen(3, "/", 1003)]).await.unwrap();
    let online = other.online(&site, later(3), 2).await.unwrap();
    let told: Vec<_> = online.iter().map(|online| (online.visitor, &*online.path, online.seen)).collect();
    assert_eq!(told, [(key("here", 3).visitor, "/", 1003), (key("here", 1).visitor, "/あ", 1002)]);
    assert_eq!(one.count(&site, later(3)).await.unwrap(), 3);
    assert_eq!(one.count(&SiteId::new("elsewhere"), later(3)).await.unwrap(), 0);
    // The second was last seen five minutes and a moment ago.
    assert_eq!(one.count(&site, later(1 + ONLINE.as_secs())).await.unwrap(), 2);
    assert_eq!(other.online(&site, later(3 + ONLINE.as_secs()), 9).await.unwrap(), []);

    let crowd = (0..MOST as u32 + 500).map(|visitor| seen(visitor, "/", 5000 + i64::from(visitor / 1000)));
    one.saw(crowd.collect()).await.unwrap();
    let now = Timestamp::from_second(5010).unwrap();
    assert_eq!(one.count(&site, now).await.unwrap(), MOST as u64, "the last seen are kept");
}

/// What every implementation must hold.
pub(in crate::store) async fn messages_hold(one: &dyn Messages, other: &dyn Messages) {
    let (mut first, mut second) = (one.subscribe("chat").await, other.subscribe("chat").await);
    let mut elsewhere = one.subscribe("elsewhere").await;
    for number in 0..20_u8 {
        other.publish("chat", Bytes::copy_from_slice(&[number, 0, 0xff])).await.unwrap();
    }
    one.publish("elsewhere", Bytes::from_static(b"end")).await.unwrap();
    for number in 0..20_u8 {
        for heard in [&mut first, &mut second] {
            assert_eq!(heard.next().await.unwrap(), [number, 0, 0xff].as_slice());
        }
    }
    assert_eq!(elsewhere.next().await.unwrap(), b"end".as_slice());
}

#[tokio::test]
async fn presence_and_messages_of_one_machine_hold_the_contract() {
    let here = Here::default();
    presence_holds(&here, &here).await;
    messages_hold(&here, &here).await;
}

#[tokio::test]
async fn channel_that_nobody_listens_to_is_forgotten() {
    let here = Here::default();
    for channel in 0..1000 {
        drop(here.subscribe(&channel.to_string()).await);
    }
    assert!(here.listeners.channels().len() <= 1);
}
