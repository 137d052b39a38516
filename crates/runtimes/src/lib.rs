//! Languages and sandboxes.

pub mod code;
pub mod images;
pub mod languages;
pub mod sandboxes;
