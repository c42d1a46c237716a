//! The shop's pages, one file a page.

pub(super) mod account;
pub(super) mod cart;
pub(super) mod category;
pub(super) mod checkout;
pub(super) mod error;
pub(super) mod help;
pub(super) mod home;
pub(super) mod product;
pub(super) mod search;
