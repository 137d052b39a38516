use serde_json::{Map, Value, json};
use wisp_core::{
    Error, Result,
    model::{EntityName, Fqn},
};

use super::METHODS;

type Object = Map<String, Value>;

/// A change of an API that a client asks for.
#[derive(Debug)]
pub(crate) enum Patch {
    /// One operation is added, or replaced.
    Endpoint(Box<Endpoint>),
    /// The whole document is replaced.
    Whole(Value),
}

/// One operation of an API.
#[derive(Debug)]
pub(crate) struct Endpoint {
    base: String,
    path: String,
    method: String,
    title: Option<String>,
    parameters: Vec<Value>,
    action: Value,
    url: String,
    secret: Option<Value>,
}

impl Patch {
    /// Reads what `createApi` receives as `apidoc`, in OpenWhisk's words where it is wrong. `response_type` is the web
    /// action's extension, instead of the one in its address; `caller` stands for `_`.
    pub fn read(apidoc: Option<&Value>, response_type: Option<&str>, caller: &EntityName) -> Result<Self> {
        let doc = match apidoc.ok_or_else(|| refused("apidoc is required."))? {
            Value::String(text) => serde_json::from_str(text)
                .map_err(|_| refused("apidoc field cannot be parsed. Ensure it is valid JSON."))?,
            doc => doc.clone(),
        };
        let doc = doc
            .as_object()
            .ok_or_else(|| refused("apidoc field cannot be parsed. Ensure it is valid JSON."))?;
        if doc.get("namespace").is_none() {
            return Err(refused("apidoc is missing the namespace field"));
        }
        match (doc.get("swagger"), doc.get("gatewayBasePath")) {
            (Some(_), Some(_)) => Err(refused(
                "swagger and gatewayBasePath are mutually exclusive and cannot be specified together.",
            )),
            (Some(swagger), None) => whole(swagger, caller).map(Patch::Whole),
            (None, _) => Endpoint::read(doc, response_type, caller).map(|endpoint| Patch::Endpoint(Box::new(endpoint))),
        }
    }

    /// The base path of the API that changes.
    pub fn base(&self) -> &str {
        match self {
            Patch::Endpoint(endpoint) => &endpoint.base,
            Patch::Whole(document) => document["basePath"].as_str().unwrap_or_default(),
        }
    }

    /// The document as it is afterwards.
    pub fn apply(self, old: Option<Value>) -> Value {
        match self {
            Patch::Endpoint(endpoint) => endpoint.add_to(old),
            Patch::Whole(document) => document,
        }
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::bad_request(message)
}

fn whole(swagger: &Value, caller: &EntityName) -> Result<Value> {
    let document = match swagger {
        Value::String(text) => serde_json::from_str(text)
            .map_err(|_| refused("swagger field cannot be parsed. Ensure it is valid JSON."))?,
        document => document.clone(),
    };
    let mut document = super::import(document)?;
    for field in ["basePath", "paths", "info"] {
        if document.get(field).is_none() {
            return Err(refused(format!("swagger is missing the {field} field.")));
        }
    }
    let base = document["basePath"].as_str().unwrap_or_default().to_owned();
    document["basePath"] = normal_base(&base).into();
    own(&mut document, caller);
    Ok(document)
}

/// Puts the caller's namespace where `_` stands.
fn own(document: &mut Value, caller: &EntityName) {
    let operations = document["paths"].as_object_mut().into_iter().flat_map(Map::values_mut);
    for operation in operations.filter_map(Value::as_object_mut).flat_map(Map::values_mut) {
        if let Some(target) = operation.get_mut("x-openwhisk").and_then(Value::as_object_mut) {
            if target.get("namespace").is_none_or(|namespace| namespace == "_") {
                target.insert("namespace".into(), caller.as_str().into());
            }
            if let Some(url) = target.get("url").and_then(Value::as_str) {
                let url = url.replace("/web/_/", &format!("/web/{caller}/"));
                target.insert("url".into(), url.into());
            }
        }
    }
}

/// The names in braces of a template.
pub(super) fn parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn normal_base(base: &str) -> String {
    format!("/{}", base.trim_matches('/'))
}

impl Endpoint {
    fn read(doc: &Object, response_type: Option<&str>, caller: &EntityName) -> Result<Self> {
        let text = |field: &str| {
            let value = doc.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
            value.ok_or_else(|| refused(format!("apidoc is missing the {field} field")))
        };
        let (base, path, method) = (text("gatewayBasePath")?, text("gatewayPath")?, text("gatewayMethod")?);
        let method = known("gatewayMethod", &method.to_ascii_lowercase(), &METHODS)?;
        let action = match doc.get("action") {
            Some(Value::String(text)) => serde_json::from_str(text).ok(),
            action => action.cloned(),
        };
        let action = action.ok_or_else(|| refused("apidoc is missing the action field."))?;
        let of_action = |field: &str| {
            let value = action.get(field).and_then(Value::as_str);
            value.ok_or_else(|| refused(format!("action is missing the {field} field.")))
        };
        of_action("backendMethod")?;
        let url = of_action("backendUrl")?.replace("/web/_/", &format!("/web/{caller}/"));
        let namespace = match of_action("namespace")? {
            "_" => caller.as_str(),
            namespace => namespace,
        };
        let full = Fqn::resolve(of_action("name")?, caller)?;
        of_action("authkey")?;
        let url = url.strip_suffix("$(request.path)").unwrap_or(&url);
        let url = match response_type {
            Some(extension) => with_extension(url, &known("responsetype", extension, &RESPONSE_TYPES)?),
            None => url.to_owned(),
        };
        let package = full
            .package()
            .filter(|package| *package != "default")
            .unwrap_or_default();
        Ok(Self {
            base: normal_base(base),
            path: format!("/{}", path.trim_start_matches('/')),
            method,
            title: doc
                .get("apiName")
                .and_then(Value::as_str)
                .filter(|name| !name.is_empty())
                .map(str::to_owned),
            parameters: doc
                .get("pathParameters")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default(),
            action: json!({ "action": full.name(), "namespace": namespace, "package": package, "url": url }),
            url,
            secret: action.get("secureKey").filter(|key| !key.is_null()).cloned(),
        })
    }

    fn add_to(self, old: Option<Value>) -> Value {
        let mut document = old.unwrap_or_else(|| blank(&self.base));
        if let Some(title) = &self.title {
            document["info"]["title"] = title.as_str().into();
        }
        let id = operation_id(&self.method, &self.path);
        let mut operation = json!({
            "operationId": id,
            "responses": { "default": { "description": "Default response" } },
            "x-openwhisk": self.action,
        });
        if !self.parameters.is_empty() {
            operation["parameters"] = self.parameters.clone().into();
        }
        // The first generation of clients reads this.
        operation["x-ibm-op-ext"] = json!({
            "actionName": self.action["action"],
            "actionNamespace": self.action["namespace"],
            "backendMethod": self.method,
            "backendUrl": self.url,
            "policies": [],
        });
        document["paths"][&self.path][&self.method] = operation;
        forget(&mut document, &id);
        if let Some(Value::Array(cases)) = document.pointer_mut(CASES) {
            // Only a function that sees the whole request can tell paths apart.
            let path = if self.url.ends_with(".http") {
                "$(request.path)"
            } else {
                ""
            };
            let mut execute = vec![json!({
                "invoke": { "target-url": format!("{}{path}", self.url), "verb": "keep" }
            })];
            if let Some(secret) = self.secret {
                execute.push(json!({ "set-variable": { "actions": [
                    { "set": "message.headers.X-Require-Whisk-Auth", "value": secret }
                ] } }));
            }
            cases.push(json!({ "operations": [id], "execute": execute }));
        }
        document
    }
}

/// A word of a table, or a refusal that shows the table.
fn known(field: &str, word: &str, table: &[&str]) -> Result<String> {
    match table.contains(&word) {
        true => Ok(word.to_owned()),
        false => Err(refused(format!(
            "{field} is '{word}': expected one of {}.",
            table.join(", ")
        ))),
    }
}

/// The address of a web action with another extension.
fn with_extension(url: &str, extension: &str) -> String {
    let name = url.rfind('/').map_or(0, |slash| slash + 1);
    let end = url[name..].rfind('.').map_or(url.len(), |dot| name + dot);
    format!("{}.{extension}", &url[..end])
}

/// What a web action's result can become.
const RESPONSE_TYPES: [&str; 5] = ["http", "json", "text", "svg", "html"];

const CASES: &str = "/x-ibm-configuration/assembly/execute/0/operation-switch/case";

/// The cases of a document's operations.
pub(super) fn cases(document: &Value) -> impl Iterator<Item = &Value> {
    document.pointer(CASES).and_then(Value::as_array).into_iter().flatten()
}

fn blank(base: &str) -> Value {
    json!({
        "swagger": "2.0",
        "basePath": base,
        "info": { "title": base, "version": "1.0.0" },
        "paths": {},
        "x-ibm-configuration": {
            "cors": { "enabled": true },
            "assembly": { "execute": [{ "operation-switch": { "case": [] } }] },
        },
    })
}

/// Removes an operation's case.
fn forget(document: &mut Value, id: &str) {
    if let Some(Value::Array(cases)) = document.pointer_mut(CASES) {
        cases.retain(|case| {
            !case["operations"]
                .as_array()
                .is_some_and(|ids| ids.iter().any(|known| known == id))
        });
    }
}

/// Removes a path, or one of its operations. Returns whether anything is left.
pub(crate) fn remove(document: &mut Value, path: &str, method: Option<&str>) -> Result<bool> {
    let base = document["basePath"].as_str().unwrap_or_default().to_owned();
    let absent = |what: String| refused(format!("API deletion failure: API '{base}' {what}."));
    let Some(paths) = document["paths"].as_object_mut() else {
        return Ok(false);
    };
    let operations = paths.get_mut(path).and_then(Value::as_object_mut);
    let operations = operations.ok_or_else(|| absent(format!("has no path '{path}'")))?;
    let methods = match method {
        Some(method) => vec![method.to_ascii_lowercase()],
        None => operations.keys().cloned().collect(),
    };
    let mut gone = Vec::new();
    for method in methods {
        let operation = operations.remove(&method);
        let operation = operation.ok_or_else(|| absent(format!("has no operation '{method}' for path '{path}'")))?;
        gone.extend(operation["operationId"].as_str().map(str::to_owned));
    }
    if operations.is_empty() {
        paths.remove(path);
    }
    let left = !paths.is_empty();
    gone.iter().for_each(|id| forget(document, id));
    Ok(left)
}

/// The verb and the path's segments in camel case.
fn operation_id(method: &str, path: &str) -> String {
    let mut id = method.to_owned();
    for segment in path.split('/') {
        let kept: String = segment
            .chars()
            .filter(|character| character.is_ascii_alphanumeric() || "-_".contains(*character))
            .collect();
        let mut characters = kept.chars();
        id.extend(characters.next().map(|first| first.to_ascii_uppercase()));
        id.push_str(characters.as_str());
    }
    id
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn doc() -> Value {
        json!({
            "namespace": "_", "gatewayBasePath": "b/", "gatewayPath": "/p/{id}", "gatewayMethod": "GET",
            "action": { "name": "pkg/a", "namespace": "_", "backendMethod": "POST", "authkey": "k", "secureKey": "s",
                        "backendUrl": "https://h/api/v1/web/_/pkg/a.http" },
        })
    }

    fn refusal(change: impl FnOnce(&mut Value)) -> String {
        let mut doc = doc();
        change(&mut doc);
        let guest = EntityName::namespace("guest").unwrap();
        Patch::read(Some(&doc), None, &guest).unwrap_err().to_string()
    }

    #[test]
    fn an_action_is_named_in_every_form_that_clients_have() {
        let guest = EntityName::namespace("guest").unwrap();
        for (name, package, action) in [
            ("a", "", "a"),
            ("/guest/a", "", "a"),
            ("pkg/a", "pkg", "a"),
            ("/guest/pkg/a", "pkg", "a"),
            ("/_/default/a", "", "a"),
        ] {
            let mut doc = doc();
            doc["action"]["name"] = name.into();
            let document = Patch::read(Some(&doc), None, &guest).unwrap().apply(None);
            let target = &document["paths"]["/p/{id}"]["get"]["x-openwhisk"];
            assert_eq!(target["package"], package, "{name}");
            assert_eq!(target["action"], action, "{name}");
        }
    }

    #[test]
    fn an_endpoint_is_added_to_a_new_document_and_removed_again() {
        let guest = EntityName::namespace("guest").unwrap();
        let patch = Patch::read(Some(&doc()), None, &guest).unwrap();
        assert_eq!(patch.base(), "/b");
        let mut document = patch.apply(None);
        let operation = &document["paths"]["/p/{id}"]["get"];
        assert_eq!(operation["operationId"], "getPId");
        assert_eq!(
            operation["x-openwhisk"],
            json!({"action": "a", "namespace": "guest", "package": "pkg", "url": "https://h/api/v1/web/guest/pkg/a.http"})
        );
        assert_eq!(cases(&document).count(), 1);
        let again = Patch::read(Some(&doc()), None, &guest)
            .unwrap()
            .apply(Some(document.clone()));
        assert_eq!(again, document);
        assert!(remove(&mut document, "/p/{id}", Some("POST")).is_err());
        assert!(!remove(&mut document, "/p/{id}", Some("GET")).unwrap());
        assert_eq!(cases(&document).count(), 0);
    }

    #[test]
    fn the_response_type_is_the_extension() {
        let guest = EntityName::namespace("guest").unwrap();
        let target = |response_type| {
            let document = Patch::read(Some(&doc()), response_type, &guest).unwrap().apply(None);
            let case = cases(&document).next().unwrap();
            case["execute"][0]["invoke"]["target-url"].as_str().unwrap().to_owned()
        };
        assert_eq!(target(None), "https://h/api/v1/web/guest/pkg/a.http$(request.path)");
        assert_eq!(target(Some("http")), target(None));
        assert_eq!(target(Some("json")), "https://h/api/v1/web/guest/pkg/a.json");
        assert!(Patch::read(Some(&doc()), Some("xml"), &guest).is_err());
        assert_eq!(
            with_extension("https://h.org/web/g/default/a", "svg"),
            "https://h.org/web/g/default/a.svg"
        );
    }

    #[test]
    fn refusals_have_openwhisks_words() {
        let without = |field: &'static str| {
            refusal(move |doc| {
                doc.as_object_mut().unwrap().remove(field);
            })
        };
        assert_eq!(without("namespace"), "apidoc is missing the namespace field");
        assert_eq!(without("gatewayPath"), "apidoc is missing the gatewayPath field");
        assert_eq!(without("action"), "apidoc is missing the action field.");
        assert_eq!(
            refusal(|doc| doc["action"]["authkey"] = Value::Null),
            "action is missing the authkey field."
        );
        assert_eq!(
            refusal(|doc| doc["gatewayMethod"] = json!("FETCH")),
            "gatewayMethod is 'fetch': expected one of get, put, post, delete, options, head, patch, trace."
        );
        assert_eq!(
            refusal(|doc| doc["swagger"] = json!({})),
            "swagger and gatewayBasePath are mutually exclusive and cannot be specified together."
        );
    }
}
