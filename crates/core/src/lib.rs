//! The nouns and sockets of Wisp.
//!
//! [`model`] holds what users talk about (actions, triggers, activations …), [`ports`] the traits behind which
//! storage, sandboxes, languages and time are plugged in, [`Error`] the one error type. This crate must never do
//! I/O, read a clock, or know which adapter is in use.
//!
//! ```
//! use wisp_core::model::Fqn;
//!
//! let greet: Fqn = "/guest/tools/greet".parse()?;
//! assert_eq!((greet.namespace(), greet.package(), greet.name()), ("guest", Some("tools"), "greet"));
//! # Ok::<(), wisp_core::Error>(())
//! ```

mod error;
pub mod model;
pub mod ports;
mod register;

pub use error::{Code, Error, Result};
