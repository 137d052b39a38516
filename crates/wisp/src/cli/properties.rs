use std::{
    env, fs, io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use anyhow::Context;

/// A file of `KEY=VALUE` lines, as OpenWhisk's clients share it: `APIHOST`, `AUTH`, `NAMESPACE`, `APIVERSION`, `CERT`,
/// `KEY`, `CACERT`, `INSECURE`. Lines that are not understood are kept as they are.
#[derive(Clone, Debug, Default)]
pub struct Properties {
    path: PathBuf,
    lines: Vec<String>,
}

impl Properties {
    /// The user's file: what `WSK_CONFIG_FILE` names, else `~/.wskprops`. A missing one is empty.
    pub fn of_user() -> anyhow::Result<Self> {
        let path = env::var_os("WSK_CONFIG_FILE").map(PathBuf::from);
        let home = || env::home_dir().map(|home| home.join(".wskprops"));
        let path = path
            .or_else(home)
            .context("there is no home directory: set WSK_CONFIG_FILE to a file")?;
        Self::read(&path)
    }

    /// The file that a server writes at its first start, beside its data; empty where `WSK_CONFIG_FILE` is set, since
    /// then nothing else may be looked at.
    pub fn of_server() -> anyhow::Result<Self> {
        match (env::var_os("WSK_CONFIG_FILE"), data_directory()) {
            (None, Some(data)) => Self::read(&data.join("wskprops")),
            _ => Ok(Self::default()),
        }
    }

    /// Reads a file; a missing one is empty.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text.with_context(|| format!("the properties file '{}' cannot be read", path.display()))?,
        };
        Ok(Self {
            path: path.to_owned(),
            lines: text.lines().map(str::to_owned).collect(),
        })
    }

    /// A property; an empty one is absent.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.lines
            .iter()
            .rev()
            .find_map(|line| value_of(line, key))
            .filter(|value| !value.is_empty())
    }

    /// Sets a property, in place if it is there.
    pub fn set(&mut self, key: &str, value: &str) {
        let line = format!("{key}={value}");
        match self.lines.iter_mut().rev().find(|line| value_of(line, key).is_some()) {
            Some(existing) => *existing = line,
            None => self.lines.push(line),
        }
    }

    /// Removes a property.
    pub fn remove(&mut self, key: &str) {
        self.lines.retain(|line| value_of(line, key).is_none());
    }

    /// Writes the file whole or not at all, readable to its owner only: it holds a key.
    pub fn write(&self) -> anyhow::Result<()> {
        let text: String = self.lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        // A link to a file elsewhere stays one.
        let path = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let draft = path.with_extension(format!("{}.new", std::process::id()));
        let write = || {
            let mut options = fs::OpenOptions::new();
            let mut file = options.write(true).create_new(true).mode(0o600).open(&draft)?;
            io::Write::write_all(&mut file, text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&draft, &path)
        };
        write().with_context(|| format!("the properties file '{}' cannot be written", path.display()))
    }
}

/// Where a server keeps its data unless it is told otherwise: `$XDG_DATA_HOME/wisp`, or `~/.local/share/wisp`.
pub fn data_directory() -> Option<PathBuf> {
    let data = env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    data.or_else(|| env::home_dir().map(|home| home.join(".local/share")))
        .map(|data| data.join("wisp"))
}

fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let (name, value) = line.split_once('=')?;
    (name.trim() == key).then(|| value.trim())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn lines_are_kept_and_the_file_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("props");
        fs::write(&path, "# mine\nAPIHOST=http://a:1\nAUTH=u:k=\nEMPTY=\n").unwrap();
        let mut properties = Properties::read(&path).unwrap();
        assert_eq!(properties.get("APIHOST"), Some("http://a:1"));
        assert_eq!(properties.get("AUTH"), Some("u:k="));
        assert_eq!((properties.get("EMPTY"), properties.get("NAMESPACE")), (None, None));
        properties.set("APIHOST", "b");
        properties.set("NAMESPACE", "ns");
        properties.remove("EMPTY");
        properties.write().unwrap();
        assert_eq!(
            fs::read_to_string(&path).unwrap(),
            "# mine\nAPIHOST=b\nAUTH=u:k=\nNAMESPACE=ns\n"
        );
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
