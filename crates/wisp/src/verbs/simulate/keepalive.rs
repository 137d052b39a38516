use std::{path::PathBuf, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use serde::Serialize;
use wisp_scheduler::{
    keepalive::{Config, policy},
    simulation::{Report, Setup, Trace, replay},
};

use super::{plot, trace};
use crate::cli::{BOLD, Session, Usage};

/// Replay a trace through the keep-alive policies: cold starts against memory-time wasted
#[derive(Args)]
#[command(after_help = "\
A policy is a name, or a name with its main setting: `fixed:600` (seconds), `histogram:120` (minutes),
`adaptive:300000` (price), `greedy_dual`. The first is what the others are compared with.

Examples:
  wisp simulate keepalive --trace azure2019/
  wisp simulate keepalive --trace azure2019/ --policy fixed:600 --policy adaptive --plot tradeoff.svg
  wisp simulate keepalive --trace azure2019/ --policy fixed:86400 --policy greedy_dual --memory 24576 --csv
  wisp simulate keepalive --trace azure2019/invocations.csv --overlap --start 250 --output json")]
pub(super) struct Keepalive {
    /// Folder with `invocations.csv`, `durations.csv` and `memory.csv` in the shape of Azure's trace of 2019, or the
    /// first of them
    #[arg(long, value_name = "FILE | DIR")]
    trace: PathBuf,
    /// A policy to replay; may be repeated
    #[arg(long, value_name = "POLICY", default_values = ["fixed:600", "fixed:1200", "fixed:3600", "histogram:240",
        "histogram:120", "adaptive:300000", "adaptive"])]
    policy: Vec<String>,
    /// What a start takes, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 1000, value_parser = clap::value_parser!(u64).range(1..))]
    start: u64,
    /// Memory for all instances, in MB; without it there is enough for all
    #[arg(long, value_name = "MB")]
    memory: Option<f64>,
    /// Let runs take their function's mean time, so that those that overlap need an instance each
    #[arg(long)]
    overlap: bool,
    /// Tell the policies which functions timers fire
    #[arg(long)]
    tell_timers: bool,
    /// Replay only each second function, from the first (0) or the second (1) on: to choose on one half and to check
    /// on the other
    #[arg(long, value_name = "0 | 1", value_parser = clap::value_parser!(u8).range(0..=1))]
    half: Option<u8>,
    /// Print comma-separated values
    #[arg(long)]
    csv: bool,
    /// Draw the trade-off into this SVG file
    #[arg(long, value_name = "FILE.svg")]
    plot: Option<PathBuf>,
}

/// What one policy did.
#[derive(Serialize)]
pub(super) struct Row {
    pub policy: String,
    pub invocations: u64,
    pub cold_starts: u64,
    /// Relative to the first policy.
    pub cold_ratio: f64,
    pub wasted_gb_hours: f64,
    /// Relative to the first policy.
    pub waste_ratio: f64,
    pub started_ahead: u64,
    pub started_ahead_unused: u64,
    pub evicted: u64,
}

impl Keepalive {
    pub fn run(&self, session: &Session) -> Result<()> {
        let mut trace = trace::read(&self.trace)?;
        if let Some(half) = self.half {
            let mut index = 0;
            trace.functions.retain(|_| {
                index += 1;
                (index - 1) % 2 == usize::from(half)
            });
        }
        let reports = self.replay(&trace)?;
        let Some((_, base)) = reports.first() else {
            return Err(Usage("name a policy".into()).into());
        };
        let rows: Vec<Row> = reports
            .iter()
            .map(|(name, report)| Row::new(name, report, base))
            .collect();
        if let Some(path) = &self.plot {
            plot::draw(path, &rows)?;
        }
        match (self.csv, session.out().for_people()) {
            (true, _) => print_csv(session, &rows),
            (false, true) => print_table(session, &rows),
            (false, false) => session.out().document(&rows),
        }
    }

    /// Each policy in a thread of its own.
    fn replay(&self, trace: &Trace) -> Result<Vec<(String, Report)>> {
        let setup = Setup {
            start: Duration::from_millis(self.start),
            memory: self.memory,
            runs: self.overlap,
            timers: self.tell_timers,
        };
        let policies = self
            .policy
            .iter()
            .map(|text| Ok((text.clone(), policy(&configure(text)?)?)));
        let policies: Vec<_> = policies.collect::<Result<_>>()?;
        std::thread::scope(|scope| {
            let running = policies
                .iter()
                .map(|(name, policy)| (name, scope.spawn(move || replay(trace, &**policy, setup))));
            let running: Vec<_> = running.collect();
            let ended = running.into_iter().map(|(name, replay)| {
                let report = replay.join().ok().context("a replay ended by a fault of its own")?;
                Ok((name.clone(), report))
            });
            ended.collect()
        })
    }
}

/// The settings that `name:setting` means.
fn configure(text: &str) -> Result<Config> {
    let (name, setting) = text
        .split_once(':')
        .map_or((text, None), |(name, setting)| (name, Some(setting)));
    let mut config = Config {
        policy: name.to_owned(),
        ..Config::default()
    };
    let Some(setting) = setting else { return Ok(config) };
    let wrong = || {
        Usage(format!(
            "'{setting}' in '{text}' is not a number above 0, or '{name}' has no setting"
        ))
    };
    let number: u64 = setting.parse().ok().filter(|number| *number > 0).ok_or_else(wrong)?;
    match name {
        "fixed" => config.fixed_seconds = number,
        "histogram" => config.histogram_minutes = number,
        "adaptive" => config.price = number as f64,
        _ => return Err(wrong().into()),
    }
    Ok(config)
}

impl Row {
    fn new(name: &str, report: &Report, base: &Report) -> Self {
        let ratio = |value: f64, base: f64| (value / base * 1e3).round() / 1e3;
        Self {
            policy: name.to_owned(),
            invocations: report.invocations,
            cold_starts: report.cold,
            cold_ratio: ratio(report.cold as f64, base.cold as f64),
            wasted_gb_hours: (report.wasted / 1024.0 / 3600.0 * 10.0).round() / 10.0,
            waste_ratio: ratio(report.wasted, base.wasted),
            started_ahead: report.prewarmed,
            started_ahead_unused: report.unused,
            evicted: report.evicted,
        }
    }

    fn cells(&self) -> [String; 9] {
        [
            self.policy.clone(),
            self.invocations.to_string(),
            self.cold_starts.to_string(),
            format!("{:.3}", self.cold_ratio),
            format!("{:.1}", self.wasted_gb_hours),
            format!("{:.3}", self.waste_ratio),
            self.started_ahead.to_string(),
            self.started_ahead_unused.to_string(),
            self.evicted.to_string(),
        ]
    }
}

const COLUMNS: [&str; 9] = [
    "policy",
    "invocations",
    "cold",
    "ratio",
    "GB hours",
    "ratio",
    "ahead",
    "unused",
    "evicted",
];

fn print_table(session: &Session, rows: &[Row]) -> Result<()> {
    let line = |cells: &[String]| {
        let numbers: String = cells[1..].iter().map(|cell| format!(" {cell:>11}")).collect();
        format!("{:<18}{numbers}", cells[0])
    };
    let head = line(&COLUMNS.map(str::to_owned));
    session.out().line(&format!("{BOLD}{head}{BOLD:#}"))?;
    rows.iter().try_for_each(|row| session.out().line(&line(&row.cells())))
}

fn print_csv(session: &Session, rows: &[Row]) -> Result<()> {
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.iter().try_for_each(|row| writer.serialize(row))?;
    let text = String::from_utf8(writer.into_inner()?)?;
    session.out().line(text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_may_carry_its_setting() -> Result<()> {
        assert_eq!(configure("fixed:60")?.fixed_seconds, 60);
        assert_eq!(configure("histogram:30")?.histogram_minutes, 30);
        assert_eq!(configure("adaptive:5")?.price, 5.0);
        assert_eq!(configure("greedy-dual")?.policy, "greedy-dual");
        for wrong in ["fixed:", "fixed:0", "fixed:x", "greedy_dual:3", "nonsense:1"] {
            assert!(configure(wrong).is_err(), "{wrong}");
        }
        Ok(())
    }
}
