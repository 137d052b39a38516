use wisp_core::{
    Result,
    model::{EntityName, Millis},
    ports::Retention,
};

use super::{keys, window::Window};
use crate::engines::embedded::{
    buckets::{Bucket, MINUTE, minute_of},
    database::Database,
    error,
    tallies::Tally,
};

/// The time before which a namespace's records are more than its policy keeps.
///
/// By number and size, the bounds hold for what starts from then on. By age, whole buckets go, so that they can be
/// dropped instead of their records being deleted.
pub(super) fn cut(database: &Database, namespace: &EntityName, now: Millis, keep: Retention) -> Result<Millis> {
    let window = Window::whole(database, namespace);
    let oldest = minute_of(now.saturating_sub(keep.age));
    let aged = window.buckets().iter().find(|bucket| bucket.to <= oldest);
    let aged = aged.map_or(0, |bucket| bucket.to * MINUTE);
    Ok(aged.max(overflow(&window, keep)?))
}

/// The time of the first record, from the newest on, with which there are too many; just after it.
fn overflow(window: &Window<'_>, keep: Retention) -> Result<Millis> {
    let mut room = Room {
        count: keep.count,
        bytes: keep.bytes,
    };
    for bucket in window.buckets() {
        for minute in window.minutes(bucket) {
            let (minute, tally) = minute?;
            if !room.take(tally) {
                return overflow_within(window, bucket, minute, room);
            }
        }
    }
    Ok(0)
}

fn overflow_within(window: &Window<'_>, bucket: &Bucket, minute: u64, mut room: Room) -> Result<Millis> {
    let first = minute * MINUTE;
    for entry in window.entries(bucket, first, first.saturating_add(MINUTE - 1)) {
        let (key, value) = entry
            .into_inner()
            .map_err(|cause| error::database("weigh activations", cause))?;
        if !room.take(Tally::one(value.len())) {
            return Ok(keys::start(&key) + 1);
        }
    }
    Ok(first)
}

/// What still may be kept.
struct Room {
    count: u64,
    bytes: u64,
}

impl Room {
    /// Takes as much if it is there.
    fn take(&mut self, tally: Tally) -> bool {
        let (Some(count), Some(bytes)) = (self.count.checked_sub(tally.count), self.bytes.checked_sub(tally.bytes))
        else {
            return false;
        };
        *self = Self { count, bytes };
        true
    }
}
