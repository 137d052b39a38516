use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};

/// The repository as it stands on disk.
pub struct Tree {
    root: PathBuf,
    files: Vec<String>,
}

/// A crate's manifest.
pub struct Manifest {
    /// Its path from the root.
    pub path: String,
    /// The package's name without `wisp-`.
    pub name: String,
    /// All of it.
    pub table: toml::Table,
}

impl Tree {
    /// The repository around the working directory.
    pub fn here() -> Result<Self> {
        let root = PathBuf::from(git(Path::new("."), &["rev-parse", "--show-toplevel"])?.trim_end());
        let listed = git(&root, &["ls-files", "-z", "--cached", "--others", "--exclude-standard"])?;
        let mut files: Vec<String> = listed.split_terminator('\0').map(str::to_owned).collect();
        files.retain(|path| root.join(path).is_file());
        files.sort();
        Ok(Self { root, files })
    }

    /// The root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Paths, from the root, of all files that git tracks or would track, and whose names end so.
    pub fn files<'a>(&'a self, end: &'a str) -> impl Iterator<Item = &'a str> {
        self.files
            .iter()
            .map(String::as_str)
            .filter(move |path| path.ends_with(end))
    }

    /// Whether this is such a file, or a folder that holds one.
    pub fn has(&self, path: &str) -> bool {
        let folder = format!("{}/", path.trim_end_matches('/'));
        path.is_empty() || self.files.iter().any(|file| file == path || file.starts_with(&folder))
    }

    /// A file's text.
    pub fn read(&self, path: &str) -> Result<String> {
        fs::read_to_string(self.root.join(path)).with_context(|| format!("reading {path}"))
    }

    /// A file's TOML.
    pub fn read_toml(&self, path: &str) -> Result<toml::Table> {
        self.read(path)?.parse().with_context(|| format!("parsing {path}"))
    }

    /// The manifests of all crates.
    pub fn manifests(&self) -> Result<Vec<Manifest>> {
        let mut manifests = Vec::new();
        for path in self.files("/Cargo.toml") {
            let table = self.read_toml(path)?;
            let name = table
                .get("package")
                .and_then(|package| package.get("name"))
                .and_then(toml::Value::as_str);
            let name = name.with_context(|| format!("{path}: no package.name"))?;
            let name = name.strip_prefix("wisp-").unwrap_or(name).to_owned();
            manifests.push(Manifest {
                path: path.to_owned(),
                name,
                table,
            });
        }
        Ok(manifests)
    }
}

/// What git prints.
fn git(folder: &Path, arguments: &[&str]) -> Result<String> {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .output()
        .context("running git")?;
    ensure!(
        output.status.success(),
        "git {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(String::from_utf8(output.stdout)?)
}

impl Manifest {
    /// Names and values of the dependencies in sections of this name, those of single targets included.
    pub fn dependencies(&self, section: &str) -> Vec<(&str, &toml::Value)> {
        let targets = self.table.get("target").and_then(toml::Value::as_table);
        let targets = targets
            .into_iter()
            .flat_map(|targets| targets.values())
            .filter_map(|target| target.get(section));
        let sections = self
            .table
            .get(section)
            .into_iter()
            .chain(targets)
            .filter_map(toml::Value::as_table);
        sections.flatten().map(|(name, value)| (name.as_str(), value)).collect()
    }
}
