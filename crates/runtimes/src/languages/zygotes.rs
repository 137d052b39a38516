use std::{
    collections::{BTreeSet, HashMap},
    os::fd::OwnedFd,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use futures_util::FutureExt;
use tokio::sync::OnceCell;
use wisp_core::{
    Result,
    ports::{Birth, Cell, Mount},
};

use super::{Context, dialect::Dialect, discovery::Interpreter, stem};

/// What zygotes of one interpreter grow from.
pub struct Soil<'a> {
    pub context: &'a Context,
    pub dialect: &'a dyn Dialect,
    pub interpreter: &'a Interpreter,
    pub launcher: &'a Mount,
}

/// A process that has imported a set of modules, and forks instances.
pub struct Zygote {
    cell: Box<dyn Cell>,
    socket: Arc<OwnedFd>,
}

impl Zygote {
    /// How an instance comes from it.
    pub fn birth(&self) -> Birth {
        Birth::Forked(self.socket.clone())
    }

    /// Whether it has not ended.
    pub fn is_alive(&self) -> bool {
        self.cell.wait().now_or_never().is_none()
    }
}

/// An interpreter and a set of modules.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    interpreter: PathBuf,
    modules: BTreeSet<String>,
}

#[derive(Default)]
struct Entry {
    zygote: Arc<OnceCell<Option<Arc<Zygote>>>>,
    used: u64,
}

/// The zygotes of a family. They form a tree by their sets of modules, whose root has none beside the launcher's; an
/// instance comes from the deepest that has nothing its function does not import.
pub struct Zygotes {
    /// Memory for all of them, in MB.
    budget: u64,
    entries: Mutex<HashMap<Key, Entry>>,
    uses: AtomicU64,
}

impl Zygotes {
    /// None yet.
    pub fn new(budget: u64) -> Self {
        Self {
            budget,
            entries: Mutex::default(),
            uses: AtomicU64::new(0),
        }
    }

    /// The zygote with exactly these modules, started unless it lives; or, if it cannot live, one with some of them.
    pub async fn deepest(&self, soil: &Soil<'_>, modules: &[String]) -> Option<Arc<Zygote>> {
        if self.budget == 0 {
            return None;
        }
        let key = Key {
            interpreter: soil.interpreter.path.clone(),
            modules: modules.iter().cloned().collect(),
        };
        let cell = self.entry(&key);
        let started = cell.get_or_try_init(|| self.start(soil, &key)).await;
        match started {
            Ok(Some(zygote)) if zygote.is_alive() => {
                self.evict(&key);
                Some(zygote.clone())
            }
            Ok(None) => None,
            Ok(Some(_)) => {
                self.entries().remove(&key);
                self.ancestor(&key)
            }
            Err(error) => {
                tracing::warn!(interpreter = %key.interpreter.display(), ?error, "a zygote did not start");
                self.ancestor(&key)
            }
        }
    }

    async fn start(&self, soil: &Soil<'_>, key: &Key) -> Result<Option<Arc<Zygote>>> {
        let Soil {
            context,
            dialect,
            interpreter,
            launcher,
        } = soil;
        let modules: Vec<String> = key.modules.iter().cloned().collect();
        let started = stem::zygote(context, *dialect, interpreter, launcher, &modules, self.budget).await?;
        Ok(started.map(|(cell, channel)| {
            Arc::new(Zygote {
                cell,
                socket: Arc::new(channel.control),
            })
        }))
    }

    /// The living one with most of these modules, and no other.
    fn ancestor(&self, key: &Key) -> Option<Arc<Zygote>> {
        let entries = self.entries();
        let fitting = entries.iter().filter(|(other, _)| {
            other.interpreter == key.interpreter
                && other.modules.is_subset(&key.modules)
                && other.modules != key.modules
        });
        fitting
            .filter_map(|(other, entry)| Some((other.modules.len(), entry.alive()?)))
            .max_by_key(|(size, _)| *size)
            .map(|(_, zygote)| zygote)
    }

    /// Ends what was used least recently until the rest fits, but neither a root nor this one.
    fn evict(&self, kept: &Key) {
        let mut entries = self.entries();
        while entries.values().map(Entry::memory).sum::<u64>() > self.budget << 20 {
            let idle = entries
                .iter()
                .filter(|(key, entry)| *key != kept && !key.modules.is_empty() && entry.zygote.initialized())
                .min_by_key(|(_, entry)| entry.used);
            let Some(key) = idle.map(|(key, _)| key.clone()) else {
                return;
            };
            // What it has forked lives on; whoever forks from it at this moment keeps it until then.
            entries.remove(&key);
        }
    }

    fn entry(&self, key: &Key) -> Arc<OnceCell<Option<Arc<Zygote>>>> {
        let mut entries = self.entries();
        let entry = entries.entry(key.clone()).or_default();
        entry.used = self.uses.fetch_add(1, Ordering::Relaxed);
        entry.zygote.clone()
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<Key, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn alive(&self) -> Option<Arc<Zygote>> {
        let zygote = self.zygote.get()?.clone()?;
        zygote.is_alive().then_some(zygote)
    }

    fn memory(&self) -> u64 {
        let zygote = self.zygote.get().and_then(Option::as_ref);
        zygote.and_then(|zygote| zygote.cell.memory()).unwrap_or(0)
    }
}
