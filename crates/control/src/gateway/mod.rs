//! The API gateway: HTTP APIs made of web actions.
//!
//! An API is a document of its namespace, by base path: paths with their operations, each of which names a web action,
//! and a policy of who may call and how often. It is changed through the built-in actions of `/whisk.system/apimgmt`
//! (`crate::builtin`), which the clients of OpenWhisk use, and served by `wisp-api`.
//!
//! | file | what it does |
//! |---|---|
//! | `check` | refuses documents that cannot be served |
//! | `edit` | changes documents: adds and removes operations, reads what clients send |
//! | `openapi` | reads OpenAPI 2 and 3, writes 3.1 |
//! | `policy` | what a document says of who may call and how often |
//! | `routes` | from a document to templates of paths that requests are matched with |
//! | `store` | keeps documents and keys |
//! | `keys` | keys of callers |
//! | `rates` | requests a second, minute, hour or day |
//! | `usage` | what was called, by key and operation, and the last requests |
//! | `admit` | the story: find the operation, check the caller, count |

mod admit;
mod check;
mod edit;
mod keys;
mod openapi;
mod policy;
mod rates;
mod routes;
mod settings;
mod store;
mod usage;

pub use admit::{Asked, Credentials, Met};
pub(crate) use check::check;
pub(crate) use edit::{Patch, remove};
pub use keys::ClientKey;
pub(crate) use keys::KeyPut;
use openapi::METHODS;
pub(crate) use openapi::{export, import};
pub use policy::{Jwt, Policy};
pub use settings::Settings;
pub(crate) use store::{Api, Gateway};
pub use usage::{Entry, Filter};
