//! APIs of a manifest. They are documents of the gateway, not entities: read from paths with actions or from an OpenAPI
//! file, compared by what the gateway reads of them, and put as a whole.
//!
//! | file | what it does |
//! |---|---|
//! | `wanted` | from the manifest to documents |
//! | `operation` | what the gateway reads of a document's operation |
//! | `secrets` | the secrets of the web actions behind an API |
//! | `known` | the APIs that are there, and their changes |
//! | `shape` | back from a document to the manifest |

mod known;
mod operation;
mod secrets;
mod shape;
mod wanted;

pub use known::{delete, differences, list, put};
pub use operation::{PROJECT, base};
pub use secrets::add_secrets;
pub use shape::{portable, shape};
pub use wanted::Wanted;
