use super::*;
use crate::ids::OsRandom;
use crate::store::ledger::contract;

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
