use croner::parser::{CronParser, Seconds, Year};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use wisp_core::{Error, Result, model::Millis, ports::FeedSettings};

use super::feeds::date;
use crate::setting::{number, text};

/// When an alarm fires: pure, so that the same settings always give the same times.
pub(super) struct Schedule {
    times: Times,
    start: Millis,
    stop: Millis,
}

enum Times {
    Pattern(Box<croner::Cron>, TimeZone),
    Every(Millis),
    At(Millis),
}

impl Schedule {
    /// The schedule of the settings of a feed: `alarm`, `interval` or `once`.
    pub fn new(feed: &str, settings: &FeedSettings) -> Result<Self> {
        let bound = |name: &str| match settings.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => date(name, value).map(Some),
        };
        let times = match feed {
            "alarm" => {
                let pattern = text(settings, "cron").unwrap_or_default();
                let invalid = || Error::bad_request(format!("cron pattern '{pattern}' is not valid"));
                let parser = CronParser::builder()
                    .seconds(Seconds::Optional)
                    .year(Year::Disallowed)
                    .build();
                let cron = parser.parse(pattern).map_err(|error| invalid().because(error))?;
                let zone = text(settings, "timezone").unwrap_or("UTC");
                let zone = TimeZone::get(zone)
                    .map_err(|error| Error::bad_request(format!("timezone '{zone}' is not known")).because(error))?;
                Times::Pattern(Box::new(cron), zone)
            }
            "interval" => Times::Every(
                number(settings, "minutes")?
                    .unwrap_or(1)
                    .unsigned_abs()
                    .max(1)
                    .saturating_mul(60_000),
            ),
            _ => Times::At(bound("date")?.unwrap_or(0)),
        };
        Ok(Self {
            times,
            start: bound("startDate")?.unwrap_or(0),
            stop: bound("stopDate")?.unwrap_or(Millis::MAX),
        })
    }

    /// The first time after this one; none if there is no more.
    pub fn next(&self, after: Millis) -> Option<Millis> {
        let next = match &self.times {
            Times::At(at) => (*at > after).then_some(*at)?,
            Times::Every(_) if after < self.start => self.start,
            Times::Every(interval) => {
                let passed = (after - self.start) / interval + 1;
                self.start.checked_add(passed.checked_mul(*interval)?)?
            }
            Times::Pattern(cron, zone) => {
                let after = after.max(self.start.saturating_sub(1));
                let after = Timestamp::from_millisecond(i64::try_from(after).ok()?).ok()?;
                let next = cron.find_next_occurrence(&after.to_zoned(zone.clone()), false).ok()?;
                u64::try_from(next.timestamp().as_millisecond()).ok()?
            }
        };
        (next <= self.stop).then_some(next)
    }

    /// The last time before this one; none if there is none.
    pub fn previous(&self, before: Millis) -> Option<Millis> {
        let before = before.min(self.stop.saturating_add(1));
        let previous = match &self.times {
            Times::At(at) => (*at < before).then_some(*at)?,
            Times::Every(interval) => {
                let passed = before.checked_sub(self.start)?.checked_sub(1)? / interval;
                self.start + passed * interval
            }
            Times::Pattern(cron, zone) => {
                // Patterns know whole seconds.
                let before = Timestamp::from_second(i64::try_from(before.div_ceil(1_000)).ok()?).ok()?;
                let previous = cron
                    .find_previous_occurrence(&before.to_zoned(zone.clone()), false)
                    .ok()?;
                u64::try_from(previous.timestamp().as_millisecond()).ok()?
            }
        };
        (previous >= self.start).then_some(previous)
    }
}
