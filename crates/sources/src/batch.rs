use std::time::Duration;

use futures_util::{
    FutureExt, Stream, StreamExt,
    future::{Either, select},
};
use wisp_core::{
    Result,
    ports::{Clock, FeedSettings},
};

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

    /// The next items of a stream: it waits for one, takes what is there, and waits for more if the batch does.
    /// Nothing if the stream has ended.
    pub async fn gather<S: Stream + Unpin>(&self, stream: &mut S, clock: &dyn Clock) -> Vec<S::Item> {
        let mut items: Vec<S::Item> = stream.next().await.into_iter().collect();
        let mut over = clock.sleep(self.time);
        while !items.is_empty() && items.len() < self.count {
            let next = match stream.next().now_or_never() {
                Some(next) => next,
                None if self.time.is_zero() => break,
                None => match select(stream.next(), &mut over).await {
                    Either::Left((next, _)) => next,
                    Either::Right(_) => break,
                },
            };
            match next {
                Some(item) => items.push(item),
                None => break,
            }
        }
        items
    }
}
