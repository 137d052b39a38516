use axum::http::{HeaderMap, Uri, header};
use wisp_core::model::{Identity, Millis};

use super::{
    refusal::Refusal,
    signature::{Doubt, Request, Signature},
};
use crate::State;

/// Who sends a request: whoever signed it, or whose key stands in it.
pub(super) async fn identify(
    state: &State,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    now: Millis,
) -> Result<Identity, Refusal> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let Some(authorization) = authorization else {
        return Err(Refusal::new(
            403,
            "MissingAuthenticationTokenException",
            "Missing Authentication Token",
        ));
    };
    if authorization
        .get(..5)
        .is_some_and(|scheme| scheme.eq_ignore_ascii_case("basic"))
    {
        return Ok(state.control.authenticate(Some(authorization)).await?);
    }
    let signature = Signature::parse(authorization).map_err(doubted)?;
    let signer = state.control.signer(&signature.access_key_id).await?;
    let signer = signer.ok_or_else(|| {
        let message = "The security token included in the request is invalid.";
        Refusal::new(403, "UnrecognizedClientException", message)
    })?;
    let request = Request { uri, headers, body };
    let skew = state.control.workflows().skew_seconds;
    let checked = signature.check(&request, &signer.secret_access_key, now, skew);
    checked.map_err(doubted)?;
    Ok(signer.identity)
}

fn doubted(doubt: Doubt) -> Refusal {
    match doubt {
        Doubt::Incomplete(message) => Refusal::new(403, "IncompleteSignatureException", message),
        Doubt::Time(message) => Refusal::new(403, "InvalidSignatureException", message),
        Doubt::Mismatch => Refusal::new(
            403,
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret \
             Access Key and signing method. `wisp workflow credentials` shows both.",
        ),
    }
}
