use anyhow::Context;
use clap::{Args, Subcommand};
use rand::{RngExt, distr::Alphanumeric};
use serde_json::{Value, json};

use crate::cli::Session;

/// Characters of a key and of a secret.
const LENGTH: usize = 40;

/// Keys of an API's callers
#[derive(Subcommand)]
pub enum Key {
    /// Create a key; it is shown this once
    Create(Create),
    /// List the keys of an API
    List(List),
    /// Delete a key: it is refused from now on
    Delete(Delete),
}

#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp api key create /shop mobile\n  wisp api key create /shop partner --secret --rate 5/second --quota 1000"
)]
pub struct Create {
    /// Base path or name of the API
    #[arg(value_name = "BASE_PATH")]
    base: String,
    /// Whose key it is
    name: String,
    /// With a secret
    #[arg(long)]
    secret: bool,
    /// How often it may call, instead of what the API's policy says
    #[arg(long, value_name = "N/UNIT")]
    rate: Option<String>,
    /// How often it may call in a day, instead of what the API's policy says
    #[arg(long, value_name = "N")]
    quota: Option<u64>,
}

#[derive(Args)]
#[command(after_help = "Examples:\n  wisp api key list /shop")]
pub struct List {
    /// Base path or name of the API
    #[arg(value_name = "BASE_PATH")]
    base: String,
}

#[derive(Args)]
#[command(after_help = "Examples:\n  wisp api key delete /shop mobile")]
pub struct Delete {
    /// Base path or name of the API
    #[arg(value_name = "BASE_PATH")]
    base: String,
    /// Whose key it is
    name: String,
}

impl Key {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (client, out) = (session.client()?, session.out());
        match self {
            Key::Create(Create {
                base,
                name,
                secret,
                rate,
                quota,
            }) => {
                let key = random();
                let secret = secret.then(random);
                // Made here, so that it is in no record of the server's.
                let body = json!({ "basepath": base, "name": name, "key": key, "secret": secret, "rate": rate, "quota": quota });
                let _: Value = client
                    .change_apis("createKey", &[], &body)
                    .await
                    .context("Unable to create the key")?;
                let shown = json!({ "name": name, "key": key, "secret": secret });
                let line = secret.map(|secret| format!("\nsecret: {secret}")).unwrap_or_default();
                out.done(&format!("created key {name}\nkey: {key}{line}"), &shown)
            }
            Key::List(List { base }) => {
                let got: Value = client
                    .apis("getKeys", &[("basepath", Some(&base))])
                    .await
                    .context("Unable to list the keys")?;
                if !out.for_people() {
                    return out.document(&got["keys"]);
                }
                out.line(&format!(
                    "{:<24} {:<10} {:<8} {:<16} quota",
                    "name", "begins", "secret", "rate"
                ))?;
                got["keys"].as_array().into_iter().flatten().try_for_each(|key| {
                    let text = |field: &str| match &key[field] {
                        Value::Null => "-".to_owned(),
                        Value::String(text) => text.clone(),
                        other => other.to_string(),
                    };
                    out.line(&format!(
                        "{:<24} {:<10} {:<8} {:<16} {}",
                        text("name"),
                        text("hint"),
                        text("secret"),
                        text("rate"),
                        text("quota")
                    ))
                })
            }
            Key::Delete(Delete { base, name }) => {
                let query = [("basepath", Some(base.as_str())), ("name", Some(name.as_str()))];
                let gone: Value = client
                    .apis("deleteKey", &query)
                    .await
                    .context("Unable to delete the key")?;
                out.done(&format!("deleted key {name}"), &gone)
            }
        }
    }
}

fn random() -> String {
    rand::rng()
        .sample_iter(Alphanumeric)
        .take(LENGTH)
        .map(char::from)
        .collect()
}
