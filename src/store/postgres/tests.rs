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
