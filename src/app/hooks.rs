//! Has hooks told of events for as long as the gateway runs, and for a moment longer.

use crate::exchange::Gateway;
use crate::webhooks::Deliverer;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// How long what is on its way is given at the end. What is broken off comes back when its lease ends.
const ENDING: Duration = Duration::from_secs(3);

/// Starts. From now on events put messages into the outbox.
pub(super) fn start(gateway: &Gateway, stop: watch::Receiver<bool>) -> JoinSet<()> {
    let Gateway { world, store, clock, random, metrics, .. } = gateway;
    let deliverer = Deliverer::new(world.clone(), store.clone(), clock.clone(), random.clone(), metrics.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(deliverer.run(stop));
    tasks
}

/// Waits for the end of what is on its way.
pub(super) async fn end(tasks: JoinSet<()>) {
    let _ = tokio::time::timeout(ENDING, tasks.join_all()).await;
}
