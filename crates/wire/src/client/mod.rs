//! A typed client of the OpenWhisk API and of Wisp's admin socket, over TCP, TLS or a Unix socket.
//!
//! One connection is kept and used again; calls on one [`Client`] wait for each other. Nothing is retried: whether a
//! call may be repeated is for its caller to know.
//!
//! ```no_run
//! use wisp_wire::client::{Client, Collection, Endpoint, Invoke, Options};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::new("http://127.0.0.1:3233".parse::<Endpoint>()?, Options::default()).with_key("uuid:secret");
//! let hello = "/_/hello".parse()?;
//! let action: serde_json::Value = client.get(Collection::Actions, &hello).await?;
//! let reply = client.invoke(&hello, &serde_json::json!({ "name": "Ada" }), Invoke::blocking()).await?;
//! # Ok(())
//! # }
//! ```

mod activations;
mod admin;
mod apis;
mod body;
mod buckets;
mod call;
mod connection;
mod endpoint;
mod entities;
mod error;
mod invoke;
mod letters;
mod options;
mod orchestrations;
mod requests;
mod secrets;
mod server;
#[cfg(test)]
mod tests;
mod tls;
mod workflows;

pub use activations::{ActivationLogs, ActivationQuery, ActivationResult};
pub use call::{Call, Client, Reply};
pub use endpoint::Endpoint;
pub use entities::{Collection, Page, Place};
pub use error::{Error, Refusal, Result};
pub use invoke::{Invoke, Invoked};
pub use options::{Options, Progress};
pub use requests::{ActionPut, BindingRef, ExecPut, LimitsPut, PackagePut, Pair, RulePut, TriggerPut};
