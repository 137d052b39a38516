use std::{fs, path::PathBuf};

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use crate::cli::Session;

/// Say who may call an API, and how often; shows it when nothing is said
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp api policy /shop\n  wisp api policy /shop --require-key --key-rate 10/second --key-quota 10000\n  \
                        wisp api policy /shop --rate 1000/minute --share partner,other\n  \
                        wisp api policy /shop --jwks https://id.example.org/keys --issuer https://id.example.org --audience shop\n  \
                        wisp api policy /shop --open"
)]
pub struct Policy {
    /// Base path or name
    #[arg(value_name = "BASE_PATH")]
    base: String,
    /// Let everybody call without limits, before what else is said
    #[arg(long)]
    open: bool,
    /// Callers need a key of the API, in the header X-Api-Key
    #[arg(long)]
    require_key: bool,
    /// Callers need the key's secret too, in the header X-Client-Secret
    #[arg(long)]
    require_secret: bool,
    /// The header that keys come in
    #[arg(long, value_name = "NAME")]
    key_header: Option<String>,
    /// Requests of all callers together: a number and second, minute, hour or day
    #[arg(long, value_name = "N/UNIT")]
    rate: Option<String>,
    /// Requests of each key
    #[arg(long, value_name = "N/UNIT")]
    key_rate: Option<String>,
    /// Requests of each key in a calendar day, UTC
    #[arg(long, value_name = "N")]
    key_quota: Option<u64>,
    /// Namespaces whose keys of this platform callers must have
    #[arg(long, value_name = "NAMESPACES", value_delimiter = ',')]
    share: Vec<String>,
    /// Callers need a token: the address of its issuer's keys, or a file with them (a JSON Web Key Set)
    #[arg(long, value_name = "URL|FILE")]
    jwks: Option<String>,
    /// Who must have issued tokens
    #[arg(long, requires = "jwks")]
    issuer: Option<String>,
    /// Whom tokens must be meant for
    #[arg(long, requires = "jwks")]
    audience: Option<String>,
}

impl Policy {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (client, out) = (session.client()?, session.out());
        let mut document = super::document(&client, &self.base)
            .await
            .context("Unable to get API")?;
        let old = document.get("x-wisp").cloned().unwrap_or_else(|| json!({}));
        let new = self.over(if self.open { json!({}) } else { old.clone() })?;
        if new == old && !self.open {
            return out.document(&old);
        }
        document["x-wisp"] = new.clone();
        let apidoc = json!({ "apidoc": { "namespace": "_", "swagger": document } });
        let _: Value = client
            .change_apis("createApi", &[], &apidoc)
            .await
            .context("Unable to change the API's policy")?;
        out.done(&format!("changed who may call {}", self.base), &new)
    }

    fn over(&self, mut policy: Value) -> anyhow::Result<Value> {
        let mut set = |field: &str, value: Option<Value>| {
            if let Some(value) = value {
                policy[field] = value;
            }
        };
        set("requireKey", self.require_key.then_some(true.into()));
        set("requireSecret", self.require_secret.then_some(true.into()));
        set("keyHeader", self.key_header.clone().map(Value::from));
        set("rate", self.rate.clone().map(Value::from));
        set("keyRate", self.key_rate.clone().map(Value::from));
        set("keyQuota", self.key_quota.map(Value::from));
        set(
            "namespaces",
            (!self.share.is_empty()).then(|| self.share.clone().into()),
        );
        if let Some(jwks) = &self.jwks {
            let mut jwt = json!({ "issuer": self.issuer, "audience": self.audience });
            match jwks.contains("://") {
                true => jwt["jwks"] = jwks.as_str().into(),
                false => jwt["keys"] = keys(&PathBuf::from(jwks))?,
            }
            set("jwt", Some(jwt));
        }
        Ok(policy)
    }
}

fn keys(file: &PathBuf) -> anyhow::Result<Value> {
    let text = fs::read(file).with_context(|| format!("'{}' cannot be read", file.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("'{}' is not JSON", file.display()))
}
