use std::sync::Arc;

use serde_json::{Value, value::RawValue};
use wisp_core::{
    Error, Result,
    model::{Json, Millis},
    ports::{Event, Feed, FeedSettings, Remove},
};

use super::schedule::Schedule;
use crate::{
    Config,
    setting::{number, text},
};

/// An alarm: when it fires, with what, and what becomes of missed fires and of itself.
pub(super) struct Alarm {
    pub schedule: Schedule,
    payload: Json,
    /// Fires at most; none is without end.
    pub most: Option<u64>,
    pub missed: Missed,
    /// What goes with it when it has fired for the last time.
    pub remove: Remove,
}

/// How late a fire may be and not count as missed, in milliseconds: a machine may sleep, or be set another clock.
const LATE: Millis = 600_000;

/// What becomes of fires that were missed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missed {
    /// Nothing.
    Skip,
    /// The last one is made up for.
    Once,
    /// All are, but so many at most.
    All(u64),
}

impl Alarm {
    /// The alarm of the settings of a feed.
    pub fn new(feed: &Feed, settings: &FeedSettings, config: &Config) -> Result<Self> {
        let empty = Value::Object(FeedSettings::new());
        let payload = settings.get("trigger_payload").unwrap_or(&empty);
        let payload = serde_json::value::to_raw_value(payload)
            .map_err(|error| Error::internal("a payload cannot be encoded").because(error))?;
        let missed = match text(settings, "missed").unwrap_or(&config.missed) {
            "skip" => Missed::Skip,
            "once" => Missed::Once,
            "all" => Missed::All(config.missed_limit.max(1)),
            other => {
                return Err(Error::bad_request(format!(
                    "missed parameter '{other}' is not one of skip, once, all"
                )));
            }
        };
        let remove = match settings.get("deleteAfterFire") {
            Some(Value::Bool(true)) => Remove::Trigger,
            Some(Value::String(word)) if word == "true" => Remove::Trigger,
            Some(Value::String(word)) if word == "rules" => Remove::TriggerAndRules,
            _ => Remove::Nothing,
        };
        let most = number(settings, "maxTriggers")?.and_then(|most| u64::try_from(most).ok());
        Ok(Self {
            schedule: Schedule::new(feed.name, settings)?,
            payload: Arc::from(payload as Box<RawValue>),
            most: most.filter(|most| *most > 0),
            missed,
            remove,
        })
    }

    /// The event of a scheduled time, which is its id.
    pub fn event(&self, at: Millis) -> Event {
        let time = jiff::Timestamp::from_millisecond(i64::try_from(at).unwrap_or(i64::MAX)).unwrap_or_default();
        Event {
            id: time.to_string(),
            data: self.payload.clone(),
        }
    }

    /// The times after `last` that are due now, oldest first, as the policy for missed ones leaves them: those before
    /// `since` (when it was listened to again) and those that are long ago count as missed.
    pub fn due(&self, last: Millis, since: Millis, now: Millis) -> Vec<Millis> {
        let since = since.max(now.saturating_sub(LATE)).max(last + 1);
        let missed = std::iter::successors(self.schedule.previous(since), |at| self.schedule.previous(*at));
        let mut due: Vec<Millis> = missed.take_while(|at| *at > last).take(self.missed.keep()).collect();
        due.reverse();
        let timely = std::iter::successors(self.schedule.next(since - 1), |at| self.schedule.next(*at));
        due.extend(timely.take_while(|at| *at <= now));
        due
    }
}

impl Missed {
    /// How many of the last ones are made up for.
    fn keep(self) -> usize {
        match self {
            Missed::Skip => 0,
            Missed::Once => 1,
            Missed::All(most) => usize::try_from(most).unwrap_or(usize::MAX),
        }
    }
}
