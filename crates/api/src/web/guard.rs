use axum::http::{HeaderMap, HeaderName, header};
use wisp_control::{Guard, WebAction};
use wisp_core::{Code, Error, Result, model::Identity};

use crate::State;

/// The header with the secret of a web action.
const SECRET: HeaderName = HeaderName::from_static("x-require-whisk-auth");

/// Who calls, if they have a valid key; anybody else is nobody in particular.
pub(crate) async fn caller(state: &State, headers: &HeaderMap) -> Result<Option<Identity>> {
    let Some(header) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else {
        return Ok(None);
    };
    match state.control.authenticate(Some(header)).await {
        Ok(caller) => Ok(Some(caller)),
        Err(error) if error.code() == Code::Unauthenticated => Ok(None),
        Err(error) => Err(error),
    }
}

/// Refuses who does not have what the action asks for.
pub(super) fn check(action: &WebAction, caller: Option<&Identity>, headers: &HeaderMap) -> Result<()> {
    let passed = match action.guard() {
        Guard::Open => true,
        Guard::Key => caller.is_some(),
        Guard::Secret(secret) => {
            let sent = headers.get(SECRET).map_or(&[][..], |sent| sent.as_bytes());
            subtle::ConstantTimeEq::ct_eq(sent, secret.as_bytes()).into()
        }
        Guard::Nobody => false,
    };
    if passed {
        return Ok(());
    }
    Err(Error::new(
        Code::Unauthenticated,
        "The supplied authentication is invalid",
    ))
}
