use std::{
    collections::HashSet,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anstream::eprintln;
use anyhow::Context;
use clap::Args;
use serde_json::Value;
use wisp_wire::client::{ActivationQuery, Client, Page, Place};

use super::list::filter;
use crate::cli::{Out, Session};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(2);

/// Show logs of activations as they end, until Ctrl-C
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp activation poll\n  wisp activation poll hello\n  \
                        wisp activation poll --since-minutes 10 --exit 60")]
pub struct Poll {
    /// `/namespace`, or the action that runs
    #[arg(value_name = "NAMESPACE | ACTION_NAME")]
    place: Option<String>,
    /// Stop after this many seconds
    #[arg(long, short, value_name = "SECONDS")]
    exit: Option<u64>,
    /// Look once and stop
    #[arg(long)]
    once: bool,
    /// Begin this many seconds ago
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    since_seconds: u64,
    /// Begin this many minutes ago
    #[arg(long, value_name = "MINUTES", default_value_t = 0)]
    since_minutes: u64,
    /// Begin this many hours ago
    #[arg(long, value_name = "HOURS", default_value_t = 0)]
    since_hours: u64,
    /// Begin this many days ago
    #[arg(long, value_name = "DAYS", default_value_t = 0)]
    since_days: u64,
}

impl Poll {
    /// Does it.
    pub async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (client, out) = (session.client()?, session.out());
        let (place, name) = filter(session, self.place.as_deref())?;
        if out.for_people() {
            out.line("Enter Ctrl-c to exit.\nPolling for activation logs")?;
        }
        let since = match self.ago() {
            0 => newest(&client, &place)
                .await
                .context("Unable to poll for activations")?,
            ago => now()?.saturating_sub(ago * 1000),
        };
        let mut query = ActivationQuery {
            name,
            since: Some(since),
            upto: None,
        };
        let (mut seen, begun) = (HashSet::new(), Instant::now());
        loop {
            match client.activations(&place, &query, Page::ALL, true).await {
                Ok(records) => show(out, &records, &mut seen, &mut query)?,
                // A server that restarts is waited for; whoever watches a pipe sees why it is quiet.
                Err(error) => eprintln!("{error}; trying again"),
            }
            let over = self
                .exit
                .is_some_and(|seconds| begun.elapsed() + INTERVAL > Duration::from_secs(seconds));
            if self.once || over {
                return Ok(());
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// How long ago to begin, in seconds.
    fn ago(&self) -> u64 {
        self.since_seconds + 60 * (self.since_minutes + 60 * (self.since_hours + 24 * self.since_days))
    }
}

/// The instant after the newest activation's start.
async fn newest(client: &Client, place: &Place) -> anyhow::Result<u64> {
    let page = Page {
        limit: Some(1),
        skip: 0,
    };
    let records: Vec<Value> = client
        .activations(place, &ActivationQuery::default(), page, false)
        .await?;
    let start = records.first().and_then(|record| record["start"].as_u64());
    Ok(start.map_or(0, |start| start + 1))
}

fn show(out: Out, records: &[Value], seen: &mut HashSet<String>, query: &mut ActivationQuery) -> anyhow::Result<()> {
    for record in records.iter().rev() {
        let id = record["activationId"].as_str().unwrap_or_default();
        if !seen.insert(id.to_owned()) {
            continue;
        }
        if out.for_people() {
            out.line(&format!(
                "\nActivation: '{}' ({id})",
                record["name"].as_str().unwrap_or_default()
            ))?;
            out.document(&record["logs"])?;
        } else {
            out.document(record)?;
        }
    }
    // Records are written when activations end: one that began before the newest may still come, for a while.
    let newest = records.iter().filter_map(|record| record["start"].as_u64()).max();
    query.since = query
        .since
        .max(newest.map(|start| start.saturating_sub(10 * 60 * 1000)));
    Ok(())
}

fn now() -> anyhow::Result<u64> {
    Ok(u64::try_from(
        SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis(),
    )?)
}
