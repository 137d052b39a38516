use serde::{Deserialize, Serialize};

/// Settings of the worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Memory for all instances together, in MB; 0 takes half of the machine's.
    pub memory: u64,
    /// Invocations that wait for an instance at most; further ones that were not accepted before are refused.
    pub queue: usize,
    /// Actions whose arrivals are remembered for the keep-alive policy at most.
    pub remembered: usize,
    /// How long an instance is idle before it is frozen, in milliseconds; 0 never freezes.
    pub freeze_after_ms: u64,
    /// Instances of one action, and stem cells, that may be starting at the same time.
    pub starting: usize,
    /// Stem cells kept ready for the default kind of each language, whatever the demand.
    pub stem_cells: usize,
    /// Stem cells of one kind and limits at most.
    pub stem_cells_most: usize,
    /// Memory that stem cells may occupy beyond the least, in MB.
    pub stem_memory: u64,
    /// Starts within this time are one burst, and as many stem cells are kept as the largest lately, in milliseconds.
    pub stem_burst_ms: u64,
    /// How long it takes to forget half of a burst, in seconds.
    pub stem_half_life_seconds: u64,
    /// Whether functions may reach the network outside; the platform's own interface they reach only then.
    pub network: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            memory: 0,
            queue: 20_000,
            remembered: 10_000,
            freeze_after_ms: 1_000,
            starting: 4,
            stem_cells: 1,
            stem_cells_most: 16,
            stem_memory: 1_024,
            stem_burst_ms: 1_000,
            stem_half_life_seconds: 120,
            network: true,
        }
    }
}
