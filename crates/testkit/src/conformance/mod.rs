//! One suite a port, with a check for every sentence of the port's contract.
//!
//! A suite gets a function that opens a fresh, empty adapter, and calls it for each of its checks.

pub mod activations;
pub mod blobs;
pub mod journal;
pub mod language;
pub mod records;
pub mod source;
