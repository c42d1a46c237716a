//! Noren serves each visitor of a web shop as a good clerk would: a reverse proxy that rewrites the shop's pages as they stream.

pub mod action;
pub mod client;
pub mod clock;
pub mod config;
pub mod demo;
pub mod event;
pub mod facts;
pub mod ids;
pub mod plan;
pub mod rules;
pub mod scenario;
pub mod site;
pub mod store;
pub mod transform;
pub mod world;
