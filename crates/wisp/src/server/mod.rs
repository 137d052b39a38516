//! `wisp serve`: settings, composition, life and end of the platform in one process.

mod bootstrap;
mod clock;
mod compose;
mod deliveries;
mod endpoints;
mod layers;
mod offline;
mod outbound;
mod paths;
mod retention;
mod serve;
mod settings;
mod telemetry;
mod tls;
mod usage;

pub(crate) use layers::{Layers, Origin, parse};
pub(crate) use offline::administer;
pub(crate) use serve::serve;
pub(crate) use settings::Settings;

/// The socket in a data directory that administrators talk to.
pub(crate) const ADMIN_SOCKET: &str = "admin.sock";
