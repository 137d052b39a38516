//! Serves APIs that are made of web actions.
//!
//! `{path}/{namespace}{base path}{path of the operation}`: the API is found, the caller checked, the web action called
//! as if it had been asked directly, and the request noted.

mod jwt;
mod serve;

pub(crate) use jwt::Issuers;
pub(crate) use serve::serve;
