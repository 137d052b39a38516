//! Container images: pulled from registries or imported from files, unpacked once, layer by layer, by their digests.
//!
//! ```text
//! <directory>/layers/<digest of the uncompressed archive>/   what a layer adds, in overlayfs' form
//!            /images/<digest of the configuration>.json      which layers, and how to run them
//!            /names.json                                     which name means which image
//!            /partial/                                       what is being added; emptied at each start
//! ```
//! Images come from strangers. Nothing in one is written outside its layer's directory, no link of one is ever followed,
//! devices and set-user-id bits are dropped, and size, number and depth are limited while it is unpacked, whatever it
//! claims. A layer is unpacked only after its digest was found right.

mod archive;
mod config;
mod credentials;
mod expand;
mod import;
mod layer;
mod manifest;
mod pull;
mod store;
mod users;

pub use config::{Config, Pull};
pub use store::{Store, Stored};
