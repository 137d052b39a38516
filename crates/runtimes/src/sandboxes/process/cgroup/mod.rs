//! Control groups: how much memory, how many processes and which share of the processor a sandbox gets.
//!
//! The server makes a parent group beside or below its own, named after its process, and one group a sandbox in it.
//! What a dead server left behind is removed when the next one starts.

mod groups;
mod location;
mod v1;
mod v2;

pub use groups::{Group, Groups, Limits};
