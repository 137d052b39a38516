//! What crosses HTTP: OpenWhisk's JSON shapes, the error body, a typed client.

pub mod client;
pub mod document;
pub mod put;
