use std::{
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::code::make_directories;

/// Modules of one code at most; more are not worth a zygote of their own.
const MODULES: usize = 64;

/// Which modules each code imports that a zygote could import for it: learnt when it runs first, kept in a file each.
pub struct Imports {
    directory: PathBuf,
    most: usize,
    /// By digest; none for code that nothing is known of.
    known: Mutex<HashMap<String, Option<Arc<[String]>>>>,
}

impl Imports {
    /// What an earlier process has learnt in this directory, of the `most` codes that it learnt last.
    pub fn open(directory: PathBuf, most: usize) -> io::Result<Self> {
        make_directories(&directory)?;
        forget(&directory, most)?;
        Ok(Self {
            directory,
            most,
            known: Mutex::default(),
        })
    }

    /// The modules that a code imports; none if that is not known.
    pub fn of(&self, digest: &str) -> Option<Arc<[String]>> {
        if let Some(modules) = self.known().get(digest) {
            return modules.clone();
        }
        let modules: Option<Arc<[String]>> = fs::read(self.directory.join(digest))
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        self.remember(digest, modules.clone());
        modules
    }

    /// Notes what a code imports. What cannot be written is known until this process ends.
    pub fn learn(&self, digest: &str, mut modules: Vec<String>) {
        modules.truncate(MODULES);
        modules.sort_unstable();
        modules.dedup();
        let path = self.directory.join(digest);
        let write = || {
            let new = path.with_extension("new");
            fs::write(&new, serde_json::to_vec(&modules)?)?;
            fs::rename(new, &path)
        };
        if let Err(error) = write() {
            tracing::warn!(path = %path.display(), %error, "what a function imports cannot be kept");
        }
        self.remember(digest, Some(modules.into()));
    }

    fn remember(&self, digest: &str, modules: Option<Arc<[String]>>) {
        let mut known = self.known();
        if known.len() >= self.most {
            // All of it is in files.
            known.clear();
        }
        known.insert(digest.to_owned(), modules);
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Option<Arc<[String]>>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes the oldest files until only `most` are left.
fn forget(directory: &Path, most: usize) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort_unstable();
    let surplus = files.len().saturating_sub(most);
    files.drain(..surplus).try_for_each(|(_, path)| fs::remove_file(path))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_was_learnt_is_known_to_the_next_process_within_the_limit() {
        let directory = tempfile::tempdir().unwrap();
        let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let imports = Imports::open(directory.path().into(), 2).unwrap();
        assert_eq!(imports.of("a"), None);
        imports.learn("a", names(&["pandas", "numpy", "numpy"]));
        imports.learn("b", names(&[]));
        assert_eq!(imports.of("a").as_deref(), Some(names(&["numpy", "pandas"]).as_slice()));
        let again = Imports::open(directory.path().into(), 2).unwrap();
        assert_eq!(again.of("a").as_deref(), Some(names(&["numpy", "pandas"]).as_slice()));
        assert_eq!(again.of("b").as_deref(), Some([].as_slice()));
        let less = Imports::open(directory.path().into(), 1).unwrap();
        assert_eq!([less.of("a"), less.of("b")].iter().flatten().count(), 1);
    }
}
