//! The routes, a file for each noun.

pub(crate) mod actions;
pub(crate) mod activations;
pub(crate) mod admin;
pub(crate) mod buckets;
pub(crate) mod compositions;
pub(crate) mod credentials;
pub(crate) mod events;
pub(crate) mod images;
pub(crate) mod letters;
pub(crate) mod limits;
pub(crate) mod log_forwarding;
pub(crate) mod namespaces;
pub(crate) mod packages;
pub(crate) mod rules;
pub(crate) mod secrets;
pub(crate) mod server;
pub(crate) mod triggers;
