use anyhow::{Context, bail};
use clap::Args;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use wisp_wire::client::{ActivationQuery, Client, Page, Place};

use super::breakdown::Breakdown;
use crate::cli::{self, Session, Usage};

/// Show an activation's record
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp activation get 44794bd6aab74415b4e42a308d880e5b\n  \
                        wisp activation get --last\n  wisp activation get --last response\n  \
                        wisp activation get --last --logs\n  wisp activation get --last --breakdown")]
pub struct Get {
    #[command(flatten)]
    which: Which,
    /// Show only this field
    #[arg(value_name = "FIELD_FILTER")]
    field: Option<String>,
    /// Summarize it
    #[arg(long, short)]
    summary: bool,
    /// Show only the log, without times and streams
    #[arg(long, short = 'g', conflicts_with = "summary")]
    logs: bool,
    /// Show where the time went: waiting, sandbox, runtime, code, initialisation, run
    #[arg(long, conflicts_with_all = ["summary", "logs"])]
    breakdown: bool,
}

/// Show an activation's log
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp activation logs 44794bd6aab74415b4e42a308d880e5b\n  \
                        wisp activation logs --last --strip"
)]
pub struct Logs {
    #[command(flatten)]
    which: Which,
    /// Leave out times and streams
    #[arg(long, short = 'r')]
    strip: bool,
}

/// Show an activation's result
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp activation result 44794bd6aab74415b4e42a308d880e5b\n  \
                        wisp activation result --last"
)]
pub struct Result {
    #[command(flatten)]
    which: Which,
}

#[derive(Args)]
struct Which {
    /// Its id
    #[arg(value_name = "ACTIVATION_ID")]
    id: Option<String>,
    /// The newest one
    #[arg(long, short)]
    last: bool,
}

impl Which {
    async fn id(&self, client: &Client, namespace: &str) -> anyhow::Result<String> {
        match &self.id {
            Some(id) if !self.last => return Ok(id.clone()),
            None if !self.last => return Err(Usage("An activation ID is required.".into()).into()),
            _ => {}
        }
        let place = Place {
            namespace: namespace.to_owned(),
            package: None,
        };
        let page = Page {
            limit: Some(1),
            skip: 0,
        };
        let newest: Vec<Value> = client
            .activations(&place, &ActivationQuery::default(), page, false)
            .await?;
        match newest.first().and_then(|record| record["activationId"].as_str()) {
            Some(id) => Ok(id.to_owned()),
            None => bail!("Activation list does not contain any activations."),
        }
    }
}

impl Get {
    /// Does it.
    pub async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (client, namespace, out) = (session.client()?, session.namespace()?, session.out());
        let id = self
            .which
            .id(&client, &namespace)
            .await
            .context("Unable to get activation")?;
        let got = client.activation(&namespace, &id).await;
        let record: Value = got.with_context(|| format!("Unable to get activation '{id}'"))?;
        // With --last the only word is the filter, whatever its place.
        let field = self
            .field
            .as_ref()
            .or(self.which.id.as_ref().filter(|_| self.which.last));
        if self.summary {
            out.line(&summary(&record))?;
            return out.document(&record["response"]["result"]);
        }
        if self.breakdown {
            return Breakdown::of(&record).print(out);
        }
        if self.logs {
            let lines = record["logs"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str);
            return lines.map(strip).try_for_each(|line| out.line(line));
        }
        match field {
            None => out.got(&format!("got activation {id}"), &record),
            Some(field) => out.got(
                &format!("got activation {id}, displaying field {field}"),
                cli::field(&record, field)?,
            ),
        }
    }
}

impl Logs {
    /// Does it.
    pub async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (client, namespace, out) = (session.client()?, session.namespace()?, session.out());
        let id = self
            .which
            .id(&client, &namespace)
            .await
            .context("Unable to get logs for activation")?;
        let got = client.activation_logs(&namespace, &id).await;
        let logs = got
            .with_context(|| format!("Unable to get logs for activation '{id}'"))?
            .logs;
        if !out.for_people() {
            return out.document(&logs);
        }
        logs.iter()
            .try_for_each(|line| out.line(if self.strip { strip(line) } else { line }))
    }
}

impl Result {
    /// Does it.
    pub async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (client, namespace) = (session.client()?, session.namespace()?);
        let id = self
            .which
            .id(&client, &namespace)
            .await
            .context("Unable to get result for activation")?;
        let got = client.activation_result(&namespace, &id).await;
        session.out().document(
            &got.with_context(|| format!("Unable to get result for activation '{id}'"))?
                .result,
        )
    }
}

fn summary(record: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let end = record["end"]
        .as_i64()
        .and_then(|end| Timestamp::from_millisecond(end).ok());
    let end = end.map(|end| {
        end.to_zoned(TimeZone::system())
            .strftime("%Y-%m-%d %H:%M:%S %z")
            .to_string()
    });
    format!(
        "activation result for '/{}/{}' ({} at {})",
        text(&record["namespace"]),
        text(&record["name"]),
        text(&record["response"]["status"]),
        end.unwrap_or_default(),
    )
}

/// A log line without its time and stream.
fn strip(line: &str) -> &str {
    let Some((_, rest)) = line.split_once(' ') else {
        return line;
    };
    let rest = rest.trim_start();
    let text = rest.strip_prefix("stdout:").or_else(|| rest.strip_prefix("stderr:"));
    text.map_or(line, |text| text.strip_prefix(' ').unwrap_or(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_lose_time_and_stream_only() {
        for (line, text) in [
            ("2026-11-21T10:00:00.000000000Z stdout: hello  world", "hello  world"),
            ("2026-11-21T10:00:00.000Z       stderr: oops", "oops"),
            ("2026-11-21T10:00:00.000Z stdout: ", ""),
            ("44794bd6aab74415b4e42a308d880e5b", "44794bd6aab74415b4e42a308d880e5b"),
            ("no stream here", "no stream here"),
        ] {
            assert_eq!(strip(line), text);
        }
    }
}
