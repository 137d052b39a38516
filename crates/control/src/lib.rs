//! Use cases: what a caller can ask of Wisp, one verb a file.
//!
//! A use case authorises, checks, and acts through the ports of `wisp-core`. This crate must never know HTTP, a
//! storage engine, a sandbox or an interpreter.

mod activations;
mod actors;
mod admit;
mod authenticate;
mod budget;
mod builtin;
mod cached;
mod catalog;
mod components;
mod conductor;
mod control;
pub mod delivery;
mod deploy;
mod entitle;
mod event;
mod exec;
mod feeds;
mod fire;
pub mod gateway;
pub mod hosted;
mod invoke;
mod isolation;
mod kinds;
mod list;
mod once;
pub mod orchestrations;
mod owner;
mod package;
mod record;
mod recover;
mod resolve;
mod rule;
mod seal;
mod secrets;
mod sequence;
mod signed;
mod steps;
mod sweep;
mod transaction;
mod trigger;
mod under_way;
mod unstoppable;
mod users;
mod web;
pub mod workflows;

pub use admit::Admission;
pub use catalog::{Entity, Stored};
pub use control::{Control, Parts};
pub use delivery::{Failing, Letter};
pub use deploy::Deployed;
pub use feeds::{Received, Upcoming};
pub use invoke::{Invoked, Wait};
pub use kinds::Kinds;
pub use list::Collection;
pub use package::Opened;
pub use rule::WithStatus;
pub use seal::Seal;
pub use secrets::Secret;
pub use signed::{Credentials, Signer};
pub use transaction::new_transaction;
pub use web::{Guard, WebAction};
