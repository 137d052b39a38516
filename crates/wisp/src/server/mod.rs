//! `wisp serve`: settings, composition, life and end of the platform in one process.

mod bootstrap;
mod clock;
mod compose;
mod endpoints;
mod layers;
mod paths;
mod retention;
mod serve;
mod settings;
mod telemetry;
mod tls;

pub(crate) use layers::{Layers, Origin, parse};
pub(crate) use serve::serve;
pub(crate) use settings::Settings;
