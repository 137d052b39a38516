//! Use cases: what a caller can ask of Wisp, one verb a file.
//!
//! A use case authorises, checks, and acts through the ports of `wisp-core`. This crate must never know HTTP, a
//! storage engine, a sandbox or an interpreter.

mod admit;
mod authenticate;
mod cached;
mod catalog;
mod control;
mod fire;
mod invoke;
mod kinds;
mod recover;
mod resolve;
mod seal;
mod sequence;

pub use admit::Admission;
pub use catalog::{Entity, Stored};
pub use control::{Control, Parts};
pub use invoke::{Invoked, Wait};
pub use kinds::Kinds;
pub use seal::Seal;
