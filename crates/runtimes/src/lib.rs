//! Languages and sandboxes.

pub mod code;
pub mod languages;
pub mod sandboxes;
