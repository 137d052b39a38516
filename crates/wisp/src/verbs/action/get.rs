use std::{fs, io::Write, path::PathBuf};

use anyhow::Context;
use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Args;
use serde_json::Value;
use wisp_core::model::Fqn;
use wisp_wire::client::Collection;

use crate::cli::{self, Session, Usage};

/// Show an action
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp action get hello\n  wisp action get hello limits\n  \
                        wisp action get page --url\n  wisp action get hello --save-as copy.js"
)]
pub struct Get {
    /// Its name
    #[arg(value_name = "ACTION_NAME")]
    name: String,
    /// Show only this field
    #[arg(value_name = "FIELD_FILTER")]
    field: Option<String>,
    /// Show its address
    #[arg(long, short = 'r', conflicts_with_all = ["summary", "save", "save_as", "field"])]
    url: bool,
    /// Summarize it; parameters with * are bound, with ** also final
    #[arg(long, short, conflicts_with_all = ["save", "save_as", "field"])]
    summary: bool,
    /// Save its code to a file named like it
    #[arg(long)]
    save: bool,
    /// Save its code to this file
    #[arg(long, value_name = "FILE")]
    save_as: Option<PathBuf>,
}

impl Get {
    /// Does it.
    pub async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (client, name, out) = (session.client()?, session.entity(&self.name)?, session.out());
        let code = self.save || self.save_as.is_some();
        let got = match code {
            true => client.get_with_code(&name).await,
            false => client.get(Collection::Actions, &name).await,
        };
        let document: Value = got.with_context(|| format!("Unable to get action '{}'", self.name))?;
        if code {
            return out.ok(&format!(
                "saved action code to {}",
                self.write(&name, &document)?.display()
            ));
        }
        if self.url {
            let url = format!("{}{}", client.endpoint(), path(&client.base_path(), &name, &document));
            if out.for_people() {
                out.ok(&format!("got action {}", self.name))?;
            }
            return out.line(&url);
        }
        if self.summary {
            let full = format!(
                "/{}/{}",
                document["namespace"].as_str().unwrap_or_default(),
                name.name()
            );
            return out.line(&cli::summary("action", &full, &document));
        }
        match &self.field {
            None => out.got(&format!("got action {}", self.name), &document),
            Some(field) => out.got(
                &format!("got action {}, displaying field {field}", self.name),
                cli::field(&document, field)?,
            ),
        }
    }

    fn write(&self, name: &Fqn, document: &Value) -> anyhow::Result<PathBuf> {
        let exec = &document["exec"];
        let kind = exec["kind"].as_str().unwrap_or_default();
        let family = kind.split(':').next().unwrap_or_default();
        let Some(code) = exec["code"].as_str() else {
            let what = if family == "sequence" {
                "action sequences"
            } else {
                "Docker images"
            };
            return Err(Usage(format!("Cannot save {what}")).into());
        };
        let binary = exec["binary"].as_bool().unwrap_or_default();
        let bytes = if binary {
            BASE64_STANDARD.decode(code.trim())?
        } else {
            code.as_bytes().to_vec()
        };
        let path = self
            .save_as
            .clone()
            .unwrap_or_else(|| format!("{}{}", name.name(), ending(family, &bytes)).into());
        // Nobody's work is written over.
        let file = fs::File::create_new(&path);
        file.and_then(|mut file| file.write_all(&bytes))
            .with_context(|| format!("'{}' cannot be written", path.display()))?;
        Ok(std::path::absolute(&path)?)
    }
}

fn ending(family: &str, bytes: &[u8]) -> &'static str {
    let archive = bytes.starts_with(b"PK\x03\x04");
    match family {
        "java" => ".jar",
        "wasm" => ".wasm",
        _ if archive => ".zip",
        "nodejs" => ".js",
        "python" => ".py",
        "php" => ".php",
        "ruby" => ".rb",
        "rust" => ".rs",
        "go" => ".go",
        "swift" => ".swift",
        _ => "",
    }
}

/// Where it is invoked: a web action by its public path, another by the API's.
fn path(base: &str, name: &Fqn, document: &Value) -> String {
    let namespace = document["namespace"].as_str().unwrap_or(name.namespace());
    let namespace = namespace.split('/').next().unwrap_or_default();
    if cli::annotation(document, "web-export") == Some(&Value::Bool(true)) {
        return format!(
            "{base}/web/{namespace}/{}/{}",
            name.package().unwrap_or("default"),
            name.name()
        );
    }
    let package = name.package().map(|package| format!("{package}/")).unwrap_or_default();
    format!("{base}/namespaces/{namespace}/actions/{package}{}", name.name())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn addresses_depend_on_the_web_annotation() {
        let web = json!({"namespace": "guest", "annotations": [{"key": "web-export", "value": true}]});
        let plain = json!({"namespace": "guest/pkg", "annotations": []});
        for (name, document, expected) in [
            ("_/a", &web, "/api/v1/web/guest/default/a"),
            ("_/pkg/a", &web, "/api/v1/web/guest/pkg/a"),
            ("_/pkg/a", &plain, "/api/v1/namespaces/guest/actions/pkg/a"),
        ] {
            assert_eq!(path("/api/v1", &name.parse().unwrap(), document), expected);
        }
    }

    #[test]
    fn files_are_named_after_their_content() {
        for (family, bytes, expected) in [
            ("nodejs", &b"exports"[..], ".js"),
            ("nodejs", b"PK\x03\x04", ".zip"),
            ("java", b"PK\x03\x04", ".jar"),
            ("native", b"\x7fELF", ""),
            ("wasm", b"\0asm", ".wasm"),
        ] {
            assert_eq!(ending(family, bytes), expected, "{family}");
        }
    }
}
