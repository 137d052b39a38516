use axum::{
    extract::Extension,
    http::{HeaderMap, header},
};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Map, Value, json};

use super::payload::Encoding;
use crate::{
    extract::Place,
    reply::{Reply, ok},
};

/// Stands for an instance's id in a binding's addresses.
const ID: &str = "INSTANCEID";

/// What is said to an instance by an address of its own, and what else the address has.
const VERBS: [(&str, &str); 9] = [
    ("statusQueryGetUri", ""),
    ("sendEventPostUri", "/raiseEvent/{eventName}"),
    ("terminatePostUri", "/terminate?reason={text}"),
    ("rewindPostUri", "/rewind?reason={text}"),
    ("purgeHistoryDeleteUri", ""),
    ("restartPostUri", "/restart"),
    ("suspendPostUri", "/suspend?reason={text}"),
    ("resumePostUri", "/resume?reason={text}"),
    ("id", ""),
];

/// Where orchestrations are, as the caller reaches them.
pub(super) fn base(headers: &HeaderMap, at: &Place) -> String {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST.as_str()).unwrap_or("localhost");
    let scheme = text("x-forwarded-proto").unwrap_or("http");
    format!("{scheme}://{host}/api/v1/namespaces/{}/durable", at.namespace)
}

/// The addresses of an instance.
pub(super) fn links(base: &str, id: &str) -> Map<String, Value> {
    let address = |verb: &(&str, &str)| match verb {
        ("id", _) => id.to_owned(),
        (_, rest) => format!("{base}/instances/{id}{rest}"),
    };
    VERBS
        .iter()
        .map(|verb| (verb.0.to_owned(), address(verb).into()))
        .collect()
}

/// What a client of the packages is made from. Its base address holds the caller's key, because the packages send no
/// credentials of their own.
pub(super) async fn binding(at: Place, headers: HeaderMap, Extension(encoding): Extension<Encoding>) -> Reply {
    let base = base(&headers, &at);
    let create = format!("{base}/orchestrators/{{functionName}}[/{{instanceId}}]");
    let text = if encoding == Encoding::Text { "/text" } else { "" };
    let rpc = match key(&headers) {
        Some(key) => base.replacen("://", &format!("://{key}@"), 1),
        None => base.clone(),
    };
    ok(&json!({
        "taskHubName": at.namespace.as_str(),
        "creationUrls": { "createNewInstancePostUri": create, "createAndWaitOnNewInstancePostUri": create },
        "managementUrls": links(&base, ID),
        "baseUrl": base,
        "requiredQueryStringParameters": "",
        "rpcBaseUrl": format!("{rpc}{text}/"),
    }))
}

/// The key that a caller showed: `uuid:secret`.
fn key(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, encoded) = value.split_once(' ')?;
    String::from_utf8(BASE64_STANDARD.decode(encoded.trim()).ok()?).ok()
}
