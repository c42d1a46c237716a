//! Where Redis is: `redis://[user:password@]host[:port][,host[:port]…][/number]`; `rediss` for TLS, `valkey` and `valkeys` alike.
//!
//! Several hosts are nodes of one cluster, or a master and its replicas in any order: which, the servers say. What is shown of an
//! address has no credentials.

use crate::store::StoreError;
use redis::io::tcp::TcpSettings;
use redis::{ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};
use std::sync::Arc;
use std::time::Duration;

/// The servers of a location.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) hosts: Vec<ConnectionInfo>,
    /// As it may be shown.
    pub(super) place: Arc<str>,
}

/// Whether a location names Redis.
pub(in crate::store) fn is_redis(scheme: &str) -> bool {
    matches!(scheme, "redis" | "rediss" | "valkey" | "valkeys")
}

/// The kernel gives up a connection over which nothing is acknowledged any more.
const UNACKNOWLEDGED: Duration = Duration::from_secs(5);

impl Address {
    /// Reads a location. Its text is never quoted: it may hold a password.
    pub(super) fn parse(location: &str) -> Result<Self, StoreError> {
        let (scheme, rest) = location.split_once("://").unwrap_or((location, ""));
        let (credentials, rest) = rest.rsplit_once('@').map_or((None, rest), |(user, rest)| (Some(user), rest));
        let (hosts, database) = rest.split_once('/').map_or((rest, ""), |(hosts, number)| (hosts, number));
        let place: Arc<str> = match database {
            "" => format!("{scheme}://{hosts}").into(),
            number => format!("{scheme}://{hosts}/{number}").into(),
        };
        let refuse = |place: &str, reason: &str| StoreError::Open {
            location: place.to_owned(),
            reason: reason.to_owned(),
            remedy: "write `redis://host:6379`, `redis://user:password@host:6379/0`, or several hosts with commas between them; \
                     what is not a letter or a digit in a password is written as %XX",
        };
        if !is_redis(scheme) {
            return Err(refuse("…", "it is no address of Redis"));
        }
        // Someone's password may have a slash in it, and then this is no host at all.
        let sound = |host: &str| {
            !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_:[]".contains(&byte))
        };
        if !hosts.split(',').all(sound) || !database.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(refuse(&format!("{scheme}://…"), "it is no address"));
        }
        let mut infos = Vec::new();
        for host in hosts.split(',') {
            let user = credentials.map(|user| format!("{user}@")).unwrap_or_default();
            let info = format!("{scheme}://{user}{host}/{database}")
                .into_connection_info()
                .map_err(|_| refuse(&place, "it is no address"))?;
            // The third protocol tells of a lost connection by itself, and brings messages over the same connection.
            let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
            infos.push(info.set_redis_settings(redis).set_tcp_settings(Self::tcp()));
        }
        Ok(Self { hosts: infos, place })
    }

    /// How connections are set: small commands leave at once.
    pub(super) fn tcp() -> TcpSettings {
        TcpSettings::default().set_nodelay(true).set_user_timeout(UNACKNOWLEDGED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(location: &str) -> String {
        Address::parse(location).map_or_else(|error| format!("error: {error}"), |address| address.place.to_string())
    }

    #[test]
    fn what_is_shown_has_no_credentials() {
        assert_eq!(shown("redis://me:s%2Fecret@one:6379,two/3"), "redis://one:6379,two/3");
        assert_eq!(shown("rediss://:secret@[::1]:7000"), "rediss://[::1]:7000");
        for broken in
            ["redis://me:sec/ret@one", "redis://secret", "postgres://me:secret@one", "redis://me:secret@", "secret"]
        {
            let shown = shown(broken);
            assert!(!shown.contains("sec/ret") && !shown.contains(":secret"), "{shown}");
            assert!(broken == "redis://secret" || shown.starts_with("error"), "{shown}");
        }
    }

    #[test]
    fn all_hosts_have_the_credentials_and_the_database() {
        let address = Address::parse("valkey://me:se%40cret@one,two:7000/3").unwrap();
        assert_eq!(address.hosts.len(), 2);
        for host in address.hosts {
            let redis = host.redis_settings();
            assert_eq!((redis.username(), redis.password(), redis.db()), (Some("me"), Some("se@cret"), 3));
        }
    }
}
