//! Takes in what a shop knows elsewhere: its members, their orders and segments, from CSV files.
//!
//! Decides which rows are sound, and what of them is news. Knows neither where a file comes from nor how a store keeps it.
//!
//! What is said of a member goes into the customer's own profile: that which their browsers share once the shop has shown who they
//! are. It is kept under a keyed hash, so that the member's number is stored nowhere. Importing the same file again changes nothing.

mod cells;
mod feed;
mod input;
mod intake;
mod table;

pub use feed::{Feed, Feeder, feed};
pub use input::Encoding;
pub use intake::{Counts, Intake, Taken};
pub use table::{BadRow, ImportError, Kind, Order, Portion, Row, Says, Settings, Table};

/// Rows that are taken in at a time: as many as sort into few pages of a store's index, and as fit into memory on any machine.
pub const PORTION: usize = 50_000;

#[cfg(test)]
mod tests;
