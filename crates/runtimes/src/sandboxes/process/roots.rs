use std::{
    collections::HashMap,
    fs, io,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    sync::{Arc, Mutex, PoisonError},
};

use wisp_core::ports::Mount;

use super::{messages::Bind, yard::Yard};

/// What a prepared root depends on: its launcher, and each mount with the device and inode that it showed.
type Key = (usize, Vec<(Bind, u64, u64)>);

/// Roots that were prepared, for the next sandbox with the same mounts.
pub struct Roots {
    known: Mutex<HashMap<Key, Arc<OwnedFd>>>,
    most: usize,
}

impl Roots {
    /// None yet, and never more than `most`.
    pub fn new(most: usize) -> Self {
        Self {
            known: Mutex::default(),
            most,
        }
    }

    /// The root with these mounts, prepared unless it is known.
    pub async fn get(&self, yard: &Yard, generation: usize, mounts: &[Mount]) -> Result<Arc<OwnedFd>, String> {
        let key = (generation, mounts.iter().map(identify).collect::<Result<Vec<_>, _>>()?);
        if let Some(root) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(root.clone());
        }
        let binds = key.1.iter().map(|(bind, ..)| bind.clone()).collect();
        let root = Arc::new(yard.root(binds).await?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.most {
            known.clear();
        }
        known.insert(key, root.clone());
        Ok(root)
    }
}

/// A mount with what its source is now: one that was replaced meanwhile is another.
fn identify(mount: &Mount) -> Result<(Bind, u64, u64), String> {
    let failed = |error: io::Error| format!("mount {}: {error}", mount.source.display());
    let source = fs::metadata(&mount.source).map_err(failed)?;
    Ok((
        Bind {
            source: mount.source.clone(),
            target: mount.target.clone(),
        },
        source.dev(),
        source.ino(),
    ))
}
