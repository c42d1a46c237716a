//! Reading of TOML files that ops edit: typed, with places, all problems at once.

pub mod diagnostic;
pub mod reader;
