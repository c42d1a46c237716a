use super::*;
use crate::ids::OsRandom;
use crate::store::ledger::{Ledger, contract};

#[expect(dead_code, reason = "the tests of the whole gateway use all of it")]
#[path = "../../../tests/it/support/postgres.rs"]
mod cluster;
use cluster::Cluster;

fn open(cluster: &Cluster) -> Arc<PostgresLedger> {
    Arc::new(PostgresLedger::open(&cluster.url(), &OsRandom).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn postgres_holds_the_contract_of_ledgers() {
    let cluster = Cluster::start();
    contract::holds(|| open(&cluster), async |query: &str| cluster.sql(query)).await;
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
    let error = PostgresLedger::open(&url, &OsRandom).unwrap().ping().await.unwrap_err().to_string();
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
        let ledger = PostgresLedger::open(&url, &OsRandom).unwrap();
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
    let site = crate::ids::SiteId::new("shop");
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
