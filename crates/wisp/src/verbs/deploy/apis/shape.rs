use serde_json::{Value, json};

use super::operation::{DIGEST, PROJECT, operations, response};
use crate::verbs::deploy::manifest::{Operation, Paths};

/// Fields of a document that paths with actions say, or that follow from them.
const DOCUMENT: [&str; 6] = ["swagger", "basePath", "info", "paths", "x-ibm-configuration", PROJECT];
/// Likewise those of an operation.
const OPERATION: [&str; 5] = ["operationId", "parameters", "responses", "x-openwhisk", "x-ibm-op-ext"];

/// A document as paths with actions, if that says all of it.
pub fn shape(document: &Value, namespace: &str) -> Option<Paths> {
    let only = |value: &Value, known: &[&str]| {
        let fields = value.as_object().into_iter().flat_map(|fields| fields.keys());
        fields.into_iter().all(|field| known.contains(&field.as_str()))
    };
    let mut document = document.clone();
    if let Some(fields) = document.as_object_mut() {
        // A policy of nothing is left where one has been.
        fields.retain(|field, value| field != "x-wisp" || *value != json!({}));
    }
    let document = &document;
    if !only(document, &DOCUMENT) || !only(&document["info"], &["title", "version"]) {
        return None;
    }
    let mut paths = Paths::new();
    for (path, method, operation) in operations(document) {
        let mut parameters = operation["parameters"].as_array().into_iter().flatten();
        if !only(operation, &OPERATION) || parameters.any(|parameter| parameter["in"] != "path") {
            return None;
        }
        let known = paths.entry(path.trim_start_matches('/').to_owned()).or_default();
        let entry = known.entry(action(&operation["x-openwhisk"], namespace)?);
        let response = response(operation).to_owned();
        let shaped = entry.or_insert_with(|| Operation {
            method: Vec::new(),
            response: response.clone(),
        });
        if shaped.response != response {
            return None;
        }
        shaped.method.push(method.to_owned());
    }
    Some(paths)
}

/// An action's name as a manifest outside of packages says it.
fn action(target: &Value, namespace: &str) -> Option<String> {
    let (home, action) = (target["namespace"].as_str()?, target["action"].as_str()?);
    let path = match target["package"].as_str() {
        None | Some("" | "default") => action.to_owned(),
        Some(package) => format!("{package}/{action}"),
    };
    Some(if home == namespace {
        path
    } else {
        format!("/{home}/{path}")
    })
}

/// A document for any namespace and project.
pub fn portable(mut document: Value, namespace: &str) -> Value {
    if let Some(fields) = document.as_object_mut() {
        fields.remove(PROJECT);
        fields.remove(DIGEST);
    }
    let items = document["paths"]
        .as_object_mut()
        .into_iter()
        .flat_map(|paths| paths.values_mut());
    let operations = items
        .filter_map(Value::as_object_mut)
        .flat_map(|item| item.values_mut());
    for target in operations.filter_map(|operation| operation.get_mut("x-openwhisk")) {
        if target["namespace"] == namespace {
            target["namespace"] = "_".into();
            let url = target["url"].as_str().unwrap_or_default();
            target["url"] = url.replace(&format!("/web/{namespace}/"), "/web/_/").into();
        }
    }
    document
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::{super::Wanted, *};

    fn paths() -> Paths {
        serde_json::from_value(json!({
            "books": { "tools/list": { "method": ["get", "post"], "response": "json" } },
            "books/{id}": { "book": { "method": ["get"] }, "/other/p/put": { "method": ["put"], "response": "http" } },
        }))
        .unwrap()
    }

    #[test]
    fn a_document_of_paths_has_their_shape() {
        let action = |name: &str| Ok(wisp_core::model::Fqn::resolve(name, &"town".parse().unwrap())?);
        let wanted = Wanted::from_paths("Shop", "shop", paths(), action, "http://h/api/v1/web", "p").unwrap();
        assert_eq!(wanted.base, "/shop");
        assert_eq!(shape(&wanted.document, "town"), Some(paths()));
        assert_eq!(
            super::super::differences(&wanted, &wanted.document, "town"),
            Vec::<String>::new()
        );
        let mut other = wanted.document.clone();
        other["paths"]["/books"]["post"]["x-openwhisk"]["action"] = "else".into();
        other["paths"]["/books/{id}"].as_object_mut().unwrap().remove("put");
        other["paths"]["/new"] = json!({ "get": { "x-openwhisk": {} } });
        assert_eq!(
            super::super::differences(&wanted, &other, "town"),
            ["POST /books", "+PUT /books/{id}", "-GET /new"]
        );
        other["x-wisp"] = json!({ "requireKey": true });
        assert_eq!(shape(&other, "town"), None);
    }

    #[test]
    fn a_portable_document_names_no_namespace_of_its_own() {
        let document = json!({ PROJECT: "p", "paths": { "/a": { "get": { "x-openwhisk":
            { "namespace": "town", "action": "a", "url": "https://h/api/v1/web/town/default/a.json" } } } } });
        let expected = json!({ "paths": { "/a": { "get": { "x-openwhisk":
            { "namespace": "_", "action": "a", "url": "https://h/api/v1/web/_/default/a.json" } } } } });
        assert_eq!(portable(document, "town"), expected);
    }
}
