use std::net::SocketAddr;

use axum::http::header;
use tonic::{Request, Status};
use wisp_control::orchestrations::{DEFAULT, Hub};
use wisp_core::model::Identity;

use super::refusal::refusal;
use crate::State;

/// Metadata that names the hub.
const HUB: &str = "taskhub";

/// Where a connection comes from.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub SocketAddr);

/// Who calls, and in which hub.
pub(super) struct Caller {
    pub identity: Identity,
    pub hub: Hub,
}

impl Caller {
    /// Who sends a request: whose key stands in it; or, where the settings say so, anybody on this machine.
    pub async fn of<T>(state: &State, request: &Request<T>) -> Result<Self, Status> {
        let metadata = request.metadata();
        let text = |name: &str| metadata.get(name).and_then(|value| value.to_str().ok());
        let authorization = text(header::AUTHORIZATION.as_str());
        let near = request
            .extensions()
            .get::<Peer>()
            .is_some_and(|peer| peer.0.ip().to_canonical().is_loopback());
        let open = match authorization {
            None if near => state.control.open_caller().await.map_err(refusal)?,
            _ => None,
        };
        let identity = match open {
            Some(identity) => identity,
            None => state.control.authenticate(authorization).await.map_err(refusal)?,
        };
        let name = text(HUB).filter(|name| !name.is_empty()).unwrap_or(DEFAULT);
        let hub = Hub::new(identity.namespace.clone(), name).map_err(refusal)?;
        Ok(Self { identity, hub })
    }
}
