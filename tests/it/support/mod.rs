//! Starts and stops gateways, shops and browsers, and speaks HTTP to the byte.

pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod faults;
pub(crate) mod frames;
pub(crate) mod gateway;
pub(crate) mod h2;
pub(crate) mod origin;
pub(crate) mod postgres;
pub(crate) mod process;
#[path = "../../../src/store/redis/tests/server.rs"]
pub(crate) mod redis;
pub(crate) mod rules;
pub(crate) mod shop;
pub(crate) mod tls;
pub(crate) mod visitor;
pub(crate) mod wire;

pub(crate) use client::{Connection, Request, fetch};
pub(crate) use gateway::Gateway;
pub(crate) use origin::{Gate, Origin};
pub(crate) use rules::{Rules, inserting};
pub(crate) use visitor::Visitor;
pub(crate) use wire::{Ending, Framing, Response};

use std::time::{Duration, Instant};

/// The longest that anything is waited for. Only a failing test waits that long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Asks until there is an answer.
pub(crate) fn eventually<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
