//! Goes through all profiles of a site: to read them out, and to find the browsers of a customer.
//!
//! Servers name their keys in no order, so all names of a site are gathered first: 16 bytes each. For commands that run beside a
//! gateway; nothing that a page waits for comes here.

use super::row::StoredRow;
use super::{RedisStore, TOGETHER, name};
use crate::ids::{SiteId, VisitorId};
use crate::store::exports::{EventPlace, Exports, Span, StoredEvent, StoredOrder};
use crate::store::live::lock;
use crate::store::profile::Profile;
use crate::store::{ProfileKey, StoreError, codec};
use async_trait::async_trait;
use redis::{Value, cmd, from_redis_value};
use std::sync::Arc;

/// Keys that a server looks at in one step.
const STEP: usize = 1_000;

/// The names of a site's profiles, as they were when reading out began.
pub(super) type Listed = (SiteId, Arc<[VisitorId]>);

impl RedisStore {
    /// All visitors of a site who have a profile, in their order.
    pub(super) async fn names_of(&self, site: &SiteId) -> Result<Vec<VisitorId>, StoreError> {
        let (before, after) = (format!("noren:{{{site}:"), "}:p");
        let pattern = format!("{}*{}", literal(&before), literal(after));
        let mut names = Vec::new();
        for node in self.link.nodes().await? {
            let mut cursor = "0".to_owned();
            loop {
                let mut scan = cmd("SCAN");
                scan.arg(&cursor).arg("MATCH").arg(&pattern).arg("COUNT").arg(STEP);
                let answer = self.link.ask_node(node.as_ref(), scan).await?;
                let (next, keys): (String, Vec<String>) =
                    from_redis_value(answer).map_err(|error| self.link.failed(&error.into()))?;
                names.extend(keys.iter().filter_map(|key| {
                    let digits = key.strip_prefix(&before)?.strip_suffix(after)?;
                    u128::from_str_radix(digits, 16).ok().map(|number| VisitorId(number.to_be_bytes()))
                }));
                if next == "0" {
                    break;
                }
                cursor = next;
            }
        }
        // A server may name a key twice.
        names.sort_unstable();
        names.dedup();
        Ok(names)
    }

    /// The rows of these visitors, without those that are gone, erased, or none of ours.
    pub(super) async fn rows_of(
        &self,
        site: &SiteId,
        names: &[VisitorId],
    ) -> Result<Vec<(VisitorId, StoredRow)>, StoreError> {
        self.admit().await?;
        let key = |visitor: &VisitorId| name(&ProfileKey { site: site.clone(), visitor: *visitor }, "p");
        let get = |visitor| {
            let mut get = cmd("GET");
            get.arg(key(visitor));
            get
        };
        let commands = names.iter().map(get).collect();
        let mut rows = Vec::with_capacity(names.len());
        for (visitor, answer) in names.iter().zip(self.link.ask_each(commands).await?) {
            match answer {
                Ok(Value::BulkString(bytes)) => {
                    if let Some(mut row) = StoredRow::read(&bytes).filter(|row| !row.is_erased()) {
                        let key = ProfileKey { site: site.clone(), visitor: *visitor };
                        row.body = self.sealing.profile_of(&key, &row.body);
                        rows.push((*visitor, row));
                    }
                }
                Ok(_) => {}
                Err(error) if super::link::is_of_key(&error) => {}
                Err(error) => return Err(self.link.failed(&error)),
            }
        }
        Ok(rows)
    }

    /// The names next to one. All of them are listed anew when reading out begins.
    async fn listed(&self, site: &SiteId, after: Option<VisitorId>) -> Result<(Arc<[VisitorId]>, usize), StoreError> {
        let known = lock(&self.listed).clone().filter(|(of, _)| of == site && after.is_some());
        let names = match known {
            Some((_, names)) => names,
            None => {
                let names: Arc<[VisitorId]> = self.names_of(site).await?.into();
                *lock(&self.listed) = Some((site.clone(), names.clone()));
                names
            }
        };
        let from = after.map_or(0, |after| names.partition_point(|name| *name <= after));
        Ok((names, from))
    }
}

#[async_trait]
impl Exports for RedisStore {
    async fn events(
        &self,
        _: &SiteId,
        _: &Span,
        _: Option<EventPlace>,
        _: usize,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        Err(StoreError::Closed)
    }

    async fn profiles(
        &self,
        site: &SiteId,
        span: &Span,
        after: Option<VisitorId>,
        most: usize,
    ) -> Result<Vec<(VisitorId, Profile)>, StoreError> {
        let (names, from) = self.listed(site, after).await?;
        let within = span.since.as_second()..span.until.as_second();
        let mut found = Vec::new();
        for some in names.get(from..).unwrap_or_default().chunks(TOGETHER) {
            for (visitor, row) in self.rows_of(site, some).await? {
                let profile = codec::decode(&row.body).map_err(|error| StoreError::Backend {
                    location: self.link.place().to_string(),
                    reason: error.to_string(),
                })?;
                if within.contains(&profile.touched()) {
                    found.push((visitor, profile));
                }
                if found.len() == most {
                    return Ok(found);
                }
            }
        }
        *lock(&self.listed) = None;
        Ok(found)
    }

    async fn orders(&self, _: &SiteId, _: &[String]) -> Result<Vec<StoredOrder>, StoreError> {
        Err(StoreError::Closed)
    }
}

/// A text as a pattern that matches it alone.
fn literal(text: &str) -> String {
    text.chars().fold(String::new(), |mut pattern, c| {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^' | '-') {
            pattern.push('\\');
        }
        pattern.push(c);
        pattern
    })
}
