use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use wisp_core::{
    Code, Error, Result,
    model::{ApiKey, Chain, EntityName, Identity, Subject, SubjectNamespace},
    ports::{Records, Table},
};

use crate::{cached::Cached, control::Control, users::NAMESPACES};

/// Subjects by name, and which subject a key's UUID belongs to.
pub(crate) const SUBJECTS: Table = "subjects";
pub(crate) const KEYS: Table = "keys";

/// Characters of a key's secret half.
pub(crate) const SECRET_LENGTH: usize = 64;

/// The subjects, by the public half of their keys.
pub(crate) struct Subjects {
    pub records: Arc<dyn Records>,
    cache: Cached<(Subject, SubjectNamespace)>,
    /// The UUID of the key of a namespace.
    uuids: Cached<String>,
    /// Keys that are valid while this server runs, and the stored keys whose namespaces they open too.
    stand_ins: RwLock<HashMap<String, StandIn>>,
}

#[derive(Clone)]
struct StandIn {
    secret_sha256: String,
    stored_uuid: String,
}

impl Subjects {
    pub fn new(records: Arc<dyn Records>, cache_entries: usize) -> Self {
        Self {
            records,
            cache: Cached::new(cache_entries),
            uuids: Cached::new(cache_entries),
            stand_ins: RwLock::default(),
        }
    }

    /// The owner of a key, with the namespace that it opens.
    async fn owner(&self, uuid: &str) -> Result<Option<Arc<(Subject, SubjectNamespace)>>> {
        let load = || async {
            let Some(key) = self.records.get(KEYS, uuid).await? else {
                return Ok(None);
            };
            let Some(record) = self.records.get(SUBJECTS, &String::from_utf8_lossy(&key.value)).await? else {
                return Ok(None);
            };
            let subject = decode(&record.value)?;
            let namespace = subject
                .namespaces
                .iter()
                .find(|namespace| namespace.uuid == uuid)
                .cloned();
            Ok(namespace.map(|namespace| (subject, namespace)))
        };
        self.cache.get(uuid, load).await
    }

    /// The owner of a namespace.
    pub async fn owner_of_namespace(&self, namespace: &EntityName) -> Result<Option<Arc<(Subject, SubjectNamespace)>>> {
        let load = || async {
            let Some(owner) = self.records.get(NAMESPACES, namespace.as_str()).await? else {
                return Ok(None);
            };
            let Some(record) = self
                .records
                .get(SUBJECTS, &String::from_utf8_lossy(&owner.value))
                .await?
            else {
                return Ok(None);
            };
            let own = decode(&record.value)?
                .namespaces
                .into_iter()
                .find(|own| own.name == *namespace);
            Ok(own.map(|own| own.uuid))
        };
        match self.uuids.get(namespace.as_str(), load).await? {
            Some(uuid) => self.owner(&uuid).await,
            None => Ok(None),
        }
    }

    /// Whom a key belongs to that is not blocked, and the digest of the key's secret half.
    pub async fn find(&self, uuid: &str) -> Result<Option<(Arc<(Subject, SubjectNamespace)>, String)>> {
        let stand_in = self.stand_in(uuid);
        let stored = stand_in.as_ref().map_or(uuid, |stand_in| &stand_in.stored_uuid);
        let owner = self.owner(stored).await?.filter(|owner| !owner.0.blocked);
        Ok(owner.map(|owner| {
            let digest = stand_in.map_or_else(|| owner.1.secret_sha256.clone(), |stand_in| stand_in.secret_sha256);
            (owner, digest)
        }))
    }

    /// Makes a key valid for the namespace of a stored one, until this server ends.
    pub fn lend(&self, key: &ApiKey, stored_uuid: &str) {
        let known = self.stand_in(&key.uuid);
        if known.is_some_and(|known| known.stored_uuid == stored_uuid) {
            return;
        }
        let stand_in = StandIn {
            secret_sha256: secret_digest(&key.secret),
            stored_uuid: stored_uuid.to_owned(),
        };
        let mut stand_ins = self.stand_ins.write().unwrap_or_else(PoisonError::into_inner);
        stand_ins.insert(key.uuid.clone(), stand_in);
    }

    /// The stored key's UUID for one that may only stand in for it.
    pub fn stored_uuid(&self, uuid: &str) -> String {
        self.stand_in(uuid)
            .map_or_else(|| uuid.to_owned(), |stand_in| stand_in.stored_uuid)
    }

    fn stand_in(&self, uuid: &str) -> Option<StandIn> {
        self.stand_ins
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(uuid)
            .cloned()
    }

    /// Forgets what is in memory of a subject that has changed.
    pub async fn forget(&self, subject: &Subject) {
        let namespaces = &subject.namespaces;
        self.cache.forget(namespaces.iter().map(|own| own.uuid.as_str())).await;
        self.uuids.forget(namespaces.iter().map(|own| own.name.as_str())).await;
    }
}

/// Reads a stored subject.
pub(crate) fn decode(value: &[u8]) -> Result<Subject> {
    serde_json::from_slice(value)
        .map_err(|error| Error::new(Code::Corrupted, "Resource is corrupted and cannot be read.").because(error))
}

impl Control {
    /// Who sends this `Authorization` header: Basic, with the key's UUID as user and its secret as password.
    pub async fn authenticate(&self, header: Option<&str>) -> Result<Identity> {
        let Some(header) = header else {
            let message = "The resource requires authentication, which was not supplied with the request";
            return Err(Error::new(Code::Unauthenticated, message));
        };
        let key = parse(header).ok_or_else(invalid)?;
        let (owner, expected) = self.inner.subjects.find(&key.uuid).await?.ok_or_else(invalid)?;
        let (subject, namespace) = &*owner;
        let digest = secret_digest(&key.secret);
        let matches: bool = digest.as_bytes().ct_eq(expected.as_bytes()).into();
        // What is not the key itself may be one that a function was given in its place.
        let chain = match matches {
            true => Some(Chain::default()),
            false => self.chain_of_key(&key),
        };
        let chain = chain.ok_or_else(invalid)?;
        Ok(Identity {
            subject: subject.name.clone(),
            namespace: namespace.name.clone(),
            api_key: key,
            rights: subject.rights.clone(),
            limits: namespace.limits.clone(),
            chain,
        })
    }
}

impl Control {
    /// Makes a key valid for a subject's first namespace until this server ends: it is not stored.
    pub async fn lend_key(&self, subject: &str, key: &ApiKey) -> Result<()> {
        let subject = self.get_user(subject).await?;
        if let Some(namespace) = subject.namespaces.first() {
            self.inner.subjects.lend(key, &namespace.uuid);
        }
        Ok(())
    }
}

/// What is stored of a key's secret half.
pub(crate) fn secret_digest(secret: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(secret.as_bytes()))
}

fn invalid() -> Error {
    Error::new(Code::Unauthenticated, "The supplied authentication is invalid")
}

fn parse(header: &str) -> Option<ApiKey> {
    let (scheme, credentials) = header.trim().split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = String::from_utf8(STANDARD.decode(credentials.trim()).ok()?).ok()?;
    let (uuid, secret) = decoded.split_once(':')?;
    (secret.len() == SECRET_LENGTH).then(|| ApiKey {
        uuid: uuid.to_owned(),
        secret: secret.to_owned(),
    })
}
