//! `/whisk.system/apimgmt`: the actions by which clients manage APIs.
//!
//! They are web actions without a guard, as OpenWhisk's clients expect: the caller is known by `__ow_user`. A refusal of
//! what OpenWhisk has too is a response of its own with status 502 and `error` alone, which those clients read as the
//! failure of the action.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use wisp_core::{Code, Error, Result, model::EntityName};

use super::{Package, Request, SYSTEM};
use crate::gateway::{Api, Filter, KeyPut, Patch, check, export};

/// The package.
pub(crate) fn register() -> Package {
    Package::new("Manages APIs")
        .action("createApi", "Creates an API, or changes it", |request| {
            Box::pin(respond(request, Verb::Create))
        })
        .public()
        .action("getApi", "Returns APIs", |request| {
            Box::pin(respond(request, Verb::Get))
        })
        .public()
        .action("deleteApi", "Deletes an API, or a part of it", |request| {
            Box::pin(respond(request, Verb::Delete))
        })
        .public()
        .action("createKey", "Creates a key of an API", |request| {
            Box::pin(respond(request, Verb::CreateKey))
        })
        .public()
        .action("getKeys", "Returns the keys of an API", |request| {
            Box::pin(respond(request, Verb::GetKeys))
        })
        .public()
        .action("deleteKey", "Deletes a key of an API", |request| {
            Box::pin(respond(request, Verb::DeleteKey))
        })
        .public()
        .action("getUsage", "Returns what was used of an API", |request| {
            Box::pin(respond(request, Verb::GetUsage))
        })
        .public()
        .action("getLog", "Returns the last requests of an API", |request| {
            Box::pin(respond(request, Verb::GetLog))
        })
        .public()
}

#[derive(Clone, Copy)]
enum Verb {
    Create,
    Get,
    Delete,
    CreateKey,
    GetKeys,
    DeleteKey,
    GetUsage,
    GetLog,
}

async fn respond(request: Request<'_>, verb: Verb) -> Result<Value> {
    let headers = json!({ "Content-Type": "application/json" });
    match manage(&request, verb).await {
        Ok(body) => Ok(json!({ "statusCode": 200, "headers": headers, "body": body })),
        Err(error) if error.code().status() < 500 => {
            let (status, body) = refusal(&error, verb);
            Ok(json!({ "error": { "statusCode": status, "headers": headers, "body": body } }))
        }
        Err(error) => Err(error),
    }
}

/// Status and body. OpenWhisk's verbs refuse as its clients expect, all others with the status of the error.
fn refusal(error: &Error, verb: Verb) -> (u16, Value) {
    let mut body = json!({ "error": error.message() });
    let openwhisks = matches!(verb, Verb::Create | Verb::Get | Verb::Delete);
    if openwhisks && error.code() != Code::NotFound {
        return (502, body);
    }
    body["wisp"] = error.code().id().into();
    for (key, fact) in error.context() {
        body[*key] = fact.as_str().into();
    }
    (error.code().status(), body)
}

async fn manage(request: &Request<'_>, verb: Verb) -> Result<Value> {
    let empty = Map::new();
    let arguments = Arguments(request.arguments.as_object().unwrap_or(&empty));
    let namespace = user(request, &arguments)?;
    match verb {
        Verb::Create => create(request, &arguments, &namespace).await,
        Verb::Get => get(request, &arguments, &namespace).await,
        Verb::Delete => delete(request, &arguments, &namespace).await,
        Verb::CreateKey => {
            let put: KeyPut = serde_json::from_value(request.arguments.clone())
                .map_err(|error| Error::bad_request(format!("the key is malformed: {error}")))?;
            let api = one(request, &arguments, &namespace).await?;
            let key = put.stored(request.control.inner.clock.now())?;
            let known = request.control.inner.gateway.keys(&api).await?;
            if known.iter().any(|known| known.name == key.name) {
                return Err(Error::bad_request(format!("There is a key '{}' already.", key.name)));
            }
            request.control.inner.gateway.put_key(&api, &key).await?;
            Ok(json!({ "name": key.name, "hint": key.hint }))
        }
        Verb::GetKeys => {
            let api = one(request, &arguments, &namespace).await?;
            let keys = request.control.inner.gateway.keys(&api).await?;
            let shown = keys.iter().map(|key| {
                json!({ "name": key.name, "hint": key.hint, "secret": key.secret_digest.is_some(), "rate": key.rate, "quota": key.quota, "created": key.created })
            });
            Ok(json!({ "keys": shown.collect::<Vec<_>>() }))
        }
        Verb::DeleteKey => {
            let api = one(request, &arguments, &namespace).await?;
            let name = arguments.text("name").unwrap_or_default();
            let keys = request.control.inner.gateway.keys(&api).await?;
            let key = keys.iter().find(|key| key.name == name);
            let key = key.ok_or_else(|| Error::new(Code::NotFound, format!("There is no key '{name}'.")))?;
            request.control.inner.gateway.delete_key(&api, key).await?;
            Ok(json!({}))
        }
        Verb::GetUsage => {
            let api = one(request, &arguments, &namespace).await?;
            let days = request.control.api_usage(&api).await?;
            let days = days
                .into_iter()
                .map(|(day, tally)| json!({ "day": day, "used": tally }));
            Ok(json!({ "usage": days.collect::<Vec<_>>() }))
        }
        Verb::GetLog => {
            let api = one(request, &arguments, &namespace).await?;
            let filter = Filter {
                after: arguments
                    .text("after")
                    .and_then(|text| text.parse().ok())
                    .unwrap_or_default(),
                grep: arguments.text("grep").map(str::to_owned),
            };
            let now = request.control.inner.clock.now();
            Ok(json!({ "log": request.control.inner.gateway.usage.log(api.key(), now, &filter) }))
        }
    }
}

/// Arguments of clients that send empty and undefined values for what they do not mean.
struct Arguments<'a>(&'a Map<String, Value>);

impl Arguments<'_> {
    fn text(&self, key: &str) -> Option<&str> {
        let text = self.0.get(key).and_then(Value::as_str);
        text.filter(|text| !text.is_empty() && *text != "undefined")
    }
}

/// The namespace whose APIs are meant. Through the web, that is the caller's, whom the platform names; who invokes the
/// action directly cannot name another one.
fn user(request: &Request<'_>, arguments: &Arguments<'_>) -> Result<EntityName> {
    if request.caller.namespace.as_str() != SYSTEM {
        return Ok(request.caller.namespace.clone());
    }
    let user = arguments.text("__ow_user");
    let user = user.ok_or_else(|| Error::bad_request("A valid auth key is required."))?;
    EntityName::namespace(user)
}

async fn create(request: &Request<'_>, arguments: &Arguments<'_>, namespace: &EntityName) -> Result<Value> {
    let patch = Patch::read(arguments.0.get("apidoc"), arguments.text("responsetype"), namespace)?;
    let gateway = &request.control.inner.gateway;
    let apis = gateway.apis(namespace).await?;
    let old = apis.iter().find(|api| api.base == patch.base());
    let base = patch.base().to_owned();
    let document = patch.apply(old.map(|api| api.document.clone()));
    check(&document).map_err(creation)?;
    let now = request.control.inner.clock.now();
    gateway
        .put(namespace, document, old.map(|api| &**api), now)
        .await
        .map_err(creation)?;
    let apis = gateway.apis(namespace).await?;
    let api = apis.iter().find(|api| api.base == base);
    let api = api.ok_or_else(|| Error::internal("an API that was stored is not there"))?;
    Ok(shown(request, api, api.document.clone()))
}

async fn get(request: &Request<'_>, arguments: &Arguments<'_>, namespace: &EntityName) -> Result<Value> {
    if let Some(format) = arguments.text("format") {
        let api = one(request, arguments, namespace).await?;
        return match format {
            "openapi" => Ok(export(&api.document, &url(request, &api))),
            "swagger" => Ok(narrowed(&api, arguments)),
            other => Err(Error::bad_request(format!(
                "format is '{other}': expected openapi or swagger."
            ))),
        };
    }
    let apis = request.control.inner.gateway.apis(namespace).await?;
    let wanted = |api: &&Arc<Api>| arguments.text("basepath").is_none_or(|base| is_named(api, base));
    let mut found: Vec<_> = apis.iter().filter(wanted).collect();
    found.sort_by(|one, other| one.base.cmp(&other.base));
    let number = |key: &str| {
        arguments
            .text(key)
            .and_then(|text| text.parse::<usize>().ok())
            .unwrap_or_default()
    };
    let limit = match number("limit") {
        0 => usize::MAX,
        limit => limit,
    };
    let apis = found.into_iter().skip(number("skip")).take(limit).map(
        |api| json!({ "id": "Not Used", "key": "Not Used", "value": shown(request, api, narrowed(api, arguments)) }),
    );
    Ok(json!({ "apis": apis.collect::<Vec<_>>() }))
}

async fn delete(request: &Request<'_>, arguments: &Arguments<'_>, namespace: &EntityName) -> Result<Value> {
    let base = arguments
        .text("basepath")
        .ok_or_else(|| Error::bad_request("basepath is required."))?;
    let (path, operation) = (arguments.text("relpath"), arguments.text("operation"));
    if operation.is_some() && path.is_none() {
        return Err(Error::bad_request(
            "When specifying an operation, the path is required.",
        ));
    }
    let gateway = &request.control.inner.gateway;
    let apis = gateway.apis(namespace).await?;
    let api = apis
        .iter()
        .find(|api| is_named(api, base))
        .ok_or_else(|| Error::bad_request(format!("API deletion failure: API '{base}' does not exist.")))?;
    if let Some(path) = path {
        let mut document = api.document.clone();
        if crate::gateway::remove(&mut document, path, operation)? {
            gateway
                .put(namespace, document, Some(api), request.control.inner.clock.now())
                .await?;
            return Ok(json!({}));
        }
    }
    gateway.delete(api).await?;
    Ok(json!({}))
}

/// The API that is meant, where one must be.
async fn one(request: &Request<'_>, arguments: &Arguments<'_>, namespace: &EntityName) -> Result<Arc<Api>> {
    let base = arguments
        .text("basepath")
        .ok_or_else(|| Error::bad_request("basepath is required."))?;
    let apis = request.control.inner.gateway.apis(namespace).await?;
    apis.iter().find(|api| is_named(api, base)).cloned().ok_or_else(|| {
        Error::new(Code::NotFound, format!("There is no API '{base}'.")).with("remedy", "`wisp api list` shows yours")
    })
}

/// Whether an API has this base path, or this title.
fn is_named(api: &Api, name: &str) -> bool {
    api.base.trim_matches('/') == name.trim_matches('/') && name.starts_with('/')
        || api.document["info"]["title"] == name
}

/// What is wrong with a document as a whole is said as OpenWhisk says it.
fn creation(error: Error) -> Error {
    let message = format!("API creation failure: {}", error.message());
    Error::new(error.code(), message).because(error)
}

/// The document with the paths and operations that are asked for.
fn narrowed(api: &Api, arguments: &Arguments<'_>) -> Value {
    let mut document = api.document.clone();
    let Some(paths) = document["paths"].as_object_mut() else {
        return document;
    };
    if let Some(path) = arguments.text("relpath") {
        paths.retain(|known, _| known == path);
    }
    if let Some(operation) = arguments.text("operation") {
        for operations in paths.values_mut().filter_map(Value::as_object_mut) {
            operations.retain(|known, _| known.eq_ignore_ascii_case(operation));
        }
        paths.retain(|_, operations| operations.as_object().is_some_and(|operations| !operations.is_empty()));
    }
    document
}

/// What clients show of an API.
fn shown(request: &Request<'_>, api: &Api, document: Value) -> Value {
    json!({
        "namespace": api.namespace,
        "gwApiActivated": true,
        "tenantId": api.namespace,
        "gwApiUrl": url(request, api),
        "apidoc": document,
    })
}

/// Where an API is served.
fn url(request: &Request<'_>, api: &Api) -> String {
    let settings = &request.control.inner.gateway.settings;
    let base = api.base.trim_end_matches('/');
    format!(
        "{}{}/{}{base}",
        settings.url.trim_end_matches('/'),
        settings.path,
        api.namespace
    )
}
