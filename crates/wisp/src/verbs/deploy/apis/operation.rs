use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The field of a document that says which project it belongs to.
pub const PROJECT: &str = "x-wisp-project";
/// The field of a document that says which file it was made of: a digest.
pub const DIGEST: &str = "x-wisp-digest";

/// Methods that an operation can have.
pub const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// A document's base path, with a slash before it and none behind it; OpenAPI 3 has it in the address of the server.
pub fn base(document: &Value) -> String {
    let server = document.pointer("/servers/0/url").and_then(Value::as_str);
    let path = server.map(|url| match url.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("", |slash| &rest[slash..]),
        None => url,
    });
    let path = document["basePath"].as_str().or(path).unwrap_or_default();
    format!("/{}", path.trim_matches('/'))
}

/// All operations of a document: path, method, description.
pub fn operations(document: &Value) -> impl Iterator<Item = (&String, &'static str, &Value)> {
    let paths = document["paths"].as_object().into_iter().flatten();
    paths.flat_map(|(path, item)| {
        let methods = METHODS.iter();
        methods.filter_map(move |method| Some((path, *method, item.get(method)?)))
    })
}

/// What the gateway reads of each operation, by method and path. `namespace` stands for `_`.
pub fn signatures(document: &Value, namespace: &str) -> BTreeMap<String, Value> {
    let named = operations(document).map(|(path, method, operation)| {
        let target = &operation["x-openwhisk"];
        let space = match target["namespace"].as_str() {
            None | Some("_") => namespace,
            Some(named) => named,
        };
        let signature = json!({
            "action": [space, target["package"].as_str().unwrap_or_default(), target["action"]],
            "response": response(operation),
            "secret": secret(document, operation),
        });
        (format!("{} {path}", method.to_uppercase()), signature)
    });
    named.collect()
}

/// What the web action's result becomes: the extension of its address.
pub fn response(operation: &Value) -> &str {
    let url = operation.pointer("/x-openwhisk/url").and_then(Value::as_str);
    let name = url.unwrap_or_default().rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or("http", |(_, extension)| extension)
}

/// Where a document says what is sent to the web action of an operation.
pub const CASES: &str = "/x-ibm-configuration/assembly/execute/0/operation-switch/case";

/// The secret that is sent to the web action of an operation.
fn secret(document: &Value, operation: &Value) -> Option<Value> {
    let mut cases = document.pointer(CASES)?.as_array()?.iter();
    let case = cases.find(|case| {
        let mut ids = case["operations"].as_array().into_iter().flatten();
        ids.any(|id| *id == operation["operationId"])
    })?;
    let mut steps = case["execute"].as_array()?.iter();
    steps
        .find_map(|step| step.pointer("/set-variable/actions/0/value"))
        .cloned()
}
