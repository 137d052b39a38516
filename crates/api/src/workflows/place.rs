use axum::{extract::FromRequestParts, http::request::Parts};
use serde::de::DeserializeOwned;
use wisp_core::{
    Error, Result,
    model::{Identity, Right},
};

use crate::{
    State,
    extract::{Incoming, Place, Segments},
    failure::Failure,
};

/// Who calls, and the machine and the execution that the path names.
pub(super) struct Named {
    place: Place,
    /// The machine, or a version or an alias of it.
    pub machine: String,
    /// The execution.
    pub run: String,
}

impl FromRequestParts<State> for Named {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Failure> {
        let Segments { place, id, run } = Segments::from_request_parts(parts, state).await?;
        Ok(Self {
            place,
            machine: id,
            run,
        })
    }
}

impl Named {
    /// The caller, who may do this to workflows of the namespace in the path.
    pub fn caller(&self, state: &State, right: Right) -> Result<&Identity> {
        let Place { caller, namespace } = &self.place;
        state.control.entitle_workflows(caller, right, namespace)?;
        Ok(caller)
    }

    /// The caller with this right, and the machine's ARN.
    pub fn machine(&self, state: &State, right: Right) -> Result<(&Identity, String)> {
        let caller = self.caller(state, right)?;
        Ok((caller, state.control.arn_of_machine(caller, &self.machine)))
    }

    /// The caller with this right, and the execution's ARN.
    pub fn run(&self, state: &State, right: Right) -> Result<(&Identity, String)> {
        let caller = self.caller(state, right)?;
        let arn = state.control.arn_of_execution(caller, &self.machine, &self.run);
        Ok((caller, arn))
    }
}

/// A document of the caller's; an absent one is empty.
pub(super) async fn read<T: DeserializeOwned>(state: &State, body: Incoming) -> Result<T> {
    let most = state.control.workflows().request_size();
    let body = body
        .object(state, most.min(state.control.limits().request_size))
        .await?;
    serde_json::from_str(body.get()).map_err(|error| Error::bad_request(format!("The request's body: {error}.")))
}
