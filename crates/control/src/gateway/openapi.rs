use serde_json::{Map, Value, json};
use wisp_core::{Error, Result};

/// Methods of a path item; its other fields are no operations.
pub(super) const METHODS: [&str; 8] = ["get", "put", "post", "delete", "options", "head", "patch", "trace"];

/// Turns an OpenAPI document of version 3 into one of version 2, as far as the gateway reads it; one of version 2 is
/// left as it is. What the gateway does not read is kept under its name.
pub(crate) fn import(mut document: Value) -> Result<Value> {
    let Some(version) = document.get("openapi") else {
        return Ok(document);
    };
    if !version.as_str().is_some_and(|version| version.starts_with("3.")) {
        return Err(Error::bad_request(format!(
            "OpenAPI {version} is not known here: expected 3.x, or Swagger 2.0"
        )));
    }
    let url = document
        .pointer("/servers/0/url")
        .and_then(Value::as_str)
        .unwrap_or("/")
        .to_owned();
    let schemes = document.pointer("/components/securitySchemes").cloned();
    let Some(fields) = document.as_object_mut() else {
        return Err(Error::bad_request("an OpenAPI document must be an object"));
    };
    fields.remove("openapi");
    fields.remove("servers");
    fields.insert("swagger".into(), "2.0".into());
    fields.insert("basePath".into(), path_of(&url).into());
    if let Some(schemes) = schemes {
        fields.insert("securityDefinitions".into(), schemes);
    }
    Ok(document)
}

/// The path of a server's address.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    match rest.find('/') {
        Some(at) => &rest[at..],
        None => "/",
    }
}

/// The OpenAPI 3.1 document of an API that is served at `url`.
pub(crate) fn export(document: &Value, url: &str) -> Value {
    let mut paths = Map::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        let item = item.as_object().into_iter().flatten();
        let item: Map<String, Value> = item
            .map(|(field, value)| match METHODS.contains(&field.as_str()) {
                true => (field.clone(), operation(value)),
                false if field == "parameters" => (field.clone(), parameters(value).0),
                false => (field.clone(), value.clone()),
            })
            .collect();
        paths.insert(path.clone(), described(path, item).into());
    }
    let mut exported = json!({
        "openapi": "3.1.0",
        "info": document["info"],
        "servers": [{ "url": url }],
        "paths": paths,
    });
    for kept in ["x-wisp", "security", "tags"] {
        if let Some(value) = document.get(kept) {
            exported[kept] = value.clone();
        }
    }
    let mut components = document.get("components").cloned().unwrap_or_else(|| json!({}));
    if let Some(schemes) = document.get("securityDefinitions") {
        components["securitySchemes"] = schemes.clone();
    }
    if let Some(definitions) = document.get("definitions") {
        components["schemas"] = definitions.clone();
    }
    if components.as_object().is_some_and(|components| !components.is_empty()) {
        exported["components"] = components;
    }
    rewritten(exported)
}

/// An operation without what only the gateway of OpenWhisk reads.
fn operation(operation: &Value) -> Value {
    let mut operation = operation.clone();
    let Some(fields) = operation.as_object_mut() else {
        return operation;
    };
    fields.remove("x-ibm-op-ext");
    fields.remove("consumes");
    fields.remove("produces");
    if let Some(given) = fields.remove("parameters") {
        let (given, body) = parameters(&given);
        if given.as_array().is_some_and(|given| !given.is_empty()) {
            fields.insert("parameters".into(), given);
        }
        if let Some(body) = body {
            fields.insert("requestBody".into(), body);
        }
    }
    let responses = fields.get_mut("responses").and_then(Value::as_object_mut);
    for response in responses
        .into_iter()
        .flat_map(Map::values_mut)
        .filter_map(Value::as_object_mut)
    {
        if let Some(schema) = response.remove("schema") {
            response.insert("content".into(), json!({ "application/json": { "schema": schema } }));
        }
    }
    operation
}

/// Parameters with their schemas, and the body if one of them was it.
fn parameters(given: &Value) -> (Value, Option<Value>) {
    let mut kept = Vec::new();
    let mut body = None;
    for parameter in given.as_array().into_iter().flatten() {
        let Some(fields) = parameter.as_object() else { continue };
        if parameter["in"] == "body" {
            let schema = fields.get("schema").cloned().unwrap_or_else(|| json!({}));
            body = Some(json!({ "content": { "application/json": { "schema": schema } } }));
            continue;
        }
        let (outer, schema): (Map<String, Value>, Map<String, Value>) =
            fields.clone().into_iter().partition(|(field, _)| {
                ["name", "in", "required", "description", "schema", "$ref", "deprecated"].contains(&field.as_str())
                    || field.starts_with("x-")
            });
        let mut outer = outer;
        if !schema.is_empty() {
            outer.insert("schema".into(), schema.into());
        }
        if outer.get("in") == Some(&"path".into()) {
            outer.insert("required".into(), true.into());
        }
        kept.push(outer.into());
    }
    (Value::Array(kept), body)
}

/// Describes the parameters of a template that nothing describes, as the format demands.
fn described(path: &str, mut item: Map<String, Value>) -> Map<String, Value> {
    for name in super::edit::parameters(path) {
        let says = |value: Option<&Value>| {
            let parameters = value.and_then(Value::as_array).into_iter().flatten();
            parameters
                .into_iter()
                .any(|parameter| parameter["in"] == "path" && parameter["name"] == name)
        };
        let everywhere = says(item.get("parameters"));
        for (_, operation) in item.iter_mut().filter(|(field, _)| METHODS.contains(&field.as_str())) {
            if everywhere || says(operation.get("parameters")) {
                continue;
            }
            let parameter = json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } });
            match operation.get_mut("parameters").and_then(Value::as_array_mut) {
                Some(parameters) => parameters.push(parameter),
                None => operation["parameters"] = json!([parameter]),
            }
        }
    }
    item
}

/// References to definitions, where the newer format has them.
fn rewritten(value: Value) -> Value {
    match value {
        Value::String(text) => match text.strip_prefix("#/definitions/") {
            Some(name) => format!("#/components/schemas/{name}").into(),
            None => text.into(),
        },
        Value::Array(items) => items.into_iter().map(rewritten).collect(),
        Value::Object(fields) => fields
            .into_iter()
            .map(|(field, value)| (field, rewritten(value)))
            .collect::<Map<_, _>>()
            .into(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn version_three_is_read_as_version_two() {
        let document = import(json!({
            "openapi": "3.0.3", "servers": [{ "url": "https://example.org/v1" }], "info": {}, "paths": {},
            "components": { "securitySchemes": { "k": { "type": "apiKey" } } },
        }));
        let document = document.unwrap();
        assert_eq!(
            (&document["swagger"], &document["basePath"]),
            (&json!("2.0"), &json!("/v1"))
        );
        assert_eq!(document["securityDefinitions"]["k"]["type"], "apiKey");
        assert!(import(json!({ "openapi": "4.0" })).is_err());
        for (url, path) in [("/v1", "/v1"), ("https://h", "/"), ("h/a/b", "/a/b")] {
            assert_eq!(path_of(url), path);
        }
    }

    #[test]
    fn an_export_describes_parameters_bodies_and_references() {
        let document = json!({
            "info": { "title": "t", "version": "1" },
            "definitions": { "Book": { "type": "object" } },
            "paths": { "/b/{id}": { "put": {
                "operationId": "put", "x-ibm-op-ext": {},
                "parameters": [
                    { "name": "q", "in": "query", "type": "string" },
                    { "name": "book", "in": "body", "schema": { "$ref": "#/definitions/Book" } },
                ],
                "responses": { "200": { "description": "ok", "schema": { "type": "string" } } },
            } } },
        });
        let exported = export(&document, "http://h/gw/n/b");
        let put = &exported["paths"]["/b/{id}"]["put"];
        let reference =
            json!({ "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Book" } } } });
        assert_eq!(put["requestBody"], reference);
        assert_eq!(
            put["parameters"][0],
            json!({ "name": "q", "in": "query", "schema": { "type": "string" } })
        );
        assert_eq!(put["parameters"][1]["name"], "id");
        assert_eq!(
            put["responses"]["200"]["content"]["application/json"]["schema"]["type"],
            "string"
        );
        assert!(put.get("x-ibm-op-ext").is_none());
        assert_eq!(
            (&exported["openapi"], &exported["servers"][0]["url"]),
            (&json!("3.1.0"), &json!("http://h/gw/n/b"))
        );
    }
}
