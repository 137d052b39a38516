//! The query languages of state machines: JSONPath with intrinsic functions and payload templates, and JSONata.
//!
//! | module | what it evaluates |
//! |---|---|
//! | [`path`] | JSONPath in Jayway's dialect: `InputPath`, `ItemsPath`, `SecondsPath` …; writes of `ResultPath` |
//! | [`intrinsic`] | calls such as `States.Format('{}', $.name)` |
//! | [`template`] | payload templates: `Parameters`, `ResultSelector`, `ItemSelector`, `Assign` of JSONPath states |
//! | [`jsonata`] | `{% … %}` alone or within objects and arrays |
//! | [`choice`] | the comparison rules of a JSONPath Choice state |
//! | [`timestamp`] | RFC 3339 moments, as `Timestamp` and the Choice operators take them |
//!
//! All read a [`Scope`] and fail with a [`Fault`], which a catcher can match by its error name.

mod allowance;
pub mod choice;
mod depth;
mod fault;
pub mod intrinsic;
pub mod jsonata;
pub mod path;
mod scope;
pub mod template;
pub mod timestamp;

pub use depth::{MAX_DEPTH, nests_too_deep};
pub use fault::Fault;
pub use scope::{Bounds, Chance, Scope};
