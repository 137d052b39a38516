use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::cli::Session;

/// Show an API
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp api get /shop\n  wisp api get /shop /books get\n  \
                        wisp api get /shop --format openapi > openapi.json")]
pub struct Get {
    /// Base path or name
    #[arg(value_name = "BASE_PATH")]
    base: String,
    /// Only this path
    path: Option<String>,
    /// Only this method
    method: Option<String>,
    /// As what it is shown
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The document that is stored
    #[default]
    Swagger,
    /// OpenAPI 3.1
    Openapi,
}

impl Get {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let client = session.client()?;
        let got = match self.format {
            Form::Swagger => super::part(&client, &self.base, self.path.as_deref(), self.method.as_deref()).await,
            Form::Openapi => {
                let query = [("basepath", Some(self.base.as_str())), ("format", Some("openapi"))];
                client.apis("getApi", &query).await
            }
        };
        session.out().document(&got.context("Unable to get API")?)
    }
}

/// List APIs
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp api list\n  wisp api list /shop")]
pub struct List {
    /// Base path or name
    #[arg(value_name = "BASE_PATH")]
    base: Option<String>,
}

impl List {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let query = [("basepath", self.base.as_deref())];
        let got: Value = session
            .client()?
            .apis("getApi", &query)
            .await
            .context("Unable to list APIs")?;
        let out = session.out();
        if !out.for_people() {
            return out.document(&got);
        }
        out.line(&format!("{:<30} {:<8} {:<24} URL", "Action", "Verb", "API name"))?;
        for api in got["apis"].as_array().into_iter().flatten() {
            let (value, document) = (&api["value"], &api["value"]["apidoc"]);
            for (path, operations) in document["paths"].as_object().into_iter().flatten() {
                for (method, operation) in operations.as_object().into_iter().flatten() {
                    let target = &operation["x-openwhisk"];
                    let text = |field: &str| target[field].as_str().unwrap_or_default();
                    let package = if text("package").is_empty() {
                        String::new()
                    } else {
                        format!("{}/", text("package"))
                    };
                    out.line(&format!(
                        "{:<30} {method:<8} {:<24} {}{path}",
                        format!("/{}/{package}{}", text("namespace"), text("action")),
                        document["info"]["title"].as_str().unwrap_or_default(),
                        value["gwApiUrl"].as_str().unwrap_or_default(),
                    ))?;
                }
            }
        }
        Ok(())
    }
}

/// Delete an API, one of its paths, or one method of a path
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp api delete /shop\n  wisp api delete /shop /books get")]
pub struct Delete {
    /// Base path or name
    #[arg(value_name = "BASE_PATH")]
    base: String,
    /// Only this path
    path: Option<String>,
    /// Only this method
    method: Option<String>,
}

impl Delete {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let query = [
            ("basepath", Some(self.base.as_str())),
            ("relpath", self.path.as_deref()),
            ("operation", self.method.as_deref()),
        ];
        let client = session.client()?;
        // Who deletes what is not there is told so; OpenWhisk's verb would call it a failure of the gateway.
        super::document(&client, &self.base)
            .await
            .context("Unable to delete API")?;
        let gone: Value = client.apis("deleteApi", &query).await.context("Unable to delete API")?;
        let words = [Some(self.base), self.path, self.method]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>();
        session.out().done(&format!("deleted API {}", words.join(" ")), &gone)
    }
}
