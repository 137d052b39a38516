use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use wisp_core::{
    Code, Error, Result,
    model::{Action, Annotations, EntityName, Fqn, Identity, Millis, Parameter, Right},
    ports::{Expect, Record, Records, Table, Write},
};

use crate::{cached::Cached, control::Control, seal::Seal};

/// Sealed secrets, by `namespace/name`.
const SECRETS: Table = "secrets";

/// The annotation that tells which environment variables of an action are secrets: an object from the variable to the
/// secret's name.
const ANNOTATION: &str = "secrets";

/// What may be known of a secret: everything but its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Secret {
    /// Its name.
    pub name: String,
    /// When it was last set.
    pub updated: Millis,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    sealed: String,
    updated: Millis,
}

/// The secrets of all namespaces.
pub(crate) struct Secrets {
    records: Arc<dyn Records>,
    seal: Seal,
    /// Open values, forgotten when they change.
    open: Cached<String>,
}

impl Secrets {
    pub fn new(records: Arc<dyn Records>, seal: Seal, cache_entries: usize) -> Self {
        Self {
            records,
            seal,
            open: Cached::new(cache_entries),
        }
    }

    async fn set(&self, key: &str, value: &str, updated: Millis) -> Result<()> {
        let sealed = self.seal.close(value.as_bytes(), key.as_bytes())?;
        let text = serde_json::to_vec(&Stored { sealed, updated });
        let text = text.map_err(|error| Error::internal("a secret cannot be encoded").because(error))?;
        self.commit(key, Some(text.into()), Expect::Any).await
    }

    async fn commit(&self, key: &str, value: Option<Bytes>, expect: Expect) -> Result<()> {
        let write = Write {
            table: SECRETS,
            key: key.to_owned(),
            value,
            expect,
        };
        let committed = self.records.commit(vec![write]).await;
        self.open.forget(std::iter::once(key)).await;
        committed.map(drop)
    }

    /// The value of a secret, if there is one.
    async fn value(&self, key: &str) -> Result<Option<Arc<String>>> {
        let load = || async {
            let Some(record) = self.records.get(SECRETS, key).await? else {
                return Ok(None);
            };
            let open = self.seal.open(&decode(&record)?.sealed, key.as_bytes());
            let value = open.and_then(|bytes| String::from_utf8(bytes).ok());
            value.map(Some).ok_or_else(|| sealed_otherwise(key))
        };
        self.open.get(key, load).await
    }
}

impl Control {
    /// Sets a secret of the caller's namespace.
    pub async fn set_secret(&self, caller: &Identity, name: &Fqn, value: &str) -> Result<Secret> {
        self.entitle(caller, Right::Put, name)?;
        let (secrets, limits, key) = (&self.inner.secrets, &self.inner.limits, name.to_string());
        if value.len() as u64 > limits.secret_size {
            let message = format!(
                "A secret is longer than allowed: {} > {} bytes.",
                value.len(),
                limits.secret_size
            );
            return Err(Error::new(Code::TooLarge, message)
                .with("limit", "limits.secret_size")
                .with("value", limits.secret_size));
        }
        if secrets.records.get(SECRETS, &key).await?.is_none() {
            let count = secrets
                .records
                .scan(SECRETS, &prefix(name.namespace_name()))
                .await?
                .len() as u64;
            if count >= limits.secrets {
                return Err(too_many(name.namespace_name(), limits.secrets));
            }
        }
        let updated = self.inner.clock.now();
        secrets.set(&key, value, updated).await?;
        Ok(Secret {
            name: name.name().to_owned(),
            updated,
        })
    }

    /// The secrets of a namespace, by name; not their values.
    pub async fn list_secrets(&self, caller: &Identity, namespace: &EntityName) -> Result<Vec<Secret>> {
        self.entitle_namespace(caller, namespace)?;
        let prefix = prefix(namespace);
        let records = self.inner.secrets.records.scan(SECRETS, &prefix).await?;
        let secret = |record: &Record| {
            Ok(Secret {
                name: record.key[prefix.len()..].to_owned(),
                updated: decode(record)?.updated,
            })
        };
        records.iter().map(secret).collect()
    }

    /// Deletes a secret; what has started with it keeps it until it ends.
    pub async fn delete_secret(&self, caller: &Identity, name: &Fqn) -> Result<Secret> {
        self.entitle(caller, Right::Delete, name)?;
        let (secrets, key) = (&self.inner.secrets, name.to_string());
        let record = secrets.records.get(SECRETS, &key).await?;
        let record = record.ok_or_else(|| Error::new(Code::NotFound, "The requested resource does not exist."))?;
        let updated = decode(&record)?.updated;
        secrets.commit(&key, None, Expect::At(record.revision)).await?;
        Ok(Secret {
            name: name.name().to_owned(),
            updated,
        })
    }

    /// The value of a secret of a namespace, if it is set.
    pub(crate) async fn secret(&self, namespace: &EntityName, name: &str) -> Result<Option<Arc<String>>> {
        self.inner.secrets.value(&format!("{namespace}/{name}")).await
    }

    /// The secrets that an action wants in its environment, as init parameters; else the name of one that is missing.
    /// They are those of the namespace that the action is in, whoever calls it.
    pub(crate) async fn secrets_of(&self, action: &Action) -> Result<std::result::Result<Vec<Parameter>, String>> {
        let mut parameters = Vec::new();
        for (variable, name) in wanted(&action.annotations)? {
            let Some(value) = self.secret(action.fqn.namespace_name(), &name).await? else {
                return Ok(Err(name));
            };
            parameters.push(Parameter {
                key: variable,
                value: value.as_str().into(),
                init: true,
            });
        }
        Ok(Ok(parameters))
    }
}

/// The variables and the names of the secrets that an action wants.
pub(crate) fn wanted(annotations: &Annotations) -> Result<BTreeMap<String, String>> {
    let Some(value) = annotations.get(ANNOTATION).filter(|value| !value.is_null()) else {
        return Ok(BTreeMap::new());
    };
    let wanted: BTreeMap<String, String> = serde_json::from_value(value.clone()).map_err(|error| {
        let message = format!(
            "The annotation '{ANNOTATION}' must be an object from environment variables to names of secrets, such as \
             {{\"DB_PASSWORD\": \"db-password\"}}: {error}."
        );
        Error::bad_request(message)
    })?;
    for (variable, name) in &wanted {
        if variable.is_empty() || variable.starts_with("__OW_") || variable.contains(['=', '\0']) {
            let message = format!("'{variable}' cannot be the environment variable of a secret.");
            return Err(Error::bad_request(message).with("remedy", "use a name such as DB_PASSWORD"));
        }
        name.parse::<EntityName>()?;
    }
    Ok(wanted)
}

/// What a function's caller is told when it wants a secret that nobody has set.
pub(crate) fn missing(name: &str) -> String {
    format!("The action needs the secret '{name}', which is not set. Set it with: wisp secret set {name}")
}

fn prefix(namespace: &EntityName) -> String {
    format!("{namespace}/")
}

fn decode(record: &Record) -> Result<Stored> {
    serde_json::from_slice(&record.value).map_err(|error| {
        Error::new(Code::Corrupted, "Resource is corrupted and cannot be read.")
            .with("key", &record.key)
            .because(error)
    })
}

fn sealed_otherwise(key: &str) -> Error {
    let message = format!("The secret '{key}' cannot be opened: it was sealed with another key than this server's.");
    Error::new(Code::Corrupted, message).with(
        "remedy",
        "set it again, or start the server with the right `secret` file",
    )
}

fn too_many(namespace: &EntityName, allowed: u64) -> Error {
    let message = format!("Namespace '{namespace}' has {allowed} secrets, which is as many as are allowed.");
    Error::new(Code::Throttled, message)
        .with("limit", "limits.secrets")
        .with("value", allowed)
        .with(
            "remedy",
            "delete some, or raise limits.secrets in the server's configuration",
        )
}
