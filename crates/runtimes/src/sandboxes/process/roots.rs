use std::{
    collections::HashMap,
    fs, io,
    os::{fd::OwnedFd, unix::fs::MetadataExt},
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use wisp_core::ports::SandboxSpec;

use super::{
    messages::{Bind, Root},
    yard::Yard,
};

/// What a prepared root depends on: its launcher, what it is made of, and the device and inode of each source: one that
/// was replaced meanwhile is another.
type Key = (usize, Root, Vec<(u64, u64)>);

/// Roots that were prepared, for the next sandbox that wants the same.
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

    /// The root that a program wants, prepared unless it is known.
    pub async fn get(&self, yard: &Yard, generation: usize, spec: &SandboxSpec) -> Result<Arc<OwnedFd>, String> {
        let root = root(spec);
        let sources: Vec<(u64, u64)> = match &root {
            Root::Minimal(binds) => binds
                .iter()
                .map(|bind| identify(&bind.source))
                .collect::<Result<_, _>>(),
            Root::Image(layers) => layers.iter().map(|layer| identify(layer)).collect::<Result<_, _>>(),
        }?;
        let key = (generation, root, sources);
        if let Some(root) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(root.clone());
        }
        let root = Arc::new(yard.root(key.1.clone()).await?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= self.most {
            known.clear();
        }
        known.insert(key, root.clone());
        Ok(root)
    }
}

fn root(spec: &SandboxSpec) -> Root {
    if let Some(image) = &spec.image {
        return Root::Image(image.layers.clone());
    }
    let binds = spec.mounts.iter().map(|mount| Bind {
        source: mount.source.clone(),
        target: mount.target.clone(),
    });
    Root::Minimal(binds.collect())
}

fn identify(source: &Path) -> Result<(u64, u64), String> {
    let failed = |error: io::Error| format!("mount {}: {error}", source.display());
    let facts = fs::metadata(source).map_err(failed)?;
    Ok((facts.dev(), facts.ino()))
}
