use std::{
    fs,
    io::{self, Read},
    path::PathBuf,
};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use serde_json::{Value, json};
use wisp_core::Error;
use wisp_workflow::validate::{self, Diagnostic, Report, Severity, validate};

use crate::cli::{BOLD, Session};

/// Find what is wrong in a definition, and what would be right
#[derive(Args)]
#[command(after_help = "\
The definition is JSON in the Amazon States Language. The exit code is 1 if it could not be stored; warnings do not count.

Examples:
  wisp workflow lint order.asl.json
  wisp workflow lint order.asl.json --type express
  wisp workflow lint - < order.asl.json --output json")]
pub(super) struct Lint {
    /// File of the definition; `-` reads standard input
    #[arg(value_name = "DEFINITION")]
    definition: PathBuf,
    /// Type that the state machine will have
    #[arg(long = "type", value_name = "TYPE", default_value = "standard", ignore_case = true)]
    kind: Kind,
}

/// How a state machine runs.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Kind {
    /// Durable, exactly once.
    Standard,
    /// In memory, short.
    Express,
}

impl From<Kind> for validate::Kind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Standard => Self::Standard,
            Kind::Express => Self::Express,
        }
    }
}

impl Lint {
    pub fn run(&self, session: &Session) -> Result<()> {
        let report = validate(&self.read()?, self.kind.into());
        match session.out().for_people() {
            true => print(session, &report)?,
            false => session.out().document(&document(&report))?,
        }
        match report.errors().count() {
            0 => Ok(()),
            faults => {
                let message = format!(
                    "{} has {faults} fault(s) and cannot be stored",
                    self.definition.display()
                );
                Err(Error::bad_request(message).into())
            }
        }
    }

    fn read(&self) -> Result<String> {
        if self.definition.as_os_str() == "-" {
            return Ok(io::read_to_string(io::stdin().lock().take(MOST))?);
        }
        fs::read_to_string(&self.definition).with_context(|| format!("cannot read {}", self.definition.display()))
    }
}

/// More than any definition may have, in bytes.
const MOST: u64 = 16 << 20;

fn print(session: &Session, report: &Report) -> Result<()> {
    for Diagnostic {
        severity,
        code,
        message,
        location,
        remedy,
    } in &report.diagnostics
    {
        // What has no place of its own is a fault of the whole.
        let location = location.as_deref().unwrap_or("/");
        let grave = match severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        session.out().line(&format!(
            "{BOLD}{location}{BOLD:#}: {grave}: {} ({code})",
            message.trim()
        ))?;
        session.out().line(&format!("  {remedy}"))?;
    }
    match report.is_valid() {
        true => session.out().ok("the definition can be stored"),
        false => Ok(()),
    }
}

/// The report with its remedies.
fn document(report: &Report) -> Value {
    let found = report.diagnostics.iter().map(|found| {
        let mut shown = json!(found);
        shown["remedy"] = json!(found.remedy);
        shown
    });
    json!({"result": if report.is_valid() { "OK" } else { "FAIL" }, "diagnostics": found.collect::<Value>()})
}
