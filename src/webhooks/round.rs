//! Delivers what is due for one hook, until nothing is, or the hook wants to be left alone.

use super::Shared;
use super::schedule::{Verdict, rest, verdict};
use super::send::{Answer, Client, SendError, send};
use crate::exports;
use crate::site::webhooks::{SigningKey, Webhook};
use crate::store::StoreError;
use crate::store::outbox::{HookId, Message};
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::task::JoinSet;

/// Messages under way at once to one hook; to one that fails, one.
const AT_ONCE: usize = 8;
/// A message is leased for as long as an answer may take, and for so long more.
const SPARE: Duration = Duration::from_secs(5);
/// How often the store is told that a message was delivered, and how long it is waited in between: the lease is longer.
const TELLINGS: usize = 3;
const TELL_AGAIN: Duration = Duration::from_secs(1);
/// How long a hook rests whose secret cannot be read.
const UNSIGNED: Duration = Duration::from_secs(15);

/// How a hook stands with us, from one round to the next.
#[derive(Debug, Clone, Default)]
pub(super) struct Standing {
    /// A round is under way.
    pub(super) is_out: bool,
    /// Failures since the last message that was taken.
    in_a_row: u32,
    /// It is left alone until then.
    rests_until: Option<Instant>,
    /// The log was told that it fails.
    told: bool,
}

impl Standing {
    pub(super) fn rests(&self, now: Instant) -> bool {
        self.rests_until.is_some_and(|until| now < until)
    }

    fn rest(&mut self, now: Instant, pause: Duration) {
        let until = now.checked_add(pause).unwrap_or(now);
        self.rests_until = Some(self.rests_until.map_or(until, |other| other.max(until)));
    }
}

/// A message after a try.
type Tried = (Message, Result<Answer, SendError>);

/// Delivers. What is under way when it is told to stop is brought to its end.
pub(super) async fn run(
    shared: Arc<Shared>,
    id: HookId,
    mut standing: Standing,
    stop: watch::Receiver<bool>,
) -> (HookId, Standing) {
    let mut under_way: JoinSet<Tried> = JoinSet::new();
    loop {
        let is_stopping = *stop.borrow();
        if !is_stopping
            && !standing.rests(shared.clock.monotonic())
            && let Some(hook) = shared.hook(&id)
            && let Err(error) = take(&shared, &id, hook, &mut standing, &mut under_way).await
        {
            tracing::warn!(site = %id.site, hook = &*id.name, %error, "no message could be taken from the store");
        }
        let Some(first) = under_way.join_next().await else { break };
        let mut tried: Vec<Tried> = first.into_iter().collect();
        while let Some(more) = under_way.try_join_next() {
            tried.extend(more);
        }
        settle(&shared, &id, &mut standing, tried).await;
    }
    standing.is_out = false;
    (id, standing)
}

/// Takes as many messages as there is room for, and sends them off.
async fn take(
    shared: &Arc<Shared>,
    id: &HookId,
    hook: Arc<Webhook>,
    standing: &mut Standing,
    under_way: &mut JoinSet<Tried>,
) -> Result<(), StoreError> {
    let at_once = if standing.in_a_row > 0 { 1 } else { AT_ONCE };
    let free = at_once.saturating_sub(under_way.len());
    let mut permits: Vec<OwnedSemaphorePermit> =
        (0..free).map_while(|_| shared.room.clone().try_acquire_owned().ok()).collect();
    if permits.is_empty() {
        return Ok(());
    }
    let (client, keys) = match ready(shared.clone(), hook.clone()).await {
        Ok(ready) => ready,
        Err(error) => {
            fails(shared, id, standing, &error);
            standing.rest(shared.clock.monotonic(), UNSIGNED);
            return Ok(());
        }
    };
    let now = shared.clock.now();
    let lease = SignedDuration::try_from(hook.timeout + SPARE).unwrap_or(SignedDuration::MAX);
    let until = now.checked_add(lease).unwrap_or(Timestamp::MAX);
    for message in shared.store.outbox().lease(id, now, until, permits.len()).await? {
        let (shared, hook, site) = (shared.clone(), hook.clone(), id.site.clone());
        let (client, keys) = (client.clone(), keys.clone());
        let permit = permits.pop();
        under_way.spawn(async move {
            let mut body = exports::message(&site, &message.event);
            body.extend(shared.member(&site, message.event.visitor).await.map(|id| ("user_id".to_owned(), id.into())));
            let body = Value::Object(body).to_string();
            let answer = send(&client, &hook, &keys, &message.id, shared.clock.now(), body.into()).await;
            drop(permit);
            (message, answer)
        });
    }
    Ok(())
}

/// What messages are sent and signed with. It may be in files.
async fn ready(shared: Arc<Shared>, hook: Arc<Webhook>) -> Result<(Client, Arc<[SigningKey]>), String> {
    let ready = move || {
        let keys = hook.keys().map_err(|error| error.to_string())?;
        Ok((shared.client().map_err(|error| error.to_string())?.clone(), keys.into()))
    };
    tokio::task::spawn_blocking(ready).await.map_err(|error| error.to_string())?
}

/// Has the store know what became of messages.
async fn settle(shared: &Shared, id: &HookId, standing: &mut Standing, tried: Vec<Tried>) {
    let mut finished = Vec::new();
    for (message, outcome) in tried {
        let judged = verdict(outcome.as_ref().ok(), message.tries, shared.chance());
        match judged {
            Verdict::Done => {
                shared.count(id, "delivered", 1);
                works(id, standing);
                finished.push(message.number);
            }
            Verdict::Gone => {
                shared.count(id, "gone", 1);
                tracing::warn!(site = %id.site, hook = &*id.name, why = "gone", "a message was dropped: the receiver wants it no more");
                finished.push(message.number);
            }
            Verdict::Later { pause, rest: whole } => {
                shared.count(id, if whole { "deferred" } else { "failed" }, 1);
                let now = shared.clock.monotonic();
                if whole {
                    standing.rest(now, pause);
                } else {
                    let why = outcome
                        .map_or_else(|error| error.to_string(), |answer| format!("it answers {}", answer.status));
                    fails(shared, id, standing, &why);
                    standing.in_a_row = standing.in_a_row.saturating_add(1);
                    if let Some(pause) = rest(standing.in_a_row, shared.chance()) {
                        standing.rest(now, pause);
                    }
                }
                put_off(shared, id, &message, pause).await;
            }
        }
    }
    if !finished.is_empty() {
        done(shared, id, finished).await;
    }
}

async fn put_off(shared: &Shared, id: &HookId, message: &Message, pause: Duration) {
    let pause = SignedDuration::try_from(pause).unwrap_or(SignedDuration::MAX);
    let due = shared.clock.now().checked_add(pause).unwrap_or(Timestamp::MAX);
    // Otherwise its lease ends, and it is tried a little earlier.
    if let Err(error) = shared.store.outbox().put_off(id, message, due).await {
        tracing::warn!(site = %id.site, hook = &*id.name, %error, "a message could not be put off");
    }
}

async fn done(shared: &Shared, id: &HookId, finished: Vec<i64>) {
    for telling in 1..=TELLINGS {
        match shared.store.outbox().done(finished.clone()).await {
            Ok(()) => return,
            Err(error) if telling == TELLINGS => {
                let count = finished.len();
                tracing::warn!(site = %id.site, hook = &*id.name, %error, count, "delivered messages will be delivered again");
            }
            Err(_) => tokio::time::sleep(TELL_AGAIN).await,
        }
    }
}

/// Says so once, until it works again.
fn fails(shared: &Shared, id: &HookId, standing: &mut Standing, why: &str) {
    if !std::mem::replace(&mut standing.told, true) {
        let at = shared.hook(id).map(|hook| hook.url.shown());
        tracing::warn!(site = %id.site, hook = &*id.name, at, why, "a hook fails; its messages wait");
    }
}

fn works(id: &HookId, standing: &mut Standing) {
    standing.in_a_row = 0;
    if std::mem::take(&mut standing.told) {
        tracing::info!(site = %id.site, hook = &*id.name, "a hook works again");
    }
}
