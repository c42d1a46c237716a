//! The connection to Redis: made, watched and made anew by one keeper, and shared by all.
//!
//! While there is none, whoever asks is refused at once: nothing gathers, and only the keeper knocks. Decides what is a lost
//! connection and when to try again; knows nothing of what is asked.

use super::address::Address;
use super::keeper::Keeper;
use super::script::{Call, Script};
use crate::store::StoreError;
use crate::store::presence::Listeners;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{
    Cmd, ErrorKind, FromRedisValue, Pipeline, RedisError, RedisFuture, RedisResult, ServerErrorKind, Value, cmd,
    from_redis_value,
};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, watch};
use tokio::task::{JoinHandle, JoinSet};

/// How long an answer may take. Pages do not wait for it: they have a deadline of their own.
pub(super) const ANSWER: Duration = Duration::from_secs(1);
/// How long connecting may take, handshake included.
pub(super) const CONNECT: Duration = Duration::from_secs(1);
/// So many may wait for an answer: a server that hangs must not gather requests.
const ROOM: usize = 4096;

/// The way to the servers. Dropped, it closes the connection.
pub(super) struct Link {
    place: Arc<str>,
    state: watch::Receiver<State>,
    doubt: Arc<Notify>,
    room: Semaphore,
    keeper: JoinHandle<()>,
}

/// A server of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Node {
    host: String,
    port: u16,
}

/// How it stands.
#[derive(Clone)]
pub(super) enum State {
    /// Connecting for the first time.
    Starting,
    Up(Connection),
    Down(Arc<str>),
}

/// A connection; clones share it.
#[derive(Clone)]
pub(super) enum Connection {
    One(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Link {
    /// Begins to connect. `seed` spreads the tries of several machines.
    pub(super) fn new(address: Address, seed: u64, listeners: Arc<Listeners>) -> Self {
        let (told, state) = watch::channel(State::Starting);
        let (place, doubt) = (address.place.clone(), Arc::new(Notify::new()));
        let keeper = Keeper { address, seed, state: told, doubt: doubt.clone(), listeners };
        #[expect(clippy::disallowed_methods, reason = "ended when the link is dropped")]
        let keeper = tokio::spawn(keeper.keep());
        Self { place, state, doubt, room: Semaphore::new(ROOM), keeper }
    }

    /// Where it leads, without credentials.
    pub(super) fn place(&self) -> &Arc<str> {
        &self.place
    }

    /// Asks one thing.
    pub(super) async fn ask<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, StoreError> {
        let _room = self.enter()?;
        let mut connection = self.connection().await?;
        command.query_async(&mut connection).await.map_err(|error| self.failed(&error))
    }

    /// Asks several things at once: what became of each. Fails when nothing is known of them.
    pub(super) async fn ask_each(&self, commands: Vec<Cmd>) -> Result<Vec<RedisResult<Value>>, StoreError> {
        let _room = self.enter()?;
        let mut connection = self.connection().await?;
        connection.ask_all(commands).await.map_err(|error| self.failed(&error))
    }

    /// The servers that have keys: the masters of a cluster, or the one that there is.
    pub(super) async fn nodes(&self) -> Result<Vec<Option<Node>>, StoreError> {
        if let Connection::One(_) = self.connection().await? {
            return Ok(vec![None]);
        }
        let slots: Vec<Vec<Value>> = self.ask(cmd("CLUSTER").arg("SLOTS")).await?;
        // From, to, the master, its replicas.
        let masters = slots.into_iter().filter_map(|range| match range.into_iter().nth(2)? {
            Value::Array(master) => {
                let mut master = master.into_iter();
                let (host, port) = (from_redis_value(master.next()?).ok()?, from_redis_value(master.next()?).ok()?);
                Some(Node { host, port })
            }
            _ => None,
        });
        let masters: BTreeSet<Node> = masters.collect();
        if masters.is_empty() {
            return Err(self.error(&"the cluster names no masters"));
        }
        Ok(masters.into_iter().map(Some).collect())
    }

    /// Asks one server.
    pub(super) async fn ask_node(&self, node: Option<&Node>, command: Cmd) -> Result<Value, StoreError> {
        let _room = self.enter()?;
        let answer = match (self.connection().await?, node) {
            (Connection::Cluster(mut cluster), Some(Node { host, port })) => {
                let route = SingleNodeRoutingInfo::ByAddress { host: host.clone(), port: *port };
                cluster.route_command(command, RoutingInfo::SingleNode(route)).await
            }
            (mut connection, _) => command.query_async(&mut connection).await,
        };
        answer.map_err(|error| self.failed(&error))
    }

    /// Runs a script over some keys, each run by itself: what became of each. Fails when nothing is known of them.
    pub(super) async fn run(&self, script: &Script, calls: Vec<Call>) -> Result<Vec<RedisResult<Value>>, StoreError> {
        let _room = self.enter()?;
        let mut connection = self.connection().await?;
        let commands = calls.iter().map(|call| script.by_hash(call)).collect();
        let mut answers = connection.ask_all(commands).await.map_err(|error| self.failed(&error))?;
        // A server that has not seen the script yet is told it.
        let unknown = |answer: &RedisResult<Value>| {
            let kind = answer.as_ref().err().map(RedisError::kind);
            kind == Some(ErrorKind::Server(ServerErrorKind::NoScript))
        };
        let missing: Vec<usize> = (0..answers.len()).filter(|at| answers.get(*at).is_some_and(unknown)).collect();
        if !missing.is_empty() {
            let commands = missing.iter().filter_map(|at| calls.get(*at)).map(|call| script.by_text(call)).collect();
            let told = connection.ask_all(commands).await.map_err(|error| self.failed(&error))?;
            for (at, answer) in missing.into_iter().zip(told) {
                if let Some(slot) = answers.get_mut(at) {
                    *slot = answer;
                }
            }
        }
        Ok(answers)
    }

    /// Hears a channel from now on, if there is a connection; else as soon as there is one.
    pub(super) async fn subscribe(&self, channel: String) {
        if let Ok(mut connection) = self.connection().await
            && let Err(error) = connection.subscribe(vec![channel]).await
        {
            self.suspect(&error);
        }
    }

    /// The connection, once it is there for the first time.
    async fn connection(&self) -> Result<Connection, StoreError> {
        let mut state = self.state.clone();
        let ready = state.wait_for(|state| !matches!(state, State::Starting)).await;
        let state = ready.map_err(|_| StoreError::Closed)?.clone();
        match state {
            State::Up(connection) => Ok(connection),
            State::Down(reason) => Err(self.error(&reason)),
            State::Starting => Err(StoreError::Closed),
        }
    }

    fn enter(&self) -> Result<SemaphorePermit<'_>, StoreError> {
        self.room.try_acquire().map_err(|_| StoreError::Overloaded { location: self.place.to_string() })
    }

    /// The error as others see it; the keeper looks what is the matter.
    pub(super) fn failed(&self, error: &RedisError) -> StoreError {
        self.suspect(error);
        self.error(&error)
    }

    fn error(&self, reason: &impl ToString) -> StoreError {
        StoreError::Backend { location: self.place.to_string(), reason: reason.to_string() }
    }

    fn suspect(&self, error: &RedisError) {
        if error.is_unrecoverable_error() || error.is_timeout() || error.is_io_error() {
            self.doubt.notify_one();
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// Whether an error is about one key, and tells nothing of others.
pub(super) fn is_of_key(error: &RedisError) -> bool {
    error.code() == Some("WRONGTYPE")
}

impl Connection {
    /// Sends all, and gives what became of each.
    async fn ask_all(&mut self, commands: Vec<Cmd>) -> RedisResult<Vec<RedisResult<Value>>> {
        match self {
            Self::One(one) => {
                let mut together = Pipeline::with_capacity(commands.len());
                for command in commands {
                    together.add_command(command);
                }
                together.ignore_errors().query_async(one).await
            }
            // Each goes to the node that has its key.
            Self::Cluster(cluster) => {
                let mut under_way = JoinSet::new();
                let count = commands.len();
                for (at, command) in commands.into_iter().enumerate() {
                    let mut cluster = cluster.clone();
                    under_way.spawn(async move { (at, command.query_async::<Value>(&mut cluster).await) });
                }
                let mut answers: Vec<(usize, RedisResult<Value>)> = Vec::with_capacity(count);
                while let Some(ended) = under_way.join_next().await {
                    let panicked = |_| RedisError::from((redis::ErrorKind::Client, "a command was broken off"));
                    answers.push(ended.map_err(panicked)?);
                }
                answers.sort_by_key(|(at, _)| *at);
                Ok(answers.into_iter().map(|(_, answer)| answer).collect())
            }
        }
    }

    pub(super) async fn subscribe(&mut self, channels: Vec<String>) -> RedisResult<()> {
        if channels.is_empty() {
            return Ok(());
        }
        match self {
            Self::One(one) => one.subscribe(channels).await,
            Self::Cluster(cluster) => cluster.subscribe(channels).await,
        }
    }

    pub(super) async fn unsubscribe(&mut self, channels: Vec<String>) -> RedisResult<()> {
        match self {
            Self::One(one) => one.unsubscribe(channels).await,
            Self::Cluster(cluster) => cluster.unsubscribe(channels).await,
        }
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, command: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Self::One(one) => one.req_packed_command(command),
            Self::Cluster(cluster) => cluster.req_packed_command(command),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Self::One(one) => one.req_packed_commands(pipeline, offset, count),
            Self::Cluster(cluster) => cluster.req_packed_commands(pipeline, offset, count),
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Self::One(one) => one.get_db(),
            Self::Cluster(cluster) => cluster.get_db(),
        }
    }
}
