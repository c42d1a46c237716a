//! The gateway as its users meet it: the real binary between scripted or real shops and scripted or real browsers.
//!
//! `support` starts and stops things and speaks the wire; every other module states behaviour. Nothing here sleeps and hopes: a test
//! waits for a condition, and only a failing one waits long.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "a helper of a test may fail loudly, and owns its clock and its tasks"
)]

mod support;

mod beside;
mod browser_policies;
mod codings;
mod conformance;
mod coupon_kills;
mod coupons;
mod customers;
mod demo;
mod detect;
mod durability;
mod evershop;
mod floods;
mod framing;
mod geo;
mod hazards;
mod header_policy;
mod headers;
mod hostile;
mod hydration;
mod insertion;
mod intake;
mod late;
mod learning;
mod ledger_faults;
mod logs;
mod messages;
mod operators;
mod origin_faults;
mod oscar;
mod overload;
mod own_faults;
mod page_kills;
mod passthrough;
mod platforms;
mod privacy;
mod protocols;
mod reading;
mod redis_faults;
mod reload;
mod requests;
mod sealing;
mod shared_store;
mod slow;
mod smuggling;
mod streaming;
mod succession;
mod taps;
mod twin_faults;
mod twins;
mod webhooks;
mod websocket;
mod worker;
