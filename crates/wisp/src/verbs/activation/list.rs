use anyhow::Context;
use clap::Args;
use jiff::tz::TimeZone;
use serde_json::Value;
use wisp_wire::client::{ActivationQuery, Page, Place};

use crate::cli::{self, Out, Session};

/// List activations, newest first
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp activation list\n  wisp activation list hello --limit 5\n  \
                        wisp activation list --since 1760000000000 --full\n  wisp activation list --count"
)]
pub struct List {
    /// `/namespace`, or the action or trigger that ran
    #[arg(value_name = "NAMESPACE | NAME")]
    place: Option<String>,
    /// Leave out this many of the newest
    #[arg(long, short, default_value_t = 0)]
    skip: u32,
    /// Show no more than this many; 0 means as many as the server gives at once
    #[arg(long, short, default_value_t = 30)]
    limit: u32,
    /// Show whole records
    #[arg(long, short, conflicts_with = "count")]
    full: bool,
    /// Not newer than this; milliseconds since 1970
    #[arg(long, value_name = "MILLISECONDS")]
    upto: Option<u64>,
    /// Not older than this; milliseconds since 1970
    #[arg(long, value_name = "MILLISECONDS")]
    since: Option<u64>,
    /// Show only how many there are
    #[arg(long)]
    count: bool,
}

impl List {
    /// Does it.
    pub async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (client, out) = (session.client()?, session.out());
        let (place, name) = filter(session, self.place.as_deref())?;
        let query = ActivationQuery {
            name,
            since: self.since,
            upto: self.upto,
        };
        let failed = || {
            format!(
                "Unable to obtain the list of activations for namespace '{}'",
                place.namespace
            )
        };
        if self.count {
            let count = client
                .count_activations(&place, &query, self.skip)
                .await
                .with_context(failed)?;
            return out.line(&count.to_string());
        }
        let page = Page {
            limit: Some(self.limit),
            skip: self.skip,
        };
        let records: Vec<Value> = client
            .activations(&place, &query, page, self.full)
            .await
            .with_context(failed)?;
        match out.for_people() {
            true if self.full => {
                out.line(&format!("{}activations{:#}", cli::BOLD, cli::BOLD))?;
                records.iter().try_for_each(|record| out.document(record))
            }
            true => print(out, &records),
            false => out.document(&records),
        }
    }
}

/// Of what activations are wanted: `/namespace` of all there, `/namespace/name`, `package/name` or `name` of one.
pub fn filter(session: &Session, text: Option<&str>) -> anyhow::Result<(Place, Option<String>)> {
    let namespace_only =
        text.is_none_or(|text| text.starts_with('/') && text.trim_matches('/').split('/').count() == 1);
    if namespace_only {
        return Ok((session.place(text)?, None));
    }
    let name = session.entity(text.unwrap_or_default())?;
    let package = name.package().map(|package| format!("{package}/")).unwrap_or_default();
    let place = Place {
        namespace: name.namespace().to_owned(),
        package: None,
    };
    Ok((place, Some(format!("{package}{}", name.name()))))
}

fn print(out: Out, records: &[Value]) -> anyhow::Result<()> {
    let zone = TimeZone::system();
    let heading = [
        "Datetime",
        "Activation ID",
        "Kind",
        "Start",
        "Duration",
        "Status",
        "Entity",
    ]
    .map(str::to_owned);
    let rows: Vec<[String; 7]> = records.iter().map(|record| row(record, &zone)).collect();
    let mut widths = [19, 32, 0, 5, 10, 0, 0];
    for row in rows.iter().chain([&heading]) {
        for column in [2, 5] {
            widths[column] = widths[column].max(row[column].chars().count());
        }
    }
    let line = |cells: &[String; 7]| {
        let cells = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join(" ").trim_end().to_owned()
    };
    out.line(&format!("{}{}{:#}", cli::BOLD, line(&heading), cli::BOLD))?;
    rows.iter().try_for_each(|row| out.line(&line(row)))
}

fn row(record: &Value, zone: &TimeZone) -> [String; 7] {
    let text = |field: &str| record[field].as_str().unwrap_or_default().to_owned();
    let start = record["start"].as_i64();
    let start = start.map(|start| cli::clock(start, zone, cli::SECONDS));
    let kind = cli::annotation(record, "kind")
        .and_then(Value::as_str)
        .unwrap_or("unknown")
        .to_owned();
    let cold = cli::annotation(record, "initTime").is_some();
    let entity = format!("{}/{}:{}", text("namespace"), text("name"), text("version"));
    [
        start.unwrap_or_default(),
        text("activationId"),
        kind,
        if cold { "cold" } else { "warm" }.to_owned(),
        duration(record["duration"].as_u64().unwrap_or_default()),
        status(record).to_owned(),
        entity,
    ]
}

/// The status in words; summaries have only its number.
fn status(record: &Value) -> &str {
    match record["statusCode"].as_u64().unwrap_or_default() {
        0 => "success",
        1 => "application error",
        2 => "developer error",
        _ => "internal error",
    }
}

/// Milliseconds as `wsk` shows them: `0s`, `12ms`, `1.5s`, `2m3.4s`.
fn duration(milliseconds: u64) -> String {
    let seconds = |milliseconds: u64| {
        let text = format!("{}.{:03}", milliseconds / 1000, milliseconds % 1000);
        format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
    };
    match milliseconds {
        1..1000 => format!("{milliseconds}ms"),
        0..60_000 => seconds(milliseconds),
        _ => format!("{}m{}", milliseconds / 60_000, seconds(milliseconds % 60_000)),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn durations_read_like_those_of_wsk() {
        for (milliseconds, text) in [
            (0, "0s"),
            (7, "7ms"),
            (999, "999ms"),
            (1000, "1s"),
            (1500, "1.5s"),
            (60_000, "1m0s"),
            (123_456, "2m3.456s"),
        ] {
            assert_eq!(duration(milliseconds), text);
        }
    }

    #[test]
    fn rows_show_kind_start_and_status() {
        let record = json!({"namespace": "guest", "name": "hello", "version": "0.0.2", "activationId": "abc", "start": 1500,
            "duration": 12, "statusCode": 2, "annotations": [{"key": "kind", "value": "nodejs:20"}, {"key": "initTime", "value": 3}]});
        let expected = [
            "1970-01-01 00:00:01",
            "abc",
            "nodejs:20",
            "cold",
            "12ms",
            "developer error",
            "guest/hello:0.0.2",
        ];
        assert_eq!(row(&record, &TimeZone::UTC), expected);
    }
}
