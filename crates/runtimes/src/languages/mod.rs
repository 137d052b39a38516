//! Languages: how to find their interpreters, start them in a sandbox, and talk to our launchers inside.
//!
//! A launcher runs beside the user's code in the sandbox and shares descriptor 3 with it: whatever comes from there is
//! bounded, checked, and at worst a developer error of that run. What a language is, is a [`Dialect`](dialect::Dialect);
//! everything else is shared by all of them.
//!
//! Output that a function writes after its reply appears in the logs of the instance's next run, as in OpenWhisk.

mod config;
mod context;
mod dialect;
mod discovery;
mod exchange;
mod family;
mod imports;
mod instance;
mod intake;
mod logs;
mod npm;
mod outcome;
mod passage;
mod passing;
mod protocol;
mod requirements;
mod socket;
mod stem;
mod zygotes;

pub use config::Config;
pub use context::Context;

wisp_core::register! {
    /// Every language, by the name of its family.
    pub LANGUAGES: fn(&Context) -> std::sync::Arc<dyn wisp_core::ports::Language> => nodejs, python, native, js, blackbox, wasm
}
