//! Where functions run: each sandbox isolates a program by other means, behind the same port.

mod check;
mod context;

pub use check::{Check, Health};
pub use context::{Config, Context};

wisp_core::register! {
    /// The sandboxes of this build, by their names in configuration.
    pub SANDBOXES: fn(&Context) -> wisp_core::Result<std::sync::Arc<dyn wisp_core::ports::Sandbox>> => process
}
