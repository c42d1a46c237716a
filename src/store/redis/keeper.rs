//! Makes the connection, watches it, and makes it anew.
//!
//! One server among the hosts is enough to begin with. It says what it is: a cluster's node, a master, or a replica, which is
//! made do with only while no host is a master.

use super::address::Address;
use super::link::{ANSWER, CONNECT, Connection, State};
use crate::store::presence::Listeners;
use bytes::Bytes;
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::{
    AsyncConnectionConfig, Client, ErrorKind, PushInfo, PushKind, RedisError, RedisResult, Value, cmd, from_redis_value,
};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How often the server is asked whether it is there, and what it is.
const WATCH: Duration = Duration::from_secs(1);
/// The pause before connecting anew, which doubles with each failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(3);
/// Commands that wait for the socket. More wait for room here, and time out.
const BUFFER: usize = 512;

pub(super) struct Keeper {
    pub(super) address: Address,
    /// Unlike that of other machines.
    pub(super) seed: u64,
    pub(super) state: watch::Sender<State>,
    /// Somebody has seen a failure.
    pub(super) doubt: Arc<Notify>,
    pub(super) listeners: Arc<Listeners>,
}

/// What a server says that it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Master,
    Replica,
    Node,
}

impl Keeper {
    /// Works until the link is dropped.
    pub(super) async fn keep(self) {
        let (mut tries, mut told) = (0, false);
        loop {
            let reason = match self.connect().await {
                Ok((connection, role)) => {
                    if std::mem::take(&mut told) {
                        tracing::info!(store = %self.address.place, "the store is back");
                    }
                    tries = 0;
                    self.watch(connection, role).await
                }
                Err(error) => error.to_string(),
            };
            if !std::mem::replace(&mut told, true) {
                tracing::error!(store = %self.address.place, reason, "no connection to the store; trying again");
            }
            self.state.send_replace(State::Down(reason.into()));
            sleep(pause(self.seed, tries)).await;
            tries += 1;
        }
    }

    /// Publishes a connection and watches it until it is lost; says why.
    async fn watch(&self, mut connection: Connection, mut role: Role) -> String {
        self.publish(&mut connection, role).await;
        let mut ticks = interval(WATCH);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = self.doubt.notified() => {}
            }
            match &mut connection {
                // It mends itself, node by node; only where no node answers, asked twice, it is made anew.
                Connection::Cluster(cluster) => {
                    let mut ping = cluster.clone();
                    if cmd("PING").exec_async(cluster).await.is_err()
                        && let Err(error) = cmd("PING").exec_async(&mut ping).await
                    {
                        return error.to_string();
                    }
                }
                Connection::One(one) => match role_of(one).await {
                    Ok(Role::Replica) => {
                        // Another host may be the master by now.
                        if let Ok((mut better, Role::Master)) = self.connect().await {
                            self.publish(&mut better, Role::Master).await;
                            (connection, role) = (better, Role::Master);
                        } else if role == Role::Master {
                            role = Role::Replica;
                            tracing::warn!(store = %self.address.place, "the store became a replica: {READ_ONLY}");
                        }
                    }
                    Ok(_) => role = Role::Master,
                    Err(error) => return error.to_string(),
                },
            }
            let mut unheard = self.listeners.take_unheard();
            if !unheard.is_empty() {
                let _ = connection.unsubscribe(unheard.clone()).await;
                // Somebody may have come in between.
                let heard = self.listeners.channels();
                unheard.retain(|channel| heard.contains(channel));
                let _ = connection.subscribe(unheard).await;
            }
        }
    }

    async fn publish(&self, connection: &mut Connection, role: Role) {
        if role == Role::Replica {
            tracing::warn!(store = %self.address.place, "the store is a replica: {READ_ONLY}");
        }
        let channels = self.listeners.channels();
        if !channels.is_empty()
            && let Err(error) = connection.subscribe(channels).await
        {
            tracing::warn!(store = %self.address.place, %error, "messages of other gateways are not heard");
        }
        self.state.send_replace(State::Up(connection.clone()));
    }

    /// Connects to a master or a cluster, or else to a replica.
    async fn connect(&self) -> RedisResult<(Connection, Role)> {
        let mut replica = None;
        let mut failure = RedisError::from((ErrorKind::Client, "there is no host"));
        for host in &self.address.hosts {
            let config = AsyncConnectionConfig::new()
                .set_connection_timeout(Some(CONNECT))
                .set_response_timeout(Some(ANSWER))
                .set_pipeline_buffer_size(BUFFER)
                .set_push_sender(self.ear());
            let client = Client::open(host.clone())?;
            let connected = async {
                let mut one = client.get_multiplexed_async_connection_with_config(&config).await?;
                let role = role_of(&mut one).await?;
                Ok((one, role))
            };
            match connected.await {
                Ok((_, Role::Node)) => return Ok((Connection::Cluster(self.cluster().await?), Role::Node)),
                Ok((one, Role::Master)) => return Ok((Connection::One(one), Role::Master)),
                Ok((one, Role::Replica)) => replica = Some(one),
                Err(error) => failure = error,
            }
        }
        replica.map(|one| (Connection::One(one), Role::Replica)).ok_or(failure)
    }

    async fn cluster(&self) -> RedisResult<redis::cluster_async::ClusterConnection> {
        let client = ClusterClient::builder(self.address.hosts.clone())
            .connection_timeout(CONNECT)
            .response_timeout(ANSWER)
            .tcp_settings(Address::tcp())
            .retries(4)
            .min_retry_wait(20)
            .max_retry_wait(400)
            .push_sender(self.ear())
            .build()?;
        timeout(CONNECT * 3, client.get_async_connection())
            .await
            .unwrap_or_else(|_| Err((ErrorKind::Client, "the cluster did not answer in time").into()))
    }

    /// Hears what the servers say unasked.
    fn ear(&self) -> impl Fn(PushInfo) -> Result<(), std::convert::Infallible> + Send + Sync + 'static {
        let (doubt, listeners) = (self.doubt.clone(), self.listeners.clone());
        move |push| {
            match push.kind {
                PushKind::Disconnection => doubt.notify_one(),
                PushKind::Message => {
                    if let Some((channel, message)) = message(push) {
                        listeners.tell(&channel, message);
                    }
                }
                _ => {}
            }
            Ok(())
        }
    }
}

const READ_ONLY: &str = "profiles are read but not written, and what is capped is not shown";

/// Channel and contents of a message.
fn message(push: PushInfo) -> Option<(String, Bytes)> {
    let mut data = push.data.into_iter();
    let (channel, contents) = (data.next()?, data.next()?);
    let Value::BulkString(contents) = contents else { return None };
    Some((from_redis_value(channel).ok()?, contents.into()))
}

/// Asks a server what it is.
async fn role_of(one: &mut MultiplexedConnection) -> RedisResult<Role> {
    let told: HashMap<String, Value> = cmd("HELLO").query_async(one).await?;
    let word = |key: &str| told.get(key).and_then(|value| from_redis_value::<String>(value.clone()).ok());
    match (word("mode").as_deref(), word("role").as_deref()) {
        (Some("cluster"), _) => Ok(Role::Node),
        (Some("sentinel"), _) => {
            Err((ErrorKind::InvalidClientConfig, "it is a sentinel: name the servers themselves").into())
        }
        (_, Some("master" | "primary")) => Ok(Role::Master),
        _ => Ok(Role::Replica),
    }
}

/// Half of it is chance, so that several machines do not come together.
fn pause(seed: u64, tries: u32) -> Duration {
    let whole = FIRST_PAUSE.saturating_mul(1 << tries.min(10)).min(LONGEST_PAUSE);
    let chance = xxhash_rust::xxh3::xxh3_64_with_seed(&tries.to_le_bytes(), seed) % 1000;
    whole / 2 + whole / 2 * chance as u32 / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_bound_and_differ_between_machines() {
        let bounds = |tries: u32| FIRST_PAUSE.saturating_mul(1_u32 << tries).min(LONGEST_PAUSE);
        for tries in 0..30 {
            let (one, other) = (pause(1, tries), pause(2, tries));
            let whole = bounds(tries.min(10));
            assert!(one >= whole / 2 && one <= whole, "{one:?}");
            assert_ne!(one, other);
        }
    }
}
