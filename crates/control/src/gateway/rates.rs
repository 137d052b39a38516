use std::{
    collections::HashMap,
    fmt,
    num::NonZeroU32,
    str::FromStr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use governor::{
    Quota, RateLimiter,
    clock::Clock as _,
    middleware::NoOpMiddleware,
    state::{InMemoryState, NotKeyed},
};
use serde::{Deserialize, Serialize, de::Error as _};
use wisp_core::ports::Clock;

/// So many requests in a time: as many at once, and then as they are regained one by one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    requests: NonZeroU32,
    unit: Unit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Second,
    Minute,
    Hour,
    Day,
}

const UNITS: [(&str, Unit, u64); 4] = [
    ("second", Unit::Second, 1),
    ("minute", Unit::Minute, 60),
    ("hour", Unit::Hour, 3600),
    ("day", Unit::Day, 86_400),
];

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let refuse = || {
            format!(
                "'{text}' is not a rate: expected a number and a unit, such as 100/minute (second, minute, hour, day)"
            )
        };
        let (requests, unit) = text.split_once('/').ok_or_else(refuse)?;
        let unit = UNITS
            .iter()
            .find(|(name, ..)| *name == unit.trim())
            .ok_or_else(refuse)?;
        let requests = requests.trim().parse().map_err(|_| refuse())?;
        Ok(Self { requests, unit: unit.1 })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = UNITS
            .iter()
            .find(|(_, unit, _)| *unit == self.unit)
            .map_or("", |(name, ..)| name);
        write!(f, "{}/{name}", self.requests)
    }
}

impl Serialize for Rate {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

impl Rate {
    fn quota(self) -> Option<Quota> {
        let seconds = UNITS
            .iter()
            .find(|(_, unit, _)| *unit == self.unit)
            .map_or(1, |(_, _, seconds)| *seconds);
        let period = Duration::from_secs(seconds).checked_div(self.requests.get())?;
        Some(Quota::with_period(period)?.allow_burst(self.requests))
    }
}

/// Our clock, as the limiters read it.
#[derive(Clone)]
struct Elapsed(Arc<dyn Clock>);

impl governor::clock::Clock for Elapsed {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

type Limiter = RateLimiter<NotKeyed, InMemoryState, Elapsed, NoOpMiddleware<Duration>>;

/// The limiters in use, by what they limit.
pub(crate) struct Rates {
    clock: Elapsed,
    limiters: Mutex<HashMap<String, (Rate, Arc<Limiter>)>>,
}

impl Rates {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: Elapsed(clock),
            limiters: Mutex::default(),
        }
    }

    /// Counts a request; if it is one too many, how long to wait.
    pub fn check(&self, what: &str, rate: Rate) -> Result<(), Duration> {
        let Some(limiter) = self.limiter(what, rate) else {
            return Ok(());
        };
        limiter
            .check()
            .map_err(|refused| refused.wait_time_from(self.clock.now()))
    }

    /// The limiter of a thing; a new one if its rate has changed.
    fn limiter(&self, what: &str, rate: Rate) -> Option<Arc<Limiter>> {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, limiter)) = limiters.get(what)
            && *known == rate
        {
            return Some(limiter.clone());
        }
        let limiter = Arc::new(RateLimiter::direct_with_clock(rate.quota()?, self.clock.clone()));
        limiters.insert(what.to_owned(), (rate, limiter.clone()));
        Some(limiter)
    }

    /// Forgets the limiters of an API that is gone, whose names begin like this.
    pub fn forget(&self, prefix: &str) {
        let mut limiters = self.limiters.lock().unwrap_or_else(PoisonError::into_inner);
        limiters.retain(|what, _| !what.starts_with(prefix));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::atomic::{AtomicU64, Ordering};

    use wisp_core::{model::Millis, ports::BoxFuture};

    use super::*;

    #[derive(Default)]
    struct Hand(AtomicU64);

    impl Clock for Hand {
        fn now(&self) -> Millis {
            0
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::Relaxed))
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
            Box::pin(async {})
        }
    }

    #[test]
    fn as_many_at_once_and_then_one_by_one() {
        let hand = Arc::new(Hand::default());
        let rates = Rates::new(hand.clone());
        let rate: Rate = "2/minute".parse().unwrap();
        assert_eq!([(); 2].map(|()| rates.check("a", rate)), [Ok(()), Ok(())]);
        assert_eq!(rates.check("a", rate), Err(Duration::from_secs(30)));
        assert_eq!(rates.check("b", rate), Ok(()));
        hand.0.store(30_000, Ordering::Relaxed);
        assert_eq!(rates.check("a", rate), Ok(()));
        assert!(rates.check("a", rate).is_err());
        assert_eq!(rates.check("a", "3/minute".parse().unwrap()), Ok(()));
    }

    #[test]
    fn rates_are_written_as_they_are_read() {
        assert_eq!("5/hour".parse::<Rate>().unwrap().to_string(), "5/hour");
        for wrong in ["5", "0/second", "x/minute", "5/month"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }
}
