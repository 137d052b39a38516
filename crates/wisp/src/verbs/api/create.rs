use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use wisp_wire::client::Collection;

use crate::cli::{self, Session, Usage};

/// Create an API, or add an operation to one
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp api create /shop /books get books\n  \
                        wisp api create /shop '/books/{id}' put book --response-type http\n  \
                        wisp api create --config-file openapi.yaml")]
pub struct Create {
    /// Base path (/ if absent), path, method and web action
    #[arg(value_name = "[BASE_PATH] PATH METHOD ACTION", num_args = 0..=4)]
    words: Vec<String>,
    /// Name of the API
    #[arg(long, short = 'n', value_name = "NAME")]
    apiname: Option<String>,
    /// What the web action's result becomes
    #[arg(long, value_name = "TYPE", value_enum, default_value_t)]
    response_type: ResponseType,
    /// An OpenAPI document, of version 2 or 3, in JSON or YAML, whose operations name their actions in x-openwhisk
    #[arg(long, short, value_name = "FILE", conflicts_with = "words")]
    config_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, ValueEnum)]
enum ResponseType {
    #[default]
    Http,
    Json,
    Text,
    Svg,
    Html,
}

impl ResponseType {
    /// The extension of the web action.
    fn extension(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Json => "json",
            Self::Text => "text",
            Self::Svg => "svg",
            Self::Html => "html",
        }
    }
}

/// Methods that an operation can have.
const METHODS: [&str; 7] = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"];

impl Create {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let apidoc = match &self.config_file {
            Some(file) => json!({ "namespace": "_", "swagger": read(file)? }),
            None => self.operation(session).await?,
        };
        let query = [("responsetype", Some(self.response_type.extension()))];
        let created = session
            .client()?
            .change_apis("createApi", &query, &json!({ "apidoc": apidoc }))
            .await;
        let created: Value = created.context("Unable to create API")?;
        let url = created["gwApiUrl"].as_str().unwrap_or_default();
        let what = match self.words.as_slice() {
            [.., path, method, action] => format!("{path} {method} for action {action}\n{url}{path}"),
            _ => url.to_owned(),
        };
        session.out().done(&format!("created API {what}"), &created)
    }

    async fn operation(&self, session: &Session) -> anyhow::Result<Value> {
        let (base, path, method, action) = match self.words.as_slice() {
            [path, method, action] => ("/", path, method, action),
            [base, path, method, action] => (base.as_str(), path, method, action),
            _ => {
                let message = "An API needs a path, a method and an action, or a --config-file.";
                return Err(Usage(message.into()).into());
            }
        };
        let method = method.to_uppercase();
        if !METHODS.contains(&method.as_str()) {
            let message = format!(
                "'{method}' is no method of an API: expected one of {}",
                METHODS.join(", ")
            );
            return Err(Usage(message).into());
        }
        let (client, name) = (session.client()?, session.entity(action)?);
        let document: Value = client
            .get(Collection::Actions, &name)
            .await
            .with_context(|| format!("Unable to get action '{action}'"))?;
        if cli::annotation(&document, "web-export") != Some(&Value::Bool(true)) {
            return Err(Usage(format!(
                "Action '{action}' is not a web action. Make it one: wisp action update {action} --web true"
            ))
            .into());
        }
        let namespace = document["namespace"].as_str().unwrap_or_default();
        let namespace = namespace.split('/').next().unwrap_or_default();
        let package = name.package().unwrap_or("default");
        let full = match name.package() {
            Some(package) => format!("/{namespace}/{package}/{}", name.name()),
            None => format!("/{namespace}/{}", name.name()),
        };
        let url = format!(
            "{}{}/web/{namespace}/{package}/{}.{}",
            client.endpoint(),
            client.base_path(),
            name.name(),
            self.response_type.extension()
        );
        let parameters: Vec<Value> = path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({ "name": name, "in": "path", "required": true, "type": "string" }))
            .collect();
        Ok(json!({
            "namespace": "_", "gatewayBasePath": base, "gatewayPath": path, "gatewayMethod": method,
            "id": format!("API:{namespace}:{base}"), "apiName": self.apiname, "pathParameters": parameters,
            "action": {
                "name": full, "namespace": namespace, "backendMethod": "POST", "backendUrl": url, "authkey": "",
                "secureKey": cli::annotation(&document, "require-whisk-auth"),
            },
        }))
    }
}

/// A document in JSON or YAML, which has JSON in it.
fn read(file: &PathBuf) -> anyhow::Result<Value> {
    let shown = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("'{shown}' cannot be read"))?;
    serde_saphyr::from_str(&text).with_context(|| format!("'{shown}' is neither JSON nor YAML"))
}
