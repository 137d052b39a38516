use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};
use wisp_core::model::Millis;

const DAY: u64 = 86_400_000;

/// A request to an API that was answered.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Grows by one with each request of the API.
    pub number: u64,
    /// When it was answered.
    pub at: Millis,
    /// The method.
    pub method: String,
    /// The path below the base path, without its query.
    pub path: String,
    /// The operation that it met.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// The name of the caller's key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The status of the reply.
    pub status: u16,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// The transaction.
    pub transaction: String,
    /// The activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<String>,
}

/// What was used by one key of one operation in a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Requests that were answered.
    pub requests: u64,
    /// Those of them that were refused or failed: a status of 400 or more.
    pub errors: u64,
    /// Time that they took together, in microseconds.
    pub micros: u64,
}

impl Used {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.micros += other.micros;
    }
}

/// Which requests of a log are shown.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Filter {
    /// Those with a greater number.
    #[serde(default)]
    pub after: u64,
    /// Those with this text in them.
    #[serde(default)]
    pub grep: Option<String>,
}

/// What a day's use is counted by: the key's name and the operation.
pub(super) type Tally = BTreeMap<String, BTreeMap<String, Used>>;

#[derive(Default)]
struct Day {
    number: u64,
    tally: Tally,
    /// How many requests each key was admitted with.
    admitted: HashMap<String, u64>,
    /// Whether what was stored of the day has been taken over: before that, it must not be written over.
    resumed: bool,
    changed: bool,
}

#[derive(Default)]
struct Book {
    day: Day,
    last: u64,
    log: VecDeque<Entry>,
}

/// What was called of each API.
pub(crate) struct Usage {
    books: Mutex<HashMap<String, Book>>,
    room: usize,
}

impl Usage {
    pub fn new(room: usize) -> Self {
        Self {
            books: Mutex::default(),
            room,
        }
    }

    fn with<T>(&self, api: &str, now: Millis, act: impl FnOnce(&mut Book) -> T) -> T {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let book = match books.get_mut(api) {
            Some(book) => book,
            None => books.entry(api.to_owned()).or_default(),
        };
        if book.day.number != now / DAY {
            book.day = Day {
                number: now / DAY,
                ..Day::default()
            };
        }
        act(book)
    }

    /// Whether what was used today has been read in already.
    pub fn knows(&self, api: &str, now: Millis) -> bool {
        self.with(api, now, |book| book.day.resumed)
    }

    /// Takes over what was used today before this server started, once.
    pub fn resume(&self, api: &str, now: Millis, tally: Tally) {
        self.with(api, now, |book| {
            if std::mem::replace(&mut book.day.resumed, true) {
                return;
            }
            for (key, operations) in tally {
                for (operation, used) in operations {
                    *book.day.admitted.entry(key.clone()).or_default() += used.requests;
                    book.day
                        .tally
                        .entry(key.clone())
                        .or_default()
                        .entry(operation)
                        .or_default()
                        .add(used);
                }
            }
        });
    }

    /// Counts a request of a key; false if its quota of today is used up.
    pub fn admit(&self, api: &str, key: &str, quota: u64, now: Millis) -> bool {
        self.with(api, now, |book| {
            let admitted = book.day.admitted.entry(key.to_owned()).or_default();
            let within = *admitted < quota;
            *admitted += u64::from(within);
            within
        })
    }

    /// Notes a request that was answered.
    pub fn note(&self, api: &str, mut entry: Entry) {
        let room = self.room;
        self.with(api, entry.at, |book| {
            let key = entry.key.as_deref().unwrap_or("-").to_owned();
            let operation = entry.operation.as_deref().unwrap_or("-").to_owned();
            let used = book.day.tally.entry(key).or_default().entry(operation).or_default();
            used.add(Used {
                requests: 1,
                errors: u64::from(entry.status >= 400),
                micros: entry.micros,
            });
            book.day.changed = true;
            book.last += 1;
            entry.number = book.last;
            book.log.push_back(entry);
            while book.log.len() > room {
                book.log.pop_front();
            }
        });
    }

    /// What has changed since this was asked last, by API: the day and its tally.
    pub fn changed(&self) -> Vec<(String, u64, Tally)> {
        let mut books = self.books.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = Vec::new();
        for (api, book) in books.iter_mut() {
            if book.day.resumed && std::mem::take(&mut book.day.changed) {
                changed.push((api.clone(), book.day.number, book.day.tally.clone()));
            }
        }
        changed
    }

    /// The last requests of an API, oldest first.
    pub fn log(&self, api: &str, now: Millis, filter: &Filter) -> Vec<Entry> {
        let wanted = |entry: &&Entry| {
            let text = || serde_json::to_string(entry).unwrap_or_default();
            entry.number > filter.after && filter.grep.as_deref().is_none_or(|part| text().contains(part))
        };
        self.with(api, now, |book| book.log.iter().filter(wanted).cloned().collect())
    }

    /// The number of the day of a time.
    pub fn day(now: Millis) -> u64 {
        now / DAY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(at: Millis) -> Entry {
        Entry {
            number: 0,
            at,
            method: "GET".into(),
            path: "/p".into(),
            operation: None,
            key: Some("mobile".into()),
            status: 200,
            micros: 1,
            transaction: String::new(),
            activation: None,
        }
    }

    #[test]
    fn what_was_stored_of_a_day_is_taken_over_once_and_never_written_over() {
        let usage = Usage::new(10);
        // A request may be noted before anybody has asked for what was stored.
        usage.note("api", request(5));
        assert!(!usage.knows("api", 5));
        assert!(usage.changed().is_empty());
        let used = Used {
            requests: 2,
            ..Used::default()
        };
        let stored = Tally::from([("mobile".into(), BTreeMap::from([("-".into(), used)]))]);
        usage.resume("api", 5, stored.clone());
        usage.resume("api", 5, stored);
        assert!(usage.knows("api", 5));
        let requests: Vec<u64> = usage
            .changed()
            .iter()
            .map(|(_, _, tally)| tally["mobile"]["-"].requests)
            .collect();
        assert_eq!(requests, [3]);
        // The two that were stored count against the quota.
        let admitted = (0..3).filter(|_| usage.admit("api", "mobile", 4, 6)).count();
        assert_eq!(admitted, 2);
        assert!(!usage.knows("api", DAY));
    }
}
