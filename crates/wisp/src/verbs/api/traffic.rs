use std::time::Duration;

use anyhow::Context;
use clap::Args;
use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value;
use wisp_wire::client::Client;

use crate::cli::{self, Out, Session};

/// Pause between two looks at a log that is followed.
const PAUSE: Duration = Duration::from_millis(500);

/// Show the last requests to an API
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp api logs /shop\n  wisp api logs /shop -f\n  wisp api logs /shop --grep '\"status\":5'"
)]
pub struct Logs {
    /// Base path or name
    #[arg(value_name = "BASE_PATH")]
    base: String,
    /// Go on with what comes
    #[arg(long, short)]
    follow: bool,
    /// Only those with this text in them, as `--output json` shows them
    #[arg(long, value_name = "TEXT")]
    grep: Option<String>,
}

/// Show what was used of an API, by day, key and operation
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp api usage /shop\n  wisp api usage /shop --output json")]
pub struct Usage {
    /// Base path or name
    #[arg(value_name = "BASE_PATH")]
    base: String,
}

impl Logs {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (client, out) = (session.client()?, session.out());
        let mut after = self.print(&client, out, 0).await?;
        if !self.follow {
            return Ok(());
        }
        loop {
            tokio::time::sleep(PAUSE).await;
            after = self.print(&client, out, after).await?;
        }
    }

    /// Prints the requests after one of this number; the number of the last.
    async fn print(&self, client: &Client, out: Out, after: u64) -> anyhow::Result<u64> {
        let number = after.to_string();
        let query = [
            ("basepath", Some(self.base.as_str())),
            ("after", Some(number.as_str())),
            ("grep", self.grep.as_deref()),
        ];
        let got: Value = client
            .apis("getLog", &query)
            .await
            .context("Unable to get the API's log")?;
        let mut last = after;
        for entry in got["log"].as_array().into_iter().flatten() {
            last = entry["number"].as_u64().unwrap_or(last);
            match out.for_people() {
                true => out.line(&line(entry))?,
                false => out.line(&entry.to_string())?,
            }
        }
        Ok(last)
    }
}

fn line(entry: &Value) -> String {
    let text = |field: &str| entry[field].as_str().unwrap_or("-");
    let at = entry["at"].as_i64().unwrap_or_default();
    let at = cli::clock(at, &TimeZone::system(), cli::MILLISECONDS);
    let millis = entry["micros"].as_f64().unwrap_or_default() / 1000.0;
    format!(
        "{at} {} {:<7} {:<32} {millis:>9.1} ms  key {:<16} {}",
        entry["status"],
        text("method"),
        text("path"),
        text("key"),
        text("activation"),
    )
}

impl Usage {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let query = [("basepath", Some(self.base.as_str()))];
        let got: Value = session
            .client()?
            .apis("getUsage", &query)
            .await
            .context("Unable to get the API's use")?;
        let out = session.out();
        if !out.for_people() {
            return out.document(&got["usage"]);
        }
        out.line(&format!(
            "{:<12} {:<20} {:<32} {:>10} {:>8} {:>10}",
            "day", "key", "operation", "requests", "errors", "mean ms"
        ))?;
        for day in got["usage"].as_array().into_iter().flatten() {
            let date = Timestamp::from_second(day["day"].as_i64().unwrap_or_default() * 86_400).unwrap_or_default();
            let date = date.strftime("%Y-%m-%d").to_string();
            for (key, operations) in day["used"].as_object().into_iter().flatten() {
                for (operation, used) in operations.as_object().into_iter().flatten() {
                    let requests = used["requests"].as_f64().unwrap_or_default();
                    let mean = used["micros"].as_f64().unwrap_or_default() / requests.max(1.0) / 1000.0;
                    out.line(&format!(
                        "{date:<12} {key:<20} {operation:<32} {requests:>10} {:>8} {mean:>10.1}",
                        used["errors"]
                    ))?;
                }
            }
        }
        Ok(())
    }
}
