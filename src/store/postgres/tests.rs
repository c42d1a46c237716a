use super::*;
use crate::ids::OsRandom;
use crate::store::ledger::{Ledger as _, contract};

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
