//! Who a visitor is, and in which arm of a test.

pub mod bucket;
