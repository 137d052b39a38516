//! Packages of the namespace `whisk.system` that are part of the program: always there, open to everybody, and of the
//! program's own version.
//!
//! A package is a module here and a word in the table; those of event sources come beside them, or add to them. Its actions are functions
//! of this crate, which no sandbox runs, or code of a language:
//!
//! ```ignore
//! pub fn register() -> Package {
//!     Package::new("what it is for").action("echo", "what it does", |request| Box::pin(echo(request)))
//! }
//! ```

mod feeds;
mod package;
mod run;
mod table;

pub(crate) use package::{Package, Request};
pub(crate) use table::{Builtins, SYSTEM};

wisp_core::register! {
    /// All of them, by their names.
    pub(crate) PACKAGES: fn() -> Package => apimgmt, cloudevents, utils, samples
}
