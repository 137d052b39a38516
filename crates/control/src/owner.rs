use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use wisp_core::{
    Result,
    model::{ApiKey, Chain, EntityName, Identity, NamespaceLimits, Right},
};

use crate::{builtin::SYSTEM, control::Control, users::new_key};

/// Keys that functions receive which run on behalf of their namespace's owner: the owner's own is not known, as only
/// its digest is stored. One for each owner's key, by its stored UUID, valid for as long as that is until this server ends:
/// a namespace of the same name may be somebody else's later.
#[derive(Default)]
pub(crate) struct OwnerKeys(Mutex<HashMap<String, ApiKey>>);

impl Control {
    /// The owner of a namespace, as whom what the namespace offers to everybody runs; none if it has no owner, or one
    /// that is blocked.
    pub(crate) async fn owner(&self, namespace: &EntityName) -> Result<Option<Identity>> {
        let Some(owner) = self.inner.subjects.owner_of_namespace(namespace).await? else {
            return Ok((namespace.as_str() == SYSTEM).then(|| platform(namespace)));
        };
        let (subject, own) = &*owner;
        if subject.blocked {
            return Ok(None);
        }
        Ok(Some(Identity {
            subject: subject.name.clone(),
            namespace: own.name.clone(),
            api_key: self.owner_key(&own.uuid),
            rights: subject.rights.clone(),
            limits: own.limits.clone(),
            chain: Chain::default(),
        }))
    }

    fn owner_key(&self, stored_uuid: &str) -> ApiKey {
        let mut keys = self.inner.owner_keys.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = keys.entry(stored_uuid.to_owned()).or_insert_with(new_key).clone();
        self.inner.subjects.lend(&key, stored_uuid);
        key
    }
}

/// The platform itself, for what is built in.
fn platform(namespace: &EntityName) -> Identity {
    Identity {
        subject: SYSTEM.to_owned(),
        namespace: namespace.clone(),
        api_key: ApiKey {
            uuid: String::new(),
            secret: String::new(),
        },
        rights: Right::ALL.to_vec(),
        limits: NamespaceLimits::default(),
        chain: Chain::default(),
    }
}
