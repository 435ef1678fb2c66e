//! What driftd does per event: read the JSON, find the bins, add to the sums.
//!
//! docs/events.md is the law, and `summarise.plain` the oracle: the same records give the same sums, bit for bit.
//! A record is scanned once (`scan`, `number`, `event`): its fields, and the values that columns take, go to rows
//! by the meaning of their keys (`keys`). Only a record that is sound to its last byte is summed (`monitor`).
//!
//! Without the feature `python` only the pure part is built.

#![deny(unsafe_code)]

pub mod clocks;
pub mod columns;
pub mod edges;
pub mod event;
pub mod keys;
pub mod monitor;
pub mod number;
pub mod places;
#[cfg(feature = "python")]
mod python;
pub mod scan;
pub mod summariser;
pub mod sums;
pub mod texts;
pub mod time;
pub mod unseen;
pub mod values;
