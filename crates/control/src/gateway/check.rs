use serde_json::Value;
use wisp_core::{Error, Result};

use super::{
    METHODS,
    edit::{cases, parameters},
};

/// Refuses a document that cannot be served as it says, in OpenWhisk's words: a base path with parameters, and path
/// parameters that nothing describes or that the action would not get.
pub(crate) fn check(document: &Value) -> Result<()> {
    let base = document["basePath"].as_str().unwrap_or_default();
    if parameters(base).next().is_some() {
        return Err(refused(format!(
            "The base path ({base}) cannot have parameters. Only the relative path supports path parameters."
        )));
    }
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        if parameters(path).next().is_none() {
            continue;
        }
        for operation in METHODS.iter().filter_map(|method| item.get(*method)) {
            check_target(document, operation)?;
            check_parameters(path, item, operation)?;
        }
    }
    Ok(())
}

/// Only behind `.http`, with the path handed on, a web action sees what the path was.
fn check_target(document: &Value, operation: &Value) -> Result<()> {
    let url = operation.pointer("/x-openwhisk/url").and_then(Value::as_str);
    if url.is_some_and(|url| !url.ends_with(".http")) {
        return Err(refused(
            "The action must use a response type of '.http' in order to receive the path parameters.",
        ));
    }
    let Some(id) = operation["operationId"].as_str() else {
        return Ok(());
    };
    let names = |case: &&Value| {
        case["operations"]
            .as_array()
            .is_some_and(|ids| ids.iter().any(|known| known == id))
    };
    let executed = cases(document)
        .filter(names)
        .filter_map(|case| case["execute"].as_array());
    let mut targets = executed
        .flatten()
        .filter_map(|step| step.pointer("/invoke/target-url")?.as_str());
    match targets.any(|target| !target.ends_with(".http$(request.path)")) {
        true => Err(refused(format!(
            "The target-url for operationId '{id}' must end in '$(request.path)' in order for actions to receive the path parameters."
        ))),
        false => Ok(()),
    }
}

fn check_parameters(path: &str, item: &Value, operation: &Value) -> Result<()> {
    let described = |name: &str| {
        let lists = [&item["parameters"], &operation["parameters"]];
        let mut all = lists.into_iter().filter_map(Value::as_array).flatten();
        all.any(|parameter| parameter["name"] == name)
    };
    match parameters(path).find(|name| !described(name)) {
        Some(name) => Err(refused(format!(
            "The parameter '{name}' defined in path '{path}' does not match any of the parameters defined for the path in the swagger file."
        ))),
        None => Ok(()),
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::bad_request(message)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "basePath": "/b",
            "paths": { "/p/{id}": {
                "parameters": [{ "name": "id", "in": "path" }],
                "get": { "operationId": "getP", "x-openwhisk": { "url": "https://h/api/v1/web/g/default/a.http" } },
            } },
            "x-ibm-configuration": { "assembly": { "execute": [{ "operation-switch": { "case": [
                { "operations": ["getP"],
                  "execute": [{ "invoke": { "target-url": "https://h/api/v1/web/g/default/a.http$(request.path)" } }] },
            ] } }] } },
        })
    }

    fn refusal(place: &str, value: Value) -> String {
        let mut document = document();
        *document.pointer_mut(place).unwrap() = value;
        check(&document).unwrap_err().to_string()
    }

    #[test]
    fn path_parameters_must_reach_the_action() {
        assert!(check(&document()).is_ok());
        assert_eq!(
            refusal("/basePath", json!("/{b}")),
            "The base path (/{b}) cannot have parameters. Only the relative path supports path parameters."
        );
        let get = "/paths/~1p~1{id}/get";
        assert_eq!(
            refusal(
                &format!("{get}/x-openwhisk/url"),
                json!("https://h/api/v1/web/g/default/a.json")
            ),
            "The action must use a response type of '.http' in order to receive the path parameters."
        );
        let case = "/x-ibm-configuration/assembly/execute/0/operation-switch/case/0/execute/0/invoke/target-url";
        assert_eq!(
            refusal(case, json!("https://h/api/v1/web/g/default/a.http")),
            "The target-url for operationId 'getP' must end in '$(request.path)' in order for actions to receive the path parameters."
        );
        assert_eq!(
            refusal(
                "/paths/~1p~1{id}/parameters",
                json!([{ "name": "other", "in": "path" }])
            ),
            "The parameter 'id' defined in path '/p/{id}' does not match any of the parameters defined for the path in the swagger file."
        );
    }
}
