use super::*;
use crate::commerce::{Order, Search};
use crate::event::{Event, What};
use crate::ids::{OsRandom, SiteId, VisitorId};
use crate::store::coupons::{CodeAsk, Coupons as _, Holder, Supply};
use crate::store::exports::{Exports, Span};
use crate::store::ledger::{Ledger, contract};
use crate::store::records::Records as _;
use crate::store::{ProfileKey, Resealed, Sealer};

#[expect(dead_code, reason = "the tests of the whole gateway use all of it")]
#[path = "../../../tests/it/support/postgres.rs"]
mod cluster;
use cluster::Cluster;

fn open(cluster: &Cluster) -> Arc<PostgresLedger> {
    Arc::new(PostgresLedger::open(&cluster.url(), &StoreSettings::default(), &OsRandom).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_holds_the_contract_of_ledgers() {
    let cluster = Cluster::start();
    contract::holds(|| open(&cluster), async |query: &str| cluster.sql(query)).await;
}

fn open_with(cluster: &Cluster, keys: &[u8]) -> Arc<PostgresLedger> {
    let sealer = Some(Sealer::of_bytes(keys, true));
    let settings = StoreSettings { sealer, ..StoreSettings::default() };
    Arc::new(PostgresLedger::open(&cluster.url(), &settings, &OsRandom).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn sealed_postgres_holds_the_contract_of_ledgers() {
    let cluster = Cluster::start();
    contract::holds(|| open_with(&cluster, &[1]), async |query: &str| cluster.sql(query)).await;
    crate::store::outbox::contract::holds(|| open_with(&cluster, &[1])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn tables_of_before_are_sealed_while_they_are_used_and_an_older_key_can_go() {
    let cluster = Cluster::start();
    let (site, visitor, at) = (SiteId::new("shop"), VisitorId([7; 16]), jiff::Timestamp::UNIX_EPOCH);
    let event = |what| Event { site: site.clone(), visitor, at, what };
    let order = |value| Arc::new(Order { id: "ORDER-SHY-1".into(), value: Some(value), ..Order::default() });
    let member = contract::ask("shop", Holder::Customer("member-shy".into()), contract::pattern(9));
    let everybody = CodeAsk {
        pool: "all".into(),
        ..contract::ask("shop", Holder::Visitor(visitor), Supply::Fixed { code: "ALL".into(), limit: 9 })
    };
    let plain = open(&cluster);
    let events = vec![
        event(What::PageView { path: "/shy-path".into() }),
        event(What::Search(Search { term: "shy search term".into(), results: None })),
        event(What::Purchase(order(500.0))),
    ];
    plain.append(plain.next_batch(), events).await.unwrap();
    let code = plain.reserve(&member).await.unwrap().unwrap().code;
    plain.reserve(&everybody).await.unwrap().unwrap();
    assert!(plain.redeemed(&site, "ALL", "ORDER-SHY-1", at).await.unwrap());

    let tables = ["events", "orders", "coupon_grants", "coupon_redemptions"];
    let shown = || {
        let dump =
            tables.map(|table| cluster.sql(&format!("SELECT coalesce(string_agg(t::text, ''), '') FROM {table} t")));
        // Bytes are shown in hexadecimal.
        let holder = "member-shy".bytes().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
        let words = ["/shy-path", "shy search term", "ORDER-SHY-1", &holder];
        words.map(|word| dump.iter().any(|table| table.contains(word)))
    };
    let told = async |ledger: &PostgresLedger| {
        let key = ProfileKey { site: site.clone(), visitor };
        let kept = ledger.about(&key, 9).await.unwrap().events;
        let events = Exports::events(ledger, &site, &Span::default(), None, 9).await.unwrap();
        let orders = Exports::orders(ledger, &site, &["ORDER-SHY-1".to_owned()]).await.unwrap();
        assert!(!ledger.redeemed(&site, "ALL", "ORDER-SHY-1", at).await.unwrap(), "once an order");
        let events: Vec<_> = events.iter().map(|event| (&event.path, &event.parameters)).collect();
        format!("{kept:?} {events:?} {:?}", (orders.len(), orders[0].value, orders[0].refunded))
    };
    let before = told(&plain).await;
    assert_eq!(shown(), [true; 4]);

    let first = open_with(&cluster, &[1]);
    assert_eq!(told(&first).await, before, "what is plain is read");
    first.append(first.next_batch(), vec![event(What::Purchase(order(900.0)))]).await.unwrap();
    assert_eq!(told(&first).await, before, "the order is there already");
    // Three events, an order, a holder and a redemption.
    assert_eq!(first.reseal().await.unwrap(), Resealed { changed: 6, ..Resealed::default() });
    assert_eq!(shown(), [false; 4]);
    assert_eq!(first.reseal().await.unwrap(), Resealed::default(), "once is enough");
    assert_eq!(told(&first).await, before);
    assert_eq!(first.reserve(&member).await.unwrap().unwrap().code, code, "the member has the code that they had");

    let both = open_with(&cluster, &[2, 1]);
    assert_eq!(both.reseal().await.unwrap().changed, 4);
    let second = open_with(&cluster, &[2]);
    assert_eq!(told(&second).await, before);
    for (refused, reason) in [
        (open_with(&cluster, &[1]), "none of the encryption keys opens it"),
        (open(&cluster), "it is sealed, and no key is given"),
    ] {
        let error = refused.append(refused.next_batch(), vec![event(What::Login)]).await.unwrap_err();
        assert!(matches!(error, StoreError::Open { .. }) && error.to_string().contains(reason), "{error}");
    }
    let refund = event(What::Refund { order: "ORDER-SHY-1".into(), value: Some(200.0) });
    second.append(second.next_batch(), vec![refund.clone(), refund]).await.unwrap();
    assert!(told(&second).await.ends_with("(1, Some(500.0), 400.0)"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_holds_the_contract_of_outboxes() {
    let cluster = Cluster::start();
    crate::store::outbox::contract::holds(|| open(&cluster)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn machines_that_start_at_once_make_the_tables_once_and_newer_tables_are_taken_as_they_are() {
    let cluster = Cluster::start();
    let mut machines = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let ledger = open(&cluster);
        machines.spawn(async move { ledger.ping().await.unwrap() });
    }
    machines.join_all().await;
    assert_eq!(cluster.sql("SELECT count FROM ping"), "8");
    cluster.sql("INSERT INTO schema_versions (version) VALUES (99)");
    open(&cluster).ping().await.unwrap();
}

#[tokio::test]
async fn server_that_is_not_there_is_named_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("postgres://noren:s3cret@/shop?host={}", folder.path().display());
    let error =
        PostgresLedger::open(&url, &StoreSettings::default(), &OsRandom).unwrap().ping().await.unwrap_err().to_string();
    assert!(error.contains("the store at postgres://") && !error.contains("s3cret"), "{error}");
}

/// Puts a file into the server's folder, for it alone.
fn put(cluster: &Cluster, name: &str, content: &str) {
    let data = cluster.sql("SHOW data_directory");
    let file = format!("{data}/{name}");
    std::fs::write(&file, content).unwrap();
    for (program, argument) in [("chown", &*format!("--reference={data}/PG_VERSION")), ("chmod", "600")] {
        assert!(std::process::Command::new(program).args([argument, &file]).status().unwrap().success());
    }
}

#[tokio::test]
async fn connection_is_encrypted_and_its_server_verified_as_sslmode_says() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let cluster = Cluster::start_with(&["fsync=off", "listen_addresses=127.0.0.1", &format!("port={port}")]);
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    put(&cluster, "server.crt", &made.cert.pem());
    put(&cluster, "server.key", &made.signing_key.serialize_pem());
    cluster.sql("ALTER SYSTEM SET ssl = on");
    cluster.sql("SELECT pg_reload_conf()");
    while cluster.sql("SHOW ssl") != "on" {}
    let roots = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(roots.path(), made.cert.pem()).unwrap();
    let root = format!("sslrootcert={}", roots.path().display());

    let encrypted = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE application_name = 'noren'";
    for (host, query, outcome) in [
        ("localhost", "sslmode=disable", Ok("f")),
        ("localhost", "", Ok("t")),
        ("127.0.0.1", "sslmode=require", Ok("t")),
        ("localhost", &format!("sslmode=verify-full&{root}"), Ok("t")),
        ("127.0.0.1", &format!("sslmode=verify-full&{root}"), Err("certificate")),
        ("localhost", "sslmode=verify-full", Err("certificate")),
    ] {
        let url = format!("postgres://noren@{host}:{port}/noren?{query}");
        let ledger = PostgresLedger::open(&url, &StoreSettings::default(), &OsRandom).unwrap();
        let answer = ledger.ping().await.map_err(|error| error.to_string());
        match (answer, outcome) {
            (Ok(()), Ok(wanted)) => assert_eq!(cluster.sql(encrypted), wanted, "{host} {query}"),
            (Err(error), Err(wanted)) => assert!(error.contains(wanted), "{host} {query}: {error}"),
            (answer, _) => panic!("{host} {query}: {answer:?}"),
        }
        drop(ledger);
        while !cluster.sql(encrypted).is_empty() {
            // The connection ends as the runtime drops its task.
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_products() {
    let cluster = Cluster::start();
    crate::store::products::contract::holds(|| open(&cluster), |ledger| ledger.products()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn machines_that_learn_the_same_products_at_once_do_not_wait_for_each_other_in_a_circle() {
    let cluster = Cluster::start();
    let machines = [open(&cluster), open(&cluster), open(&cluster)];
    let site = SiteId::new("shop");
    let kept = |id: usize, seen: i64| {
        let product = crate::commerce::Product { id: format!("P{id}"), ..Default::default() };
        crate::store::products::Kept { product, seen, ..Default::default() }
    };
    for round in 0..10 {
        let each = machines.iter().enumerate().map(|(number, machine)| {
            let products = (0..300).map(|id| kept((id * (number + 1) * 7) % 300, round)).collect();
            let gone = (0..50).map(|id| format!("P{}", (id * 5 + number * 50) % 250)).collect();
            let site = site.clone();
            async move { machine.products().put(&site, products, gone).await.unwrap() }
        });
        let [one, two, three] = <[_; 3]>::try_from(each.collect::<Vec<_>>()).ok().unwrap();
        tokio::join!(one, two, three);
    }
    assert!(machines[0].products().all(&site).await.unwrap().len() >= 250);
}
