//! `wisp deploy`: makes a namespace as a manifest says.
//!
//! Manifest → entities that are wanted → plan, by comparison with what is there → calls. What a project owns carries an
//! annotation with its name, so that what leaves the manifest can be told from what others made.

pub mod apis;
mod apply;
mod difference;
pub mod inherited;
pub mod manifest;
mod plan;
mod read;
mod run;
pub mod wanted;

pub use read::MANIFEST;
pub use run::register;
