use super::*;
use crate::event::{Event, What};
use crate::facts::attributes::find;
use crate::facts::tests::Request;
use crate::facts::value::Value;
use crate::ids::{OsRandom, SiteId, VisitorId};
use crate::store::exports::Span;
use crate::store::profile::Profile;
use crate::store::{self, ProfileKey, StoreSettings, Write};
use crate::visitor::customers::CustomerKey;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fmt::Write as _;
use std::io::Cursor;
use std::sync::Arc;

struct Shop {
    folder: tempfile::TempDir,
    intake: Intake,
}

impl Shop {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let intake = Self::intake(&folder);
        Self { folder, intake }
    }

    /// As another process has it.
    fn reopened(self) -> Self {
        let Self { folder, intake } = self;
        drop(intake);
        let intake = Self::intake(&folder);
        Self { folder, intake }
    }

    fn intake(folder: &tempfile::TempDir) -> Intake {
        let place = folder.path().join("noren.db").display().to_string();
        Intake {
            store: store::open(&place, &StoreSettings::default(), &OsRandom).unwrap(),
            site: SiteId::new("shop"),
            names: Arc::new(CustomerKey::open(&folder.path().join("customer-key"), &OsRandom).unwrap()),
            currency: "JPY".into(),
            time_zone: TimeZone::get("Asia/Tokyo").unwrap(),
            now: now(),
            dry_run: false,
        }
    }

    async fn import(&self, kind: Kind, text: &str) -> Taken {
        let mut table = table(kind, Encoding::Utf8, text.as_bytes()).unwrap();
        let mut all = Taken::default();
        while let Some(portion) = table.next_portion(3).unwrap() {
            let taken = self.intake.take(table.fields(), portion.rows).await.unwrap();
            all.counts += taken.counts;
            all.bad.extend(portion.bad.into_iter().chain(taken.bad));
        }
        all
    }

    async fn profile(&self, member: &str) -> Profile {
        let key = ProfileKey { site: self.intake.site.clone(), visitor: self.name(member) };
        let live = self.intake.store.load(&key).await.unwrap();
        live.lock().unwrap().clone()
    }

    fn name(&self, member: &str) -> VisitorId {
        self.intake.names.name(&self.intake.site, member)
    }

    async fn events(&self) -> Vec<(String, Option<serde_json::Value>)> {
        let span = Span::default();
        let events = self.intake.store.exports().events(&self.intake.site, &span, None, 1000).await.unwrap();
        events.into_iter().map(|event| (event.name, event.parameters)).collect()
    }
}

fn now() -> Timestamp {
    "2026-11-22T23:00:00+09:00".parse().unwrap()
}

fn table(kind: Kind, encoding: Encoding, bytes: &[u8]) -> Result<Table, ImportError> {
    let settings = Settings {
        kind,
        encoding,
        time_zone: TimeZone::get("Asia/Tokyo").unwrap(),
        now: now(),
        in_shift_jis: "give --encoding shift_jis",
    };
    Table::open(Box::new(Cursor::new(bytes.to_vec())), settings)
}

fn counts(new: usize, changed: usize, same: usize) -> Counts {
    Counts { new, changed, same }
}

const MEMBERS: &str =
    "\u{FEFF}id,rank,points,gender,birth_date,name,tags,attr.店舗,visits:int,score:number,mail:bool,joined:date
m-1,gold,\"1,200\",女性,1985/4/2,花子,vip; 東京,大阪,3,0.50,はい,2020/1/5
m-2,,0,1,19991231,太郎,,,,,no,
";

#[tokio::test]
async fn member_has_what_was_imported_and_conditions_see_it() {
    let shop = Shop::new();
    assert_eq!(shop.import(Kind::Customers, MEMBERS).await, Taken { counts: counts(2, 0, 0), bad: Vec::new() });
    let shop = shop.reopened();
    let profile = shop.profile("m-1").await;
    assert_eq!(profile.tags, ["vip".to_owned(), "東京".to_owned()].into());
    let request = Request {
        history: Some(profile),
        now: "2026-11-20T22:30:00+09:00[Asia/Tokyo]".parse().unwrap(),
        ..Request::default()
    };
    let text = |text: &'static str| Some(Value::String(text.into()));
    assert_eq!(request.fact("customer.rank", None), text("gold"));
    assert_eq!(request.fact("customer.points", None), Some(Value::Int(1200)));
    assert_eq!(request.fact("customer.gender", None), text("female"));
    assert_eq!(request.fact("customer.age", None), Some(Value::Int(41)));
    assert_eq!(request.fact("customer.birth_month", None), Some(Value::Int(4)));
    assert_eq!(request.fact("customer.name", None), text("花子"));
    for (name, value) in
        [("店舗", "大阪"), ("visits", "3"), ("score", "0.5"), ("mail", "true"), ("joined", "2020-01-05")]
    {
        assert_eq!(request.fact("customer.attr", Some(name)), text(value), "{name}");
    }
    assert!(find("customer.attr").is_some());
    let stored = std::fs::read(shop.folder.path().join("noren.db-wal")).unwrap_or_default();
    let stored = [stored, std::fs::read(shop.folder.path().join("noren.db")).unwrap()].concat();
    assert!(stored.windows(4).any(|bytes| bytes == b"gold"), "it is there in plain text");
    assert!(!stored.windows(3).any(|bytes| bytes == b"m-1"), "the member's number is stored nowhere");
}

#[tokio::test]
async fn importing_again_changes_nothing_and_a_changed_row_changes_its_member() {
    let shop = Shop::new();
    shop.import(Kind::Customers, MEMBERS).await;
    let before = shop.profile("m-1").await;
    let shop = shop.reopened();
    assert_eq!(shop.import(Kind::Customers, MEMBERS).await.counts, counts(0, 0, 2));
    assert_eq!(shop.profile("m-1").await, before);
    assert_eq!(shop.import(Kind::Customers, "id,rank\nm-1,\nm-2,\nm-2,new\n").await.counts, counts(0, 2, 1));
    let after = shop.reopened().profile("m-1").await;
    assert!(!after.member.fields.contains_key("rank") && after.member.fields.contains_key("points"));
}

#[tokio::test]
async fn dry_run_writes_nothing() {
    let mut shop = Shop::new();
    shop.intake.dry_run = true;
    assert_eq!(shop.import(Kind::Customers, MEMBERS).await.counts, counts(2, 0, 0));
    assert_eq!(shop.reopened().profile("m-1").await, Profile::default());
}

#[tokio::test]
async fn segments_are_joined_and_left() {
    let shop = Shop::new();
    let joined = shop.import(Kind::Segments, "id,segments\nm-1,vip;spring\nm-2,vip\n").await;
    assert_eq!(joined.counts, counts(2, 0, 0));
    assert_eq!(shop.import(Kind::Segments, "id,segments\nm-1,-spring; vip\nm-2,vip\n").await.counts, counts(0, 1, 1));
    assert_eq!(shop.reopened().profile("m-1").await.tags, ["vip".to_owned()].into());
}

const ORDERS: &str = "id,order,at,value,currency,coupon,refunded,店
m-1,N-1,2026-11-01 10:30,4200,JPY,YORU,,銀座
m-1,N-2,2026/11/20,1000,,,,
m-2,N-3,2026-11-20T01:02:03Z,99.50,USD,,,
m-1,N-1,2026-11-01 10:30,4200,JPY,YORU,,銀座
";

#[tokio::test]
async fn order_is_counted_once_however_often_it_is_imported() {
    let shop = Shop::new();
    // A page has told of this one.
    let seen = crate::commerce::Order { id: "N-9".into(), value: Some(500.0), ..Default::default() };
    let event = Event {
        site: shop.intake.site.clone(),
        visitor: VisitorId([1; 16]),
        at: now(),
        what: What::Purchase(Arc::new(seen)),
    };
    shop.intake.store.write(vec![Write::Event(event)]).await.unwrap();
    let orders = format!("{ORDERS}m-1,N-9,2026-11-21,500,,,,\n");
    assert_eq!(shop.import(Kind::Orders, &orders).await.counts, counts(3, 0, 2));
    let shop = shop.reopened();
    assert_eq!(shop.import(Kind::Orders, &orders).await.counts, counts(0, 0, 5));
    let profile = shop.profile("m-1").await;
    assert_eq!((profile.orders, profile.spent), (2, 5200.0));
    assert_eq!(profile.last_order, Some("2026-11-20T00:00:00+09:00".parse::<Timestamp>().unwrap().as_second()));
    assert_eq!((shop.profile("m-2").await.orders, shop.profile("m-2").await.spent), (1, 0.0), "another currency");
    assert_eq!(shop.events().await.len(), 4);
}

#[tokio::test]
async fn more_orders_than_a_profile_remembers_are_counted_once_too() {
    let shop = Shop::new();
    let mut orders = "id,order,at,value\n".to_owned();
    for day in 1..=28 {
        writeln!(orders, "m-1,N-{day},2026-10-{day:02},100").unwrap();
    }
    assert_eq!(shop.import(Kind::Orders, &orders).await.counts, counts(28, 0, 0));
    let shop = shop.reopened();
    assert_eq!(shop.import(Kind::Orders, &orders).await.counts, counts(0, 0, 28));
    assert_eq!((shop.profile("m-1").await.orders, shop.profile("m-1").await.spent), (28, 2800.0));
}

#[tokio::test]
async fn refunds_are_taken_off_once() {
    let shop = Shop::new();
    shop.import(Kind::Orders, ORDERS).await;
    let refund = "id,order,at,refunded\nm-1,N-1,2026-11-01 10:30,1000\n";
    assert_eq!(shop.import(Kind::Orders, refund).await.counts, counts(0, 1, 0));
    let shop = shop.reopened();
    assert_eq!(shop.import(Kind::Orders, refund).await.counts, counts(0, 0, 1));
    let more = "id,order,at,refunded\nm-1,N-1,2026-11-01 10:30,99999\n";
    assert_eq!(shop.import(Kind::Orders, more).await.counts, counts(0, 1, 0));
    assert_eq!(shop.import(Kind::Orders, more).await.counts, counts(0, 0, 1));
    let profile = shop.profile("m-1").await;
    assert_eq!((profile.orders, profile.spent), (2, 1000.0));
    let refunds: Vec<_> = shop.events().await.into_iter().filter(|(name, _)| name == "refund").collect();
    assert_eq!(refunds.len(), 2);
    assert_eq!(refunds[1].1, Some(serde_json::json!({ "transaction_id": "N-1", "value": 3200.0 })));
}

#[tokio::test]
async fn bad_rows_are_named_and_the_rest_is_loaded() {
    let shop = Shop::new();
    let mut text = b"id,rank,points,gender,birth_date,birth_month,age,tags,n:int,f:number,b:bool,d:date,\n".to_vec();
    for row in [
        "ok-1,gold,1,f,1985-04-02,4,41,a,1,1.5,true,2026-01-01,",
        ",,,,,,,,,,,,",
        "m,,12a,,,,,,,,,,",
        "m,,1.5,,,,,,,,,,",
        "m,,,woman?,,,,,,,,,",
        "m,,,,1985-02-30,,,,,,,,",
        "m,,,,2031-01-01,,,,,,,,",
        "m,,,,,13,,,,,,,",
        "m,,,,,,200,,,,,,",
        "m,,,,,,,-,,,,,",
        "m,,,,,,,,x,,,,",
        "m,,,,,,,,,inf,,,",
        "m,,,,,,,,,,perhaps,,",
        "m,,,,,,,,,,,11/22/2026,",
        "m,gold",
        "m,,,,,,,,,,,,,more",
        "\"m,broken\nquote\nlines\",",
        "m,\"two\nlines\",,,,,,,,,,,",
        "ok-2,\"quoted, \"\"well\"\"\",,,,,,,,,,,",
    ] {
        text.extend_from_slice(row.as_bytes());
        text.extend_from_slice(b"\r\n");
    }
    text.extend_from_slice(b"m,\x8b\xe0,,,,,,,,,,,\n");
    text.extend_from_slice(format!("m,{},,,,,,,,,,,\n", "長".repeat(50)).as_bytes());
    let mut table = table(Kind::Customers, Encoding::Utf8, &text).unwrap();
    let portion = table.next_portion(PORTION).unwrap().unwrap();
    let good: Vec<_> = portion.rows.iter().map(|row| (row.line, row.member.as_str())).collect();
    assert_eq!(good, [(2, "ok-1"), (23, "ok-2")]);
    let mut report = String::new();
    for BadRow { line, column, reason } in &portion.bad {
        writeln!(report, "{line}: {}: {reason}", column.as_deref().unwrap_or("-")).unwrap();
    }
    insta::assert_snapshot!(report);
    let taken = shop.intake.take(table.fields(), portion.rows).await.unwrap();
    assert_eq!(taken.counts, counts(2, 0, 0));
}

#[test]
fn heading_that_does_not_do_is_refused() {
    let mut report = String::new();
    for (kind, heading) in [
        (Kind::Customers, ""),
        (Kind::Customers, "member,rank"),
        (Kind::Customers, "id;rank"),
        (Kind::Customers, "id,rank,RANK"),
        (Kind::Customers, "id,plan,attr.plan:int"),
        (Kind::Customers, "id,plan:money"),
        (Kind::Customers, "id,Password"),
        (Kind::Customers, "id,:int"),
        (Kind::Orders, "id,order,value"),
        (Kind::Orders, "order,at"),
        (Kind::Segments, "id,rank"),
    ] {
        let error =
            table(kind, Encoding::Utf8, heading.as_bytes()).err().map_or("taken".into(), |error| error.to_string());
        writeln!(report, "{heading:24} {error}").unwrap();
    }
    insta::assert_snapshot!(report);
}

#[test]
fn shift_jis_is_read_by_name_alone() {
    let (bytes, _, _) = encoding_rs::SHIFT_JIS.encode("id,rank,会員種別\nm-1,ゴールド,表\nm-2,x,y\n");
    let mut read = table(Kind::Customers, Encoding::ShiftJis, &bytes).unwrap();
    let portion = read.next_portion(PORTION).unwrap().unwrap();
    assert_eq!(read.fields()[1], "attr.会員種別");
    let Says::Member { fields, .. } = &portion.rows[0].says else { panic!("it is a member's") };
    assert_eq!(*fields, [Some("ゴールド".to_owned()), Some("表".to_owned())]);
    assert!(table(Kind::Customers, Encoding::Utf8, &bytes).err().unwrap().to_string().contains("--encoding"));
    let mut wrong = table(Kind::Customers, Encoding::ShiftJis, b"id,rank\nm-1,\x81\nm-2,ok\n").unwrap();
    let portion = wrong.next_portion(PORTION).unwrap().unwrap();
    assert_eq!((portion.rows.len(), portion.bad.len()), (1, 1));
}

#[test]
fn quote_that_is_never_closed_ends_the_file_and_what_was_before_is_kept() {
    let text = format!("id,rank\nm-1,gold\nm-2,\"{}", "no end\n".repeat(400_000));
    let mut table = table(Kind::Customers, Encoding::Utf8, text.as_bytes()).unwrap();
    assert_eq!(table.next_portion(PORTION).unwrap().unwrap().rows.len(), 1);
    let error = table.next_portion(PORTION).unwrap_err();
    assert!(matches!(error, ImportError::Endless(3)), "{error}");
    assert!(table.read() < 2 << 20, "it stopped reading");
}

#[tokio::test]
async fn import_that_was_cut_off_is_finished_by_the_next() {
    const ORDERS: usize = 35_000;
    let mut text = "id,order,at,value\n".to_owned();
    for n in 0..ORDERS {
        writeln!(text, "m-{},N-{n},2026-11-01,10", n % 700).unwrap();
    }
    let rows = || {
        let mut table = table(Kind::Orders, Encoding::Utf8, text.as_bytes()).unwrap();
        table.next_portion(PORTION).unwrap().unwrap().rows
    };
    let kept = async |shop: &Shop| {
        let ids: Vec<String> = (0..ORDERS).map(|n| format!("N-{n}")).collect();
        shop.intake.store.exports().orders(&shop.intake.site, &ids).await.unwrap().len()
    };
    let shop = Shop::new();
    let begun = async {
        let (exports, span) = (shop.intake.store.exports(), Span::default());
        while exports.events(&shop.intake.site, &span, None, 1).await.unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        biased;
        () = begun => {}
        taken = shop.intake.take(&[], rows()) => panic!("it came to its end: {taken:?}"),
    }
    let shop = shop.reopened();
    let before = kept(&shop).await;
    assert!(before > 0 && before < ORDERS, "{before}");
    let taken = shop.intake.take(&[], rows()).await.unwrap();
    assert_eq!(taken.counts, counts(ORDERS - before, 0, before));
    let shop = shop.reopened();
    assert_eq!(kept(&shop).await, ORDERS);
    let mut orders = 0;
    for member in 0..700 {
        orders += shop.profile(&format!("m-{member}")).await.orders as usize;
    }
    assert_eq!(orders, ORDERS);
}
