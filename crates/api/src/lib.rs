//! HTTP in, use case, HTTP out: the only crate that knows an HTTP server.
//!
//! [`router`] is OpenWhisk's REST API over the use cases of `wisp-control`, [`admin_router`] what an operator may do,
//! and [`serve`] puts either on sockets. A route reads a request, calls one use case and writes its outcome; it must
//! never decide anything about entities, nor know a store or a sandbox.
//!
//! The order of checks is OpenWhisk's: route, credentials, names, rights, size of the body, its content, what is stored.

mod durable;
mod extract;
mod failure;
mod gateway;
mod hosted;
mod listen;
mod reply;
mod router;
mod routes;
mod serve;
mod settings;
mod state;
mod states;
pub mod tls;
mod transaction;
mod web;
mod workflows;

pub use listen::Listener;
pub use router::{admin_router, router};
pub use serve::serve;
pub use settings::{Settings, WebSettings};
pub use state::State;
