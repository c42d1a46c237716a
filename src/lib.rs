//! Noren serves each visitor of a web shop as a good clerk would: a reverse proxy that rewrites the shop's pages as they stream.

pub mod action;
pub mod clock;
pub mod config;
pub mod event;
pub mod facts;
pub mod ids;
pub mod plan;
pub mod recorder;
pub mod scenario;
pub mod site;
pub mod store;
pub mod transform;
pub mod visitor;
pub mod world;
