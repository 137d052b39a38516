use std::sync::Arc;

use axum::{extract, extract::Path};
use serde::de::DeserializeOwned;
use wisp_core::{Code, Error, Result, ports::Images};
use wisp_wire::{
    document::{ImageImport, ImagePull},
    put::malformed,
};

use crate::{
    State,
    extract::Incoming,
    reply::{Reply, ok},
};

pub(crate) async fn list(extract::State(state): extract::State<State>) -> Reply {
    ok(&images(&state)?.list().await?)
}

pub(crate) async fn get(extract::State(state): extract::State<State>, Path(name): Path<String>) -> Reply {
    ok(&images(&state)?.get(&name).await?)
}

pub(crate) async fn delete(extract::State(state): extract::State<State>, Path(name): Path<String>) -> Reply {
    ok(&images(&state)?.delete(&name).await?)
}

pub(crate) async fn pull(extract::State(state): extract::State<State>, body: Incoming) -> Reply {
    let ImagePull { name } = read(&state, body).await?;
    ok(&images(&state)?.pull(&name).await?)
}

pub(crate) async fn import(extract::State(state): extract::State<State>, body: Incoming) -> Reply {
    let ImageImport { path, options } = read(&state, body).await?;
    ok(&images(&state)?.import(&path, &options).await?)
}

fn images(state: &State) -> Result<&Arc<dyn Images>> {
    let images = state.images.as_ref();
    images.ok_or_else(|| Error::new(Code::NotFound, "This platform keeps no container images."))
}

async fn read<T: DeserializeOwned>(state: &State, body: Incoming) -> Result<T> {
    serde_json::from_slice(&body.document(state).await?).map_err(malformed)
}
