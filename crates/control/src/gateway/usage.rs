use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use metrics::{Counter, counter};
use serde::{Deserialize, Serialize, Serializer};
use wisp_core::model::Millis;

use super::ClientKey;

const DAY: u64 = 86_400_000;

/// What is counted under this if there is no key or no operation.
const NONE: &str = "-";

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
    pub operation: Option<Arc<str>>,
    /// The caller's key, of which the log has the name.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "name")]
    pub key: Option<Arc<ClientKey>>,
    /// The status of the reply.
    pub status: u16,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// The transaction.
    pub transaction: Arc<str>,
    /// The activation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub activation: Option<String>,
}

fn name<S: Serializer>(key: &Option<Arc<ClientKey>>, serializer: S) -> Result<S::Ok, S::Error> {
    key.as_ref().map(|key| &key.name).serialize(serializer)
}

/// What was used by one key of one operation in a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// Requests that were answered.
    pub requests: u64,
    /// Those of them that were refused or failed: a status of 400 or more.
    pub errors: u64,
    /// Those of them that were over a rate or a quota, and use up none.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub refused: u64,
    /// Time that they took together, in microseconds.
    pub micros: u64,
}

impl Used {
    fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.refused += other.refused;
        self.micros += other.micros;
    }
}

fn is_zero(number: &u64) -> bool {
    *number == 0
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

/// What is counted of a key and an operation: in this day, and as metrics.
struct Line {
    used: Used,
    answered: [Counter; 4],
}

impl Line {
    fn new(key: &str, operation: &str) -> Self {
        let (key, operation) = (Arc::<str>::from(key), Arc::<str>::from(operation));
        Self {
            used: Used::default(),
            answered: ["2xx", "3xx", "4xx", "5xx"].map(|status| {
                counter!("wisp_api_requests_total", "operation" => operation.clone(), "key" => key.clone(), "status" => status)
            }),
        }
    }

    fn count(&mut self, entry: &Entry) {
        self.used.add(Used {
            requests: 1,
            errors: u64::from(entry.status >= 400),
            refused: u64::from(entry.status == 429 && entry.activation.is_none()),
            micros: entry.micros,
        });
        let class = usize::from(entry.status / 100).clamp(2, 5) - 2;
        self.answered[class].increment(1);
    }
}

#[derive(Default)]
struct Day {
    number: u64,
    /// By the key's name and the operation.
    lines: BTreeMap<String, BTreeMap<String, Line>>,
    /// How many requests each key was admitted with.
    admitted: HashMap<String, u64>,
    /// Whether what was stored of the day has been taken over: before that, it must not be written over.
    resumed: bool,
    changed: bool,
}

impl Day {
    fn line(&mut self, key: &str, operation: &str) -> &mut Line {
        let new = || Line::new(key, operation);
        let lines = self.lines.entry(key.to_owned()).or_default();
        lines.entry(operation.to_owned()).or_insert_with(new)
    }

    fn tally(&self) -> Tally {
        let used = |lines: &BTreeMap<String, Line>| {
            let used = lines.iter().map(|(operation, line)| (operation.clone(), line.used));
            used.collect()
        };
        self.lines
            .iter()
            .map(|(key, lines)| (key.clone(), used(lines)))
            .collect()
    }
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
                    *book.day.admitted.entry(key.clone()).or_default() += used.requests.saturating_sub(used.refused);
                    book.day.line(&key, &operation).used.add(used);
                }
            }
        });
    }

    /// Counts a request of a key; false if its quota of today is used up.
    pub fn admit(&self, api: &str, key: &str, quota: u64, now: Millis) -> bool {
        self.with(api, now, |book| {
            let admitted = match book.day.admitted.get_mut(key) {
                Some(admitted) => admitted,
                None => book.day.admitted.entry(key.to_owned()).or_default(),
            };
            let within = *admitted < quota;
            *admitted += u64::from(within);
            within
        })
    }

    /// Notes a request that was answered.
    pub fn note(&self, api: &str, mut entry: Entry) {
        let room = self.room;
        self.with(api, entry.at, |book| {
            let key = entry.key.as_ref().map_or(NONE, |key| &key.name);
            let operation = entry.operation.as_deref().unwrap_or(NONE);
            match book.day.lines.get_mut(key).and_then(|lines| lines.get_mut(operation)) {
                Some(line) => line.count(&entry),
                None => book.day.line(key, operation).count(&entry),
            }
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
                changed.push((api.clone(), book.day.number, book.day.tally()));
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
        let key = ClientKey {
            name: "mobile".into(),
            hint: String::new(),
            digest: String::new(),
            secret_digest: None,
            rate: None,
            quota: None,
            created: 0,
        };
        Entry {
            number: 0,
            at,
            method: "GET".into(),
            path: "/p".into(),
            operation: None,
            key: Some(key.into()),
            status: 200,
            micros: 1,
            transaction: "t".into(),
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
            requests: 3,
            refused: 1,
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
        assert_eq!(requests, [4]);
        // The two that were let in count against the quota.
        let admitted = (0..3).filter(|_| usage.admit("api", "mobile", 4, 6)).count();
        assert_eq!(admitted, 2);
        assert!(!usage.knows("api", DAY));
    }
}
