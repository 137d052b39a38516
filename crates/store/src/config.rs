use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use wisp_core::{Code, Error, Result};

/// Settings of the store. An engine takes what concerns it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Where the data is; made if it is not there. Default `wisp-data`, in the working directory.
    pub directory: PathBuf,
    /// Cache of blocks read from disk, in MB. Default 16.
    pub cache_size: u64,
    /// What a table or a bucket of activations holds in memory before it is written as a sorted file, in MB; up to
    /// four times as much while the disk is slower than the writers. Default 16.
    pub memtable_size: u64,
    /// Journal kept before the records in it are forced to their sorted files, in MB, at least 64. It bounds how much
    /// a start after a crash has to read again. Default 128.
    pub journal_size: u64,
    /// Longest time that a finished activation may be lost by power loss, in milliseconds, at most 1000; with 0 every
    /// commit is synced before it returns. Default 100.
    pub sync_interval: u64,
    /// Minutes of activations that are stored, and dropped when they are too old, together. Records may live this much
    /// longer than the greatest age. Default 60.
    pub bucket_minutes: u64,
    /// Space left free on the disk, in MB: below it, writes are refused, so that the engine itself never runs into a
    /// full disk. Default 256.
    pub reserve: u64,
    /// Commits that a watch may lag behind before it is told to read again. Default 1024.
    pub watch_backlog: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            directory: PathBuf::from("wisp-data"),
            cache_size: 16,
            memtable_size: 16,
            journal_size: 128,
            sync_interval: 100,
            bucket_minutes: 60,
            reserve: 256,
            watch_backlog: 1024,
        }
    }
}

impl Config {
    /// Refuses values out of range with [`Code::Config`].
    pub fn check(&self) -> Result<()> {
        within("cache_size", self.cache_size, 1, 1 << 20)?;
        within("memtable_size", self.memtable_size, 1, 1 << 10)?;
        within("journal_size", self.journal_size, 64, 1 << 20)?;
        within("sync_interval", self.sync_interval, 0, 1000)?;
        within("bucket_minutes", self.bucket_minutes, 1, 60 * 24 * 366)?;
        within("reserve", self.reserve, 0, 1 << 30)?;
        within("watch_backlog", self.watch_backlog as u64, 1, 1 << 20)
    }
}

fn within(name: &'static str, value: u64, least: u64, most: u64) -> Result<()> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    let message = format!("store.{name} is {value}; it must be between {least} and {most}");
    Err(Error::new(Code::Config, message).with("setting", name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn defaults_are_in_range_and_others_are_refused_by_name() {
        Config::default().check().unwrap();
        let error = Config {
            sync_interval: 1001,
            ..Config::default()
        }
        .check()
        .unwrap_err();
        assert_eq!(error.code(), Code::Config);
        assert_eq!(
            error.message(),
            "store.sync_interval is 1001; it must be between 0 and 1000"
        );
    }

    #[test]
    fn unknown_keys_are_refused() {
        assert!(serde_json::from_str::<Config>(r#"{"cache_size": 8}"#).is_ok());
        assert!(serde_json::from_str::<Config>(r#"{"cachesize": 8}"#).is_err());
    }
}
