//! Reading of TOML files that ops edit: typed, with places, all problems at once.

pub mod diagnostic;
pub mod document;
pub mod gateway;

pub mod reader;
pub mod render;
pub mod settings;
pub mod source;
pub mod text_map;
