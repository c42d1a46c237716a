//! Noren serves each visitor of a web shop as a good clerk would: a reverse proxy that rewrites the shop's pages as they
//! stream, so that no tag is installed, nothing flickers and nothing waits.
//!
//! # Layout
//!
//! ```text
//! client ─► proxy ─► exchange ─► world, site        whose shop is it?
//!                       │
//!                       ├─► visitor ─► store        who asks, and what is remembered of them?
//!                       ├─► facts                   what is known?
//!                       ├─► scenario                what is to be shown?   (pure)
//!                       ├─► action ─► plan          what does that mean for the page?
//!                       ├─► transform               the page, changed as it streams past
//!                       └─► event ─► recorder ─► store
//!
//! control plane:  cli ─► app ─► config, rules, certs, reload ─► world        ops, telemetry
//! ```
//!
//! Modules import only downwards; `tests/tidy.rs` holds the code to a table of allowed imports. The hot path never
//! imports `rules`: rule files are compiled into a [`world::World`] that is swapped as a whole.

pub mod action;
pub mod admission;
pub mod app;
pub mod catalogue;
pub mod certs;
pub mod cli;
pub mod client;
pub mod clock;
pub mod commerce;
pub mod config;
pub mod demo;
pub mod event;
pub mod exchange;
pub mod exports;
pub mod facts;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod geo;
pub mod ids;
pub mod imports;
pub mod ops;
pub mod plan;
pub mod proxy;
pub mod recorder;
pub mod reload;
pub mod rules;
pub mod scenario;
pub mod site;
pub mod store;
pub mod taps;
pub mod telemetry;
pub mod transform;
pub mod visitor;
pub mod web;
pub mod webhooks;
pub mod world;
