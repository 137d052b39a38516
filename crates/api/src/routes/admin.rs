use axum::{extract, extract::Path};
use serde::de::DeserializeOwned;
use wisp_core::{
    Error, Result,
    model::{ApiKey, EntityName, NamespaceLimits, Subject},
};
use wisp_wire::{
    document::{NamespaceDoc, UserDoc, UserPut},
    put::malformed,
};

use crate::{
    State,
    extract::Incoming,
    reply::{Reply, ok},
};

pub(crate) async fn list(extract::State(state): extract::State<State>) -> Reply {
    ok(&state
        .control
        .list_users()
        .await?
        .into_iter()
        .map(document)
        .collect::<Vec<_>>())
}

pub(crate) async fn create(extract::State(state): extract::State<State>, body: Incoming) -> Reply {
    let UserPut {
        subject,
        namespace,
        key,
    } = read(&state, body).await?;
    let key = key.map(|key| parse_key(&key)).transpose()?;
    let (user, key) = state.control.create_user(&subject, namespace, key).await?;
    let mut user = document(user);
    for namespace in user
        .namespaces
        .iter_mut()
        .filter(|namespace| namespace.uuid == key.uuid)
    {
        namespace.key = Some(key.reveal());
    }
    ok(&user)
}

pub(crate) async fn get(extract::State(state): extract::State<State>, Path(subject): Path<String>) -> Reply {
    ok(&document(state.control.get_user(&subject).await?))
}

pub(crate) async fn delete(extract::State(state): extract::State<State>, Path(subject): Path<String>) -> Reply {
    ok(&document(state.control.delete_user(&subject).await?))
}

pub(crate) async fn block(extract::State(state): extract::State<State>, Path(subject): Path<String>) -> Reply {
    ok(&document(state.control.block_user(&subject, true).await?))
}

pub(crate) async fn unblock(extract::State(state): extract::State<State>, Path(subject): Path<String>) -> Reply {
    ok(&document(state.control.block_user(&subject, false).await?))
}

pub(crate) async fn limits(extract::State(state): extract::State<State>, Path(namespace): Path<String>) -> Reply {
    ok(&state
        .control
        .namespace_limits(&EntityName::namespace(&namespace)?)
        .await?)
}

pub(crate) async fn set_limits(
    extract::State(state): extract::State<State>,
    Path(namespace): Path<String>,
    body: Incoming,
) -> Reply {
    let limits: NamespaceLimits = read(&state, body).await?;
    state
        .control
        .set_namespace_limits(&EntityName::namespace(&namespace)?, limits.clone())
        .await?;
    ok(&limits)
}

async fn read<T: DeserializeOwned>(state: &State, body: Incoming) -> Result<T> {
    serde_json::from_slice(&body.document(state).await?).map_err(malformed)
}

fn parse_key(key: &str) -> Result<ApiKey> {
    let (uuid, secret) = key
        .split_once(':')
        .ok_or_else(|| Error::bad_request("the key is not valid: expected uuid:secret"))?;
    Ok(ApiKey {
        uuid: uuid.to_owned(),
        secret: secret.to_owned(),
    })
}

fn document(user: Subject) -> UserDoc {
    let namespaces = user.namespaces.into_iter();
    UserDoc {
        subject: user.name,
        blocked: user.blocked,
        rights: user.rights,
        namespaces: namespaces
            .map(|own| NamespaceDoc {
                name: own.name,
                uuid: own.uuid,
                key: None,
                limits: own.limits,
            })
            .collect(),
    }
}
