use std::{fs, path::Path};

use anyhow::{Context, bail};
use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use wisp_core::model::Fqn;

use super::operation::{self, DIGEST, METHODS, PROJECT};
use crate::verbs::deploy::manifest::Paths;

/// One API as the manifest wants it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its base path.
    pub base: String,
    /// Its whole document.
    pub document: Value,
}

impl Wanted {
    /// From an OpenAPI document of version 2 or 3, in JSON or YAML, whose operations name their actions.
    pub fn from_file(file: &Path, project: &str) -> anyhow::Result<Self> {
        let shown = file.display();
        let text = fs::read_to_string(file).with_context(|| format!("'{shown}' cannot be read"))?;
        let mut document: Value =
            serde_saphyr::from_str(&text).with_context(|| format!("'{shown}' is neither JSON nor YAML"))?;
        if !document.is_object() {
            bail!("'{shown}' is no OpenAPI document");
        }
        document[DIGEST] = HEXLOWER.encode(&Sha256::digest(text.as_bytes())).into();
        document[PROJECT] = project.into();
        Ok(Self {
            base: operation::base(&document),
            document,
        })
    }

    /// From paths with actions; `action` says what a name means, `web` is the address that web actions are below.
    pub fn from_paths(
        title: &str,
        base: &str,
        paths: Paths,
        action: impl Fn(&str) -> anyhow::Result<Fqn>,
        web: &str,
        project: &str,
    ) -> anyhow::Result<Self> {
        let base = format!("/{}", base.trim_matches('/'));
        let (mut described, mut cases) = (json!({}), Vec::new());
        for (path, actions) in paths {
            let path = format!("/{}", path.trim_start_matches('/'));
            for (name, operation) in actions {
                let action = action(&name)?;
                for method in &operation.method {
                    let method = method.to_ascii_lowercase();
                    if !METHODS.contains(&method.as_str()) {
                        let methods = METHODS.join(", ");
                        bail!("method '{method}' of path '{path}' is none of {methods}");
                    }
                    if described[&path].get(&method).is_some() {
                        bail!("'{method}' of path '{path}' is there twice");
                    }
                    let id = format!("{method}{path}");
                    let url = url(web, &action, &operation.response);
                    described[&path][&method] = self::operation(&id, &path, &action, &url);
                    let rest = if operation.response == "http" {
                        "$(request.path)"
                    } else {
                        ""
                    };
                    cases.push(json!({
                        "operations": [id],
                        "execute": [{ "invoke": { "target-url": format!("{url}{rest}"), "verb": "keep" } }],
                    }));
                }
            }
        }
        let mut document = json!({
            "swagger": "2.0",
            "basePath": base,
            "info": { "title": title, "version": "1.0.0" },
            "paths": described,
            "x-ibm-configuration": {
                "cors": { "enabled": true },
                "assembly": { "execute": [{ "operation-switch": { "case": cases } }] },
            },
        });
        document[PROJECT] = project.into();
        Ok(Self { base, document })
    }
}

/// The gateway finds the action by its name; whoever else reads the document finds it here.
fn url(web: &str, action: &Fqn, response: &str) -> String {
    let package = action.package().unwrap_or("default");
    format!("{web}/{}/{package}/{}.{response}", action.namespace(), action.name())
}

fn operation(id: &str, path: &str, action: &Fqn, url: &str) -> Value {
    let parameters = path.split('/').filter_map(|segment| {
        let name = segment.strip_prefix('{')?.strip_suffix('}')?;
        Some(json!({ "name": name, "in": "path", "required": true, "type": "string" }))
    });
    let parameters: Vec<Value> = parameters.collect();
    let mut operation = json!({
        "operationId": id,
        "responses": { "default": { "description": "Default response" } },
        "x-openwhisk": {
            "namespace": action.namespace(), "package": action.package().unwrap_or_default(), "action": action.name(),
            "url": url,
        },
    });
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    operation
}
