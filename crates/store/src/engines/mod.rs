//! The storage engines, a folder each.

use crate::{Config, Engine};

wisp_core::register! {
    /// The engines by name: how to open each.
    pub ENGINES: fn(&Config) -> wisp_core::Result<Engine> => embedded, memory
}
