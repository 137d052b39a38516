use std::{
    ffi::OsStr,
    fs::Metadata,
    io,
    os::unix::{
        ffi::{OsStrExt, OsStringExt},
        fs::MetadataExt,
    },
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, json};
use tokio::{fs, io::AsyncReadExt};
use wisp_core::{Code, Error, Result, model::Millis, ports::Event};

use crate::{json::data, payload::Format};

/// A folder whose files are events.
pub(super) struct Folder {
    pub path: PathBuf,
    pub recursive: bool,
    pub format: Format,
    /// Files beyond this size, in bytes, are events without their content.
    pub largest: u64,
}

/// A file as it was found. Ordered by the time of its last change, then by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Found {
    pub at: Moment,
    /// The path within the folder, which need not be UTF-8.
    pub name: Vec<u8>,
}

/// A time as file systems have it: seconds and nanoseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Moment(pub i64, pub i64);

impl Moment {
    /// The moment that a clock shows.
    pub fn of(time: Millis) -> Self {
        let (seconds, rest) = (time / 1_000, time % 1_000);
        Self(seconds as i64, rest as i64 * 1_000_000)
    }
}

impl Folder {
    /// The files that come after this one, oldest change first.
    pub async fn after(&self, last: &Found) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        let mut folders = vec![PathBuf::new()];
        while let Some(inner) = folders.pop() {
            let entries = fs::read_dir(self.path.join(&inner)).await;
            let mut entries = entries.map_err(|error| self.broken(error))?;
            while let Some(entry) = entries.next_entry().await.map_err(|error| self.broken(error))? {
                let name = inner.join(entry.file_name());
                // What has gone meanwhile is no event. Links are followed nowhere.
                let Ok(meta) = entry.metadata().await else { continue };
                if meta.is_dir() && self.recursive {
                    folders.push(name);
                } else if meta.is_file() {
                    let name = name.into_os_string().into_vec();
                    found.push(Found {
                        at: changed(&meta),
                        name,
                    });
                }
            }
        }
        found.retain(|found| found > last);
        found.sort_unstable();
        Ok(found)
    }

    /// The event of a file; none if it has gone, or changed again and has its turn later.
    pub async fn event(&self, found: &Found) -> Result<Option<Event>> {
        let path = self.path.join(OsStr::from_bytes(&found.name));
        let there = |meta: &Metadata| meta.is_file() && changed(meta) == found.at;
        let Some(meta) = fs::symlink_metadata(&path).await.ok().filter(there) else {
            return Ok(None);
        };
        let name = String::from_utf8_lossy(&found.name);
        let mut values = Map::new();
        values.insert("name".into(), json!(name));
        values.insert("path".into(), json!(path.to_string_lossy()));
        values.insert("size".into(), json!(meta.size()));
        values.insert(
            "modified".into(),
            json!(meta.mtime() * 1_000 + meta.mtime_nsec() / 1_000_000),
        );
        if meta.size() <= self.largest {
            let Ok(content) = read(&path, self.largest).await else {
                return Ok(None);
            };
            values.insert("value".into(), self.format.value(&content));
        }
        let Moment(seconds, nanoseconds) = found.at;
        Ok(Some(Event {
            id: format!("{name}@{seconds}.{nanoseconds:09}"),
            data: data(&values)?,
        }))
    }

    pub fn broken(&self, error: impl std::fmt::Display) -> Error {
        let message = format!("files: the folder '{}' cannot be watched: {error}", self.path.display());
        Error::new(Code::Unavailable, message)
    }
}

async fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    fs::File::open(path).await?.take(most).read_to_end(&mut content).await?;
    Ok(content)
}

/// When a file or what is known of it last changed; unlike the time of its content, nobody sets it.
fn changed(meta: &Metadata) -> Moment {
    Moment(meta.ctime(), meta.ctime_nsec())
}
