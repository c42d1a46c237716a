//! Connections of each client address. Only counted while there is a limit to them.

use ahash::AHashMap;
use parking_lot::Mutex;
use std::net::{IpAddr, Ipv6Addr};

/// Addresses that share a lock.
const SHARDS: usize = 16;

/// Connections by address.
#[derive(Default)]
pub(super) struct Clients {
    shards: [Mutex<AHashMap<IpAddr, usize>>; SHARDS],
}

/// What counts as one client: an IPv4 address, or the 64 bits that an IPv6 network is given out by (RFC 6177, RFC 7421).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Key(IpAddr);

/// The network of one client: an IPv4 address itself, or the 64 bits that an IPv6 network is given out by.
#[must_use]
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
        short @ IpAddr::V4(_) => short,
    }
}

impl Key {
    fn of(address: IpAddr) -> Self {
        Self(network_of(address))
    }

    /// Mixes all bits of the address into few.
    fn shard(self) -> usize {
        let bits = match self.0 {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64,
        };
        (bits.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 60) as usize % SHARDS
    }
}

impl Clients {
    pub(super) fn take(&self, address: IpAddr, limit: usize) -> Option<Key> {
        let key = Key::of(address);
        let mut shard = self.shards.get(key.shard())?.lock();
        let count = shard.entry(key.0).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(key)
    }

    pub(super) fn give(&self, key: Key) {
        let Some(shard) = self.shards.get(key.shard()) else { return };
        let mut shard = shard.lock();
        if let Some(count) = shard.get_mut(&key.0) {
            *count -= 1;
            if *count == 0 {
                shard.remove(&key.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_or_one_ipv6_network_is_one_client_and_is_forgotten_when_it_has_left() {
        let clients = Clients::default();
        let take = |address: &str| clients.take(address.parse().unwrap(), 2);
        let held = [take("192.0.2.1"), take("::ffff:192.0.2.1")].map(Option::unwrap);
        assert_eq!(take("192.0.2.1"), None);
        assert!(take("192.0.2.2").is_some());
        assert!(take("2001:db8::1").is_some() && take("2001:db8::ffff:1").is_some());
        assert_eq!(take("2001:db8::2"), None);
        assert!(take("2001:db8:0:1::1").is_some());
        for key in held {
            clients.give(key);
        }
        assert!(clients.shards.iter().all(|shard| !shard.lock().contains_key(&held[0].0)));
        assert!(take("192.0.2.1").is_some());
    }
}
