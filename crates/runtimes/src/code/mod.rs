//! Unpacked code: each blob once, by its digest, ready to be made visible in sandboxes.
//!
//! Archives come from users: nothing in them can be written outside its directory, and their size, number of files
//! and depth are limited while they are unpacked, whatever they claim.

mod cache;
mod compiled;
mod config;
mod format;
mod tree;
mod unpack;

pub use cache::{Cache, Code, Lease};
pub use compiled::{Compiled, Owner};
pub use config::Config;
pub(crate) use tree::make_directories;
