use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use super::Context;

/// An interpreter on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interpreter {
    /// The program itself, links resolved.
    pub path: PathBuf,
    /// What has to be visible for it to run, if it is not part of the system.
    pub prefix: Option<PathBuf>,
    /// Its version: major and minor.
    pub version: (u32, u32),
    /// The version as it says it.
    pub full_version: String,
}

/// The interpreters of a family, newest first, one for each of what `same` tells apart: those that the settings name,
/// else those that were installed for the platform and those in `PATH` whose file names satisfy `is_named`.
pub fn interpreters<K: Ord>(
    context: &Context,
    family: &str,
    is_named: fn(&str) -> bool,
    same: fn(&Interpreter) -> K,
) -> Vec<Interpreter> {
    let candidates = match context.config.interpreters.get(family) {
        Some(paths) => paths.clone(),
        None => [installed(&context.interpreters, family, is_named), in_path(is_named)].concat(),
    };
    let mut programs: Vec<PathBuf> = Vec::new();
    for program in candidates.iter().filter_map(|path| path.canonicalize().ok()) {
        // Several names may lead to one program.
        if !programs.contains(&program) {
            programs.push(program);
        }
    }
    let mut found = BTreeMap::new();
    for path in programs {
        match inspect(&path) {
            Some(interpreter) => {
                found.entry(same(&interpreter)).or_insert(interpreter);
            }
            None => tracing::debug!(family, path = %path.display(), "not a compiled interpreter"),
        }
    }
    found.into_values().rev().collect()
}

/// Programs in `<directory>/<family>-<version>/bin`.
fn installed(directory: &Path, family: &str, is_named: fn(&str) -> bool) -> Vec<PathBuf> {
    let releases = fs::read_dir(directory).into_iter().flatten().flatten();
    let of_family = releases.filter(|release| {
        let name = release.file_name();
        let version = name.to_str().and_then(|name| name.strip_prefix(family));
        version.is_some_and(|version| version.starts_with('-'))
    });
    of_family
        .flat_map(|release| programs(&release.path().join("bin"), is_named))
        .collect()
}

/// Programs in the directories of `PATH`, then in the usual ones.
fn in_path(is_named: fn(&str) -> bool) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let usual = ["/usr/local/bin", "/usr/bin"].map(PathBuf::from);
    let directories = std::env::split_paths(&path).chain(usual);
    directories
        .flat_map(|directory| programs(&directory, is_named))
        .collect()
}

/// What in a directory has such a name.
fn programs(directory: &Path, is_named: fn(&str) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
    names.retain(|name| name.to_str().is_some_and(is_named));
    names.sort();
    names.into_iter().map(|name| directory.join(name)).collect()
}

/// Asks a program for its version. Only compiled programs are asked: a version manager's scripts stand for an
/// interpreter that changes from directory to directory.
fn inspect(path: &Path) -> Option<Interpreter> {
    let mut magic = [0; 4];
    File::open(path).ok()?.read_exact(&mut magic).ok()?;
    if &magic != b"\x7fELF" {
        return None;
    }
    let output = Command::new(path).arg("--version").env_clear().output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let full_version = text
        .trim()
        .trim_start_matches("Python ")
        .trim_start_matches('v')
        .to_owned();
    let mut numbers = full_version.split('.').map_while(|number| number.parse().ok());
    let version = (numbers.next()?, numbers.next()?);
    let prefix = path
        .parent()
        .and_then(Path::parent)
        .filter(|prefix| *prefix != Path::new("/"))
        .map(PathBuf::from);
    Some(Interpreter {
        path: path.to_owned(),
        prefix,
        version,
        full_version,
    })
}
