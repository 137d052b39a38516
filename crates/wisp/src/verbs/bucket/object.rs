use std::io::Read;

use anyhow::Context;
use clap::Args;
use serde_json::Value;

use super::top_level;
use crate::cli::Session;

/// Put an object, once for each session and key: what is there stays
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp bucket put words a '{\"count\": 3}' --session s1\n  wisp bucket put words a plain-text --session s1\n  \
                  wisp bucket put words a --session s1 < a.json"
)]
pub struct Put {
    /// The bucket
    #[arg(value_name = "BUCKET_NAME")]
    name: String,
    /// Its key
    key: String,
    /// Its value: JSON, or else a text; from standard input when absent
    value: Option<String>,
    /// Its session; a new one when absent
    #[arg(long)]
    session: Option<String>,
}

/// List the objects of a session in the order in which they came
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp bucket objects words --session s1\n  wisp bucket objects clicks")]
pub struct Objects {
    /// The bucket
    #[arg(value_name = "BUCKET_NAME")]
    name: String,
    /// The session; all of a bucket whose triggers see all together when absent
    #[arg(long)]
    session: Option<String>,
    /// How many at most, up to 200
    #[arg(long, default_value_t = 200)]
    limit: u64,
}

impl Put {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let name = top_level(session, &self.name)?;
        let text = match self.value {
            Some(text) => text,
            None => {
                let mut text = String::new();
                let read = std::io::stdin().read_to_string(&mut text);
                read.context("Unable to read the value from standard input")?;
                text
            }
        };
        let value = serde_json::from_str(&text).unwrap_or(Value::String(text));
        let client = session.client()?;
        let put = client
            .put_object(&name, self.session.as_deref(), &self.key, &value)
            .await;
        let put = put.with_context(|| format!("Unable to put object '{}'", self.key))?;
        let of = put["session"].as_str().unwrap_or_default().to_owned();
        let done = match put["put"].as_bool() {
            Some(true) => format!("put object {} of session {of}", self.key),
            _ => format!("object {} of session {of} was there before, and has stayed", self.key),
        };
        session.out().done(&done, &put)
    }
}

impl Objects {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let name = top_level(session, &self.name)?;
        let objects = session
            .client()?
            .objects(&name, self.session.as_deref(), self.limit)
            .await;
        let objects = objects.with_context(|| format!("Unable to list the objects of '{}'", self.name))?;
        let out = session.out();
        if !out.for_people() {
            return out.document(&objects);
        }
        objects.iter().try_for_each(|object| {
            let word = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
            out.line(&format!(
                "{:<32} {:<40} {:>10}",
                word("session"),
                word("key"),
                object["size"]
            ))
        })
    }
}
