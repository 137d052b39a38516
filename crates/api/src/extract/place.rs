use axum::{
    extract::{FromRequestParts, RawPathParams},
    http::{header, request::Parts},
};
use wisp_core::{
    Error,
    model::{EntityName, Fqn, Identity},
};

use crate::{
    State,
    failure::{Failure, nothing},
};

/// Who calls.
pub(crate) struct Caller(pub Identity);

impl FromRequestParts<State> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Failure> {
        // A header that is not text is as wrong as one that is not Basic.
        let header = parts
            .headers
            .get(header::AUTHORIZATION)
            .map(|header| header.to_str().unwrap_or_default());
        Ok(Self(state.control.authenticate(header).await?))
    }
}

/// Who calls, and the namespace in the path.
pub(crate) struct Place {
    pub caller: Identity,
    pub namespace: EntityName,
}

impl FromRequestParts<State> for Place {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Failure> {
        Ok(read(parts, state).await?.0)
    }
}

/// Who calls, and the entity that the path names: in a package if it says so.
pub(crate) struct Named {
    pub caller: Identity,
    pub name: Fqn,
}

impl FromRequestParts<State> for Named {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Failure> {
        let (Place { caller, namespace }, segments) = read(parts, state).await?;
        let package = segment(&segments, "package").map(str::parse).transpose()?;
        let name = segment(&segments, "name").unwrap_or_default().parse()?;
        Ok(Self {
            caller,
            name: Fqn::new(namespace, package, name),
        })
    }
}

/// Who calls, the namespace, and the last segment of the path as it is.
pub(crate) struct Segment {
    pub place: Place,
    pub text: String,
}

impl FromRequestParts<State> for Segment {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Failure> {
        let (place, segments) = read(parts, state).await?;
        let text = segment(&segments, "id").unwrap_or_default().to_owned();
        Ok(Self { place, text })
    }
}

/// Who calls, the namespace, and the segments `id` and `run` of the path as they are.
pub(crate) struct Segments {
    pub place: Place,
    pub id: String,
    pub run: String,
}

impl FromRequestParts<State> for Segments {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Failure> {
        let (place, segments) = read(parts, state).await?;
        let text = |key| segment(&segments, key).unwrap_or_default().to_owned();
        Ok(Self {
            place,
            id: text("id"),
            run: text("run"),
        })
    }
}

/// Who calls, the namespace, and something of that is in something else: both as they are in the path.
pub(crate) struct Part {
    pub caller: Identity,
    pub namespace: EntityName,
    pub first: String,
    pub last: String,
}

impl FromRequestParts<State> for Part {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Failure> {
        let (Place { caller, namespace }, segments) = read(parts, state).await?;
        let text = |key| segment(&segments, key).unwrap_or_default().to_owned();
        Ok(Self {
            caller,
            namespace,
            first: text("name"),
            last: text("part"),
        })
    }
}

/// Who calls and the namespace, with all segments that the route names. In a path with an empty segment nothing has a
/// name, whatever the router makes of it.
async fn read(parts: &mut Parts, state: &State) -> Result<(Place, RawPathParams), Failure> {
    let Caller(caller) = Caller::from_request_parts(parts, state).await?;
    if parts.uri.path().contains("//") {
        return Err(nothing().into());
    }
    let illegal = |error| Error::bad_request("The name of the entity contains illegal characters.").because(error);
    let segments = RawPathParams::from_request_parts(parts, state).await.map_err(illegal)?;
    let namespace = match segment(&segments, "ns") {
        Some("_") => caller.namespace.clone(),
        namespace => EntityName::namespace(namespace.unwrap_or_default())?,
    };
    Ok((Place { caller, namespace }, segments))
}

/// A segment of the path, decoded.
fn segment<'a>(segments: &'a RawPathParams, key: &str) -> Option<&'a str> {
    segments.iter().find(|(name, _)| *name == key).map(|(_, value)| value)
}
