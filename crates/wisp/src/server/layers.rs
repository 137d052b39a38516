use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::Path,
};

use anyhow::{Context, Result, bail};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

/// Where a setting came from; later ones win.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    File(String),
    Environment(String),
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Default => f.write_str("default"),
            Origin::File(path) => write!(f, "file {path}"),
            Origin::Environment(name) => write!(f, "environment {name}"),
            Origin::Flag(flag) => write!(f, "flag {flag}"),
        }
    }
}

/// Settings by their dotted path (`worker.memory`), each with its origin. The defaults say which there are.
pub(crate) struct Layers {
    values: BTreeMap<String, (Value, Origin)>,
}

impl Layers {
    /// The lowest layer: everything that can be set.
    pub fn defaults<T: Serialize>(defaults: &T) -> Result<Self> {
        let mut values = BTreeMap::new();
        flatten("", serde_json::to_value(defaults)?, &mut |path, value| {
            values.insert(path, (value, Origin::Default));
        });
        Ok(Self { values })
    }

    /// Lays a TOML file over what is there.
    pub fn file(&mut self, path: &Path) -> Result<()> {
        let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let table: toml::Table = toml::from_str(&text).with_context(|| format!("{} is not TOML", path.display()))?;
        let mut leaves = Vec::new();
        flatten("", serde_json::to_value(table)?, &mut |path, value| {
            leaves.push((path, value))
        });
        for (key, value) in leaves {
            self.set(&key, value, Origin::File(path.display().to_string()))?;
        }
        Ok(())
    }

    /// Lays environment variables over what is there: `WISP_WORKER_MEMORY` is `worker.memory`. A variable of a section
    /// that has no such setting is refused.
    pub fn environment(&mut self, variables: impl Iterator<Item = (String, String)>) -> Result<()> {
        let names: BTreeMap<String, String> = self.values.keys().map(|key| (variable(key), key.clone())).collect();
        let sections: BTreeSet<String> = self
            .values
            .keys()
            .filter_map(|key| Some(format!("{}_", variable(key.split_once('.')?.0))))
            .collect();
        for (name, text) in variables {
            let origin = Origin::Environment(name.clone());
            if let Some(key) = names.get(&name) {
                self.values.insert(key.clone(), (parse(&text), origin));
            } else if sections.iter().any(|section| name.starts_with(section)) {
                let nearest = names
                    .keys()
                    .min_by_key(|known| strsim::damerau_levenshtein(known, &name));
                let nearest = nearest.map_or(String::new(), |nearest| format!("; did you mean {nearest}?"));
                bail!("{origin}: there is no such setting{nearest}");
            }
        }
        Ok(())
    }

    /// Lays one value over what is there; an unknown key is refused with the nearest known one.
    pub fn set(&mut self, key: &str, value: Value, origin: Origin) -> Result<()> {
        if let Some(entry) = self.values.get_mut(key) {
            *entry = (value, origin);
            return Ok(());
        }
        if let Some((parent, name)) = key.rsplit_once('.')
            && let Some((Value::Object(free), known)) = self.values.get_mut(parent)
        {
            free.insert(name.to_owned(), value);
            *known = origin;
            return Ok(());
        }
        let distance = |known: &&String| strsim::damerau_levenshtein(known, key);
        match self.values.keys().min_by_key(distance) {
            Some(nearest) => bail!("{origin}: there is no setting '{key}'; did you mean '{nearest}'?"),
            None => bail!("{origin}: there is no setting '{key}'"),
        }
    }

    /// The settings as their type; a value that does not fit is refused with its key and origin.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        let mut root = Map::new();
        for (path, (value, _)) in &self.values {
            insert(&mut root, path, value.clone());
        }
        serde_path_to_error::deserialize(Value::Object(root)).map_err(|error| {
            let path = error.path().to_string();
            let origin = self
                .values
                .get(&path)
                .map_or(String::new(), |(_, origin)| format!(" ({origin})"));
            anyhow::anyhow!("setting '{path}'{origin}: {}", error.inner())
        })
    }

    /// The value of one setting.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.values.get(key).map(|(value, _)| value)
    }

    /// Every setting with its value and origin, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value, &Origin)> {
        self.values
            .iter()
            .map(|(path, (value, origin))| (path.as_str(), value, origin))
    }
}

/// The environment variable of a setting.
pub(crate) fn variable(key: &str) -> String {
    format!("WISP_{}", key.replace('.', "_").to_uppercase())
}

/// A value as people type it: JSON if it is, else the text.
pub(crate) fn parse(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

fn flatten(prefix: &str, value: Value, leaf: &mut dyn FnMut(String, Value)) {
    match value {
        // An empty table is a setting with free keys.
        Value::Object(map) if !map.is_empty() => {
            for (key, value) in map {
                let path = if prefix.is_empty() {
                    key
                } else {
                    format!("{prefix}.{key}")
                };
                flatten(&path, value, leaf);
            }
        }
        value => leaf(prefix.to_owned(), value),
    }
}

fn insert(map: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            map.insert(path.to_owned(), value);
        }
        Some((head, rest)) => {
            let child = map.entry(head).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(child) = child {
                insert(child, rest, value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Serialize, Deserialize, Default, Debug, PartialEq)]
    struct Settings {
        listen: String,
        data: Option<String>,
        worker: Worker,
    }
    #[derive(Serialize, Deserialize, Default, Debug, PartialEq)]
    struct Worker {
        memory: u64,
    }

    fn layers() -> Layers {
        Layers::defaults(&Settings {
            listen: "here".into(),
            ..Settings::default()
        })
        .unwrap_or_else(|_| unreachable!())
    }

    #[test]
    fn later_layers_win() -> Result<()> {
        let mut layers = layers();
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), "data = '/d'\n[worker]\nmemory = 5\n")?;
        layers.file(file.path())?;
        layers.environment([("WISP_WORKER_MEMORY".to_owned(), "7".to_owned())].into_iter())?;
        layers.set("listen", "there".into(), Origin::Flag("--listen".into()))?;
        let expected = Settings {
            listen: "there".into(),
            data: Some("/d".into()),
            worker: Worker { memory: 7 },
        };
        assert_eq!(layers.read::<Settings>()?, expected);
        Ok(())
    }

    #[test]
    fn refusals_name_the_key_the_origin_and_the_nearest() {
        let mut layers = layers();
        let unknown = layers.set("worker.memry", 1.into(), Origin::File("w.toml".into()));
        let expected = "file w.toml: there is no setting 'worker.memry'; did you mean 'worker.memory'?";
        assert_eq!(unknown.map_err(|error| error.to_string()), Err(expected.into()));
        let misspelt = layers.environment([("WISP_WORKER_MEMORI".to_owned(), "7".to_owned())].into_iter());
        let expected = "environment WISP_WORKER_MEMORI: there is no such setting; did you mean WISP_WORKER_MEMORY?";
        assert_eq!(misspelt.map_err(|error| error.to_string()), Err(expected.into()));
        let given = layers.environment([("WISP_WORKER_MEMORY".to_owned(), "much".to_owned())].into_iter());
        assert!(given.is_ok());
        let error = layers
            .read::<Settings>()
            .map_err(|error| error.to_string())
            .err()
            .unwrap_or_default();
        assert!(
            error.starts_with("setting 'worker.memory' (environment WISP_WORKER_MEMORY): invalid type"),
            "{error}"
        );
    }
}
