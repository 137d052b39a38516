//! Reads the bodies of requests that create or update entities, and refuses bad ones in OpenWhisk's words.
//!
//! Fields that nobody asked for are ignored: clients send back whole documents. A null is an absent field.

mod action;
mod fields;
mod package;
mod rule;
mod trigger;

pub use action::action;
pub use fields::malformed;
pub use package::package;
pub use rule::{rule, status};
pub use trigger::trigger;
