use std::{ops::Range, time::Duration};

use wisp_core::model::Arrivals;

/// Longest time after which an arrival may have its echo, in minutes.
const LONGEST: usize = 240;
/// Minutes with arrivals beyond which an action comes too often to look for echoes.
const OFTEN: u32 = 240;
/// Echoes before they are believed, and the part of the arrivals that must have one.
const BELIEVED: f64 = 2.0;
const PART: f64 = 0.1;
/// How long after its time an echo is awaited.
const LATE: Duration = Duration::from_secs(30);

/// The times since the latest arrival at which an earlier one echoes with more than `least` a second.
///
/// An action has an echo of so many minutes if arrivals are often followed by another after just that time, whatever
/// comes between. Each echo is a schedule; an action that several schedules fire has several, where its gaps look
/// irregular.
pub(super) fn expected(arrivals: &Arrivals, least: f64) -> Vec<Range<Duration>> {
    let minutes = arrivals.minutes();
    let (Some(latest), count) = (arrivals.latest(), minutes.count_from(0)) else {
        return Vec::new();
    };
    if !(3..=OFTEN).contains(&count) {
        return Vec::new();
    }
    let mut ahead = [false; LONGEST + 1];
    for lag in 2..=LONGEST {
        let (heard, could) = (minutes.repeats(lag), f64::from(minutes.count_from(lag)));
        if could < BELIEVED {
            break;
        }
        let part = f64::from(heard) / (could + 1.0);
        if f64::from(heard) >= BELIEVED && part >= PART && part >= 60.0 * least {
            (1..=lag)
                .filter(|ahead| minutes.has(lag - ahead))
                .for_each(|minute| ahead[minute] = true);
        }
    }
    let since = latest.saturating_sub(Duration::from_secs(60 * minutes.latest()));
    let at = |minute: usize| Duration::from_secs(60 * minute as u64).saturating_sub(since);
    let minutes = (1..=LONGEST).filter(|minute| ahead[*minute]);
    minutes.map(|minute| at(minute)..at(minute) + LATE).collect()
}
