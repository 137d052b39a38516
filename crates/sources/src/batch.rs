use std::time::Duration;

use wisp_core::{Result, ports::FeedSettings};

use crate::{Config, setting::number};

/// How much a source fetches at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    /// Events, at most.
    pub count: usize,
    /// How long a batch that is not full waits for more.
    pub time: Duration,
}

impl Batch {
    /// A whole batch of the feed if it wants batches, or as much as the settings say.
    pub fn of(settings: &FeedSettings, config: &Config) -> Result<Self> {
        let fetch = config.fetch.max(1);
        let count = number(settings, "batchSize")?.and_then(|count| usize::try_from(count).ok());
        let time = number(settings, "batchMillis")?.map_or(0, i64::unsigned_abs);
        Ok(match count.filter(|count| *count > 1) {
            Some(count) => Self {
                count: count.min(fetch),
                time: Duration::from_millis(time),
            },
            None => Self {
                count: fetch,
                time: Duration::ZERO,
            },
        })
    }
}
