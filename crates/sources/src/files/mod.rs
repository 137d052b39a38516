//! `files`: files that appear in a folder, or change. The feed `folder` of `/whisk.system/files`, for pipelines on one
//! machine.
//!
//! A file is an event once it has rested for a moment, so that half of one is none; its id is its path with the time of
//! its last change. That time is also the position: whatever changed later is new, over restarts, too. Which folders may
//! be watched is the operator's to say.

mod folder;
mod listener;

use std::{path::Path, sync::Arc, time::Duration};

use wisp_core::{
    Code, Error, Result,
    ports::{EventSource, Feed, FeedSettings, Subscription},
};

use crate::{
    Config, Context,
    batch::Batch,
    payload::Format,
    setting::{needed, number, optional, required, word},
};

/// How long a file rests before it is an event. More than the steps in which file systems tell the time.
const REST: Duration = Duration::from_millis(500);

const FEEDS: &[Feed] = &[Feed {
    package: "files",
    name: "folder",
    description: "Fires a trigger for each file of a folder that appears or changes",
    parameters: &[
        required(
            "folder",
            "The folder, on the server's machine; the setting sources.folders must name it",
        ),
        optional("recursive", "Whether folders in it are watched, too: no or yes; no"),
        optional(
            "from",
            "Which files are events: all or new (none that is there already); all",
        ),
        optional("restMillis", "How long a file must rest before it is an event; 500"),
        Format::PARAMETER,
    ],
}];

/// The source.
struct Files(Context);

/// The source `files`.
pub fn register(context: &Context) -> Arc<dyn EventSource> {
    Arc::new(Files(context.clone()))
}

impl EventSource for Files {
    fn name(&self) -> &'static str {
        "files"
    }

    fn feeds(&self) -> &'static [Feed] {
        FEEDS
    }

    fn open(&self, _: &Feed, settings: &FeedSettings) -> Result<Subscription> {
        let (config, switch) = (&self.0.config, [("no", false), ("yes", true)]);
        let rest = number(settings, "restMillis")?
            .map(i64::unsigned_abs)
            .map(Duration::from_millis);
        Ok(Subscription::Listener(Box::new(listener::Watch {
            folder: folder::Folder {
                path: allowed(config, Path::new(needed(settings, "folder")?))?,
                recursive: word(settings, "recursive", &switch)?,
                format: Format::of(settings)?,
                largest: config.file_size,
            },
            all: word(settings, "from", &[("all", true), ("new", false)])?,
            rest: rest.unwrap_or(REST).max(REST / 10),
            batch: Batch::of(settings, config)?,
            clock: self.0.clock.clone(),
        })))
    }
}

/// The folder, if it is one that the operator has named, or in one.
fn allowed(config: &Config, folder: &Path) -> Result<std::path::PathBuf> {
    let real = folder.canonicalize().ok();
    let named = |real: &Path| {
        let named = config
            .folders
            .iter()
            .filter_map(|named| Path::new(named).canonicalize().ok());
        named.into_iter().any(|named| real.starts_with(named))
    };
    real.filter(|real| named(real)).ok_or_else(|| {
        let message = format!(
            "the folder '{}' may not be watched: the setting sources.folders names none that is there and holds it",
            folder.display()
        );
        Error::new(Code::Forbidden, message).with("limit", "sources.folders")
    })
}
