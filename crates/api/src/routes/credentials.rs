use axum::extract;
use wisp_wire::document::CredentialsDoc;

use crate::{
    State,
    extract::Place,
    reply::{Reply, ok},
};

pub(crate) async fn get(extract::State(state): extract::State<State>, at: Place) -> Reply {
    state.control.entitle_namespace(&at.caller, &at.namespace)?;
    let credentials = state.control.credentials(&at.caller).await?;
    ok(&CredentialsDoc {
        access_key_id: credentials.access_key_id,
        secret_access_key: credentials.secret_access_key,
        region: state.control.workflows().region.clone(),
        account: wisp_control::workflows::account(&at.namespace),
    })
}
