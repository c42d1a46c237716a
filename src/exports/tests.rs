use super::*;
use crate::event::{Event, What};
use crate::ids::OsRandom;
use crate::store::profile::{MemberSeen, PageViewed, SourceSeen};
use crate::store::{self, ProfileKey, Store, StoreSettings, Write as Put};
use std::sync::Arc;

fn shop() -> SiteId {
    SiteId::new("shop")
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn store(folder: &tempfile::TempDir) -> Arc<dyn Store> {
    let place = folder.path().join("noren.db").display().to_string();
    store::open(&place, &StoreSettings::default(), &OsRandom).unwrap()
}

async fn lines(store: &dyn Store, span: Span, format: Format) -> String {
    let mut out = Vec::new();
    events(store.exports(), &shop(), &span, format, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test]
async fn every_event_of_the_span_is_written_once_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    // Many of one moment: pages end between them.
    let count = PAGE as i64 * 2 + 7;
    let view = |n: i64, site: &str| {
        let what = What::PageView { path: format!("/{n}").into() };
        Put::Event(Event { site: SiteId::new(site), visitor: VisitorId([7; 16]), at: at(100 + n / 700), what })
    };
    store.write((0..count).rev().flat_map(|n| [view(n, "shop"), view(n, "other")]).collect()).await.unwrap();
    let all = lines(&*store, Span::default(), Format::Jsonl).await;
    let mut paths = Vec::new();
    let mut last = 0;
    for line in all.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let time = event["event_timestamp"].as_i64().unwrap();
        assert!(time >= last);
        last = time;
        paths.push(event["event_params"]["page_path"].as_str().unwrap()[1..].parse::<i64>().unwrap());
    }
    paths.sort_unstable();
    assert_eq!(paths, (0..count).collect::<Vec<_>>());
    let within = lines(&*store, Span { since: at(101), until: at(102) }, Format::Jsonl).await;
    assert_eq!(within.lines().count(), 700);
}

#[tokio::test]
async fn lines_have_the_names_of_ga4_and_no_formula() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let arm = Arm { scenario: "welcome".into(), variant: "a".into() };
    let search = crate::commerce::Search { term: "=HYPERLINK(\"x\")".into(), results: Some(3) };
    let line =
        crate::commerce::Line { id: "M-1".into(), name: Some("湯呑み".into()), price: Some(1200.0), quantity: 2 };
    let order = crate::commerce::Order {
        id: "N-7".into(),
        value: Some(2900.0),
        currency: Some("JPY".into()),
        lines: vec![line],
        ..Default::default()
    };
    let all = [
        What::PageView { path: "/a,b".into() },
        What::Exposure(arm.clone()),
        What::Click(arm.clone()),
        What::Conversion { arm, value: Some(5.0) },
        What::Search(search),
        What::Purchase(Arc::new(order)),
    ];
    let put = |(n, what)| Put::Event(Event { site: shop(), visitor: VisitorId([0xAB; 16]), at: at(n as i64), what });
    store.write(all.into_iter().enumerate().map(put).collect()).await.unwrap();
    insta::assert_snapshot!("events_jsonl", lines(&*store, Span::default(), Format::Jsonl).await);
    insta::assert_snapshot!("events_csv", lines(&*store, Span::default(), Format::Csv).await);
}

#[tokio::test]
async fn profiles_are_written_without_hashes_and_can_be_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(&folder);
    let mut writes = Vec::new();
    for n in 0..=PAGE {
        let mut visitor = [0; 16];
        visitor[..8].copy_from_slice(&(n as u64).to_be_bytes());
        let key = ProfileKey { site: shop(), visitor: VisitorId(visitor) };
        let live = store.create(&key);
        {
            let mut profile = live.lock().unwrap();
            let source = SourceSeen::default();
            profile.page_viewed(&PageViewed { at: at(1000), path: "/", source: &source, session_timeout: 1800 });
            profile.shop.searched("secret", 1000);
            profile.shop.ordered("N-1", 1000, 50.0);
            profile.tags = ["vip".to_owned()].into();
            let fields = [("rank".to_owned(), "gold".to_owned()), ("attr.store".to_owned(), "大阪".to_owned())];
            profile.member = MemberSeen { logged_in: Some(true), fields: fields.into(), imported: None };
        }
        writes.push(Put::Profile(key, live));
    }
    store.write(writes).await.unwrap();
    let written = async |format| {
        let mut out = Vec::new();
        profiles(store.exports(), &shop(), &Span::default(), format, &mut out).await.unwrap();
        String::from_utf8(out).unwrap()
    };
    let all = written(Format::Jsonl).await;
    assert_eq!(all.lines().count(), PAGE + 1);
    let first: Value = serde_json::from_str(all.lines().next().unwrap()).unwrap();
    assert_eq!(first["shop"]["orders"], json!([{ "at": 1000, "value": 50.0 }]));
    assert!(first.get("paths").is_none() && first["shop"].get("search").is_none());
    let csv = written(Format::Csv).await;
    insta::assert_snapshot!("profiles_csv", csv.lines().take(2).collect::<Vec<_>>().join("\n"));
}
