use axum::{
    extract,
    routing::{self, MethodRouter},
};
use wisp_control::Secret;
use wisp_wire::{
    document::{SecretDoc, SecretPut},
    put::malformed,
};

use crate::{
    State,
    extract::{Incoming, Named, Place},
    reply::{Reply, ok},
};

pub(crate) fn entity() -> MethodRouter<State> {
    routing::put(put).delete(delete)
}

pub(crate) async fn list(extract::State(state): extract::State<State>, at: Place) -> Reply {
    let secrets = state.control.list_secrets(&at.caller, &at.namespace).await?;
    ok(&secrets.into_iter().map(document).collect::<Vec<_>>())
}

async fn put(extract::State(state): extract::State<State>, at: Named, body: Incoming) -> Reply {
    let body = body.document(&state).await?;
    let put: SecretPut = serde_json::from_slice(&body).map_err(malformed)?;
    ok(&document(
        state.control.set_secret(&at.caller, &at.name, &put.value).await?,
    ))
}

async fn delete(extract::State(state): extract::State<State>, at: Named) -> Reply {
    ok(&document(state.control.delete_secret(&at.caller, &at.name).await?))
}

fn document(secret: Secret) -> SecretDoc {
    SecretDoc {
        name: secret.name,
        updated: secret.updated,
    }
}
