//! Languages and sandboxes.
