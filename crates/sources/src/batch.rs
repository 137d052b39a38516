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

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::{poll, stream};
    use tokio::sync::mpsc;
    use wisp_testkit::clock::Simulated;

    use super::*;

    const BATCH: Batch = Batch {
        count: 3,
        time: Duration::from_secs(5),
    };

    #[tokio::test]
    async fn a_batch_that_is_not_full_waits_for_more_until_its_time_is_over() {
        let clock = Simulated::at(0);
        let (give, mut taken) = mpsc::unbounded_channel();
        let mut items = stream::poll_fn(|context| taken.poll_recv(context));
        {
            let mut gathering = pin!(BATCH.gather(&mut items, &clock));
            assert!(poll!(&mut gathering).is_pending(), "it waits for the first");
            give.send(1).unwrap();
            assert!(poll!(&mut gathering).is_pending());
            clock.advance(Duration::from_secs(4));
            give.send(2).unwrap();
            assert!(poll!(&mut gathering).is_pending());
            clock.advance(Duration::from_secs(1));
            assert_eq!(gathering.await, [1, 2]);
        }
        for item in 3..9 {
            give.send(item).unwrap();
        }
        assert_eq!(
            BATCH.gather(&mut items, &clock).await,
            [3, 4, 5],
            "a full one does not wait"
        );
        let hasty = Batch {
            time: Duration::ZERO,
            ..BATCH
        };
        drop(give);
        assert_eq!(hasty.gather(&mut items, &clock).await, [6, 7, 8]);
        assert!(
            hasty.gather(&mut items, &clock).await.is_empty(),
            "the stream has ended"
        );
    }
}
