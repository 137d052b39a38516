use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::{Value, json};
use wisp_workflow::simulate::{Case, Report, run};

use super::{inspect, tables};
use crate::cli::{BOLD, Session, Usage};

/// Run a definition with mocked tasks and a clock that jumps, without a server
#[derive(Args)]
#[command(after_help = "\
Mocks are a JSON object: for each state, a list with an outcome for each attempt, `{\"return\": …}`,
`{\"throw\": {\"Error\": …, \"Cause\": …}}` (with `\"timed_out\": true` for a timeout) or `{\"hang\": true}`. A task without
mocks returns its input.

Examples:
  wisp workflow test order.asl.json --input order.json --mocks mocks.json
  wisp workflow test order.asl.json --history --output json
  wisp workflow test order.asl.json --state Charge --input order.json --mocks mocks.json
  wisp workflow test --cases cases.json --history
  wisp workflow test --choice rules.json
  wisp workflow test --validate definitions.json")]
pub(super) struct Test {
    /// The definition, in the Amazon States Language
    #[arg(value_name = "DEFINITION", required_unless_present_any = ["cases", "choice", "validate"])]
    definition: Option<PathBuf>,
    /// The execution's input; `{}` without it
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// What its tasks answer
    #[arg(long, value_name = "FILE")]
    mocks: Option<PathBuf>,
    /// Try only this state, with the first of its mocks, and show its data after each field
    #[arg(long, value_name = "NAME", requires = "definition", conflicts_with_all = ["express", "history"])]
    state: Option<String>,
    /// Run it as Express
    #[arg(long)]
    express: bool,
    /// Run all cases of this file instead, each with its definition, input and mocks; prints a line of JSON for each
    #[arg(long, value_name = "FILE", conflicts_with_all = ["definition", "input", "mocks", "express"])]
    cases: Option<PathBuf>,
    /// Judge the rules of this file instead, each with its `rule` and `input`; prints a line of JSON for each
    #[arg(long, value_name = "FILE", conflicts_with_all = ["definition", "input", "mocks", "express", "cases", "history"])]
    choice: Option<PathBuf>,
    /// Validate the definitions of this file instead, each with its `definition`, and `type` if it is EXPRESS; prints a
    /// line of JSON for each
    #[arg(long, value_name = "FILE", conflicts_with_all = ["definition", "input", "mocks", "express", "cases", "history", "choice"])]
    validate: Option<PathBuf>,
    /// Tell the whole history, not just its types of events
    #[arg(long)]
    history: bool,
}

impl Test {
    pub fn run(&self, session: &Session) -> Result<()> {
        if let Some(file) = &self.choice {
            return tables::choice::run(session, file);
        }
        if let Some(file) = &self.validate {
            return tables::validate::run(session, file);
        }
        match (&self.cases, &self.definition) {
            (Some(file), _) => self.run_cases(session, file),
            (None, Some(definition)) => self.run_one(session, definition),
            (None, None) => Err(Usage("name a definition, or --cases".into()).into()),
        }
    }

    fn run_one(&self, session: &Session, definition: &Path) -> Result<()> {
        let input = self.input.as_deref().map_or(Ok(json!({})), read)?;
        let mocks = self.mocks.as_deref().map_or(Ok(json!({})), read)?;
        if let Some(state) = &self.state {
            return inspect::run(session, read(definition)?, state, input, &mocks);
        }
        let case = json!({
            "id": definition.display().to_string(),
            "type": if self.express { "EXPRESS" } else { "STANDARD" },
            "definition": read(definition)?,
            "input": input,
            "mocks": mocks,
        });
        let report = run(&parse(case)?)?;
        match session.out().for_people() {
            true => self.print(session, &report),
            false => session.out().document(&self.trimmed(report)),
        }
    }

    fn print(&self, session: &Session, report: &Report) -> Result<()> {
        let out = session.out();
        for event in report.history.iter().flatten() {
            let name = event["type"].as_str().unwrap_or_default();
            let (id, previous) = (event["id"].to_string(), event["previousEventId"].to_string());
            let line = format!("{id:>5} {previous:>5}  {name}");
            match details(event).filter(|_| self.history) {
                Some(details) => out.line(&format!("{line} {details}"))?,
                None => out.line(&line)?,
            }
        }
        let status = json!(report.status);
        out.line(&format!("{BOLD}{}{BOLD:#}", status.as_str().unwrap_or_default()))?;
        if let Some(output) = &report.output {
            out.line(&format!("{output:#}"))?;
        }
        let told = [&report.error, &report.cause].into_iter().flatten().map(String::as_str);
        match told.collect::<Vec<_>>().join(": ") {
            text if text.is_empty() => Ok(()),
            text => out.line(&text),
        }
    }

    fn run_cases(&self, session: &Session, file: &Path) -> Result<()> {
        let mut cases = read(file)?;
        let cases = match cases.get_mut("cases") {
            Some(cases) => cases.take(),
            None => cases,
        };
        let Value::Array(cases) = cases else {
            return Err(Usage(format!("{} holds no array of cases", file.display())).into());
        };
        for case in cases {
            let id = case["id"].clone();
            let line = match parse(case).and_then(|case| Ok(run(&case)?)) {
                Ok(report) => serde_json::to_string(&self.trimmed(report))?,
                Err(error) => json!({"id": id, "status": "REFUSED", "cause": format!("{error:#}")}).to_string(),
            };
            session.out().line(&line)?;
        }
        Ok(())
    }

    fn trimmed(&self, report: Report) -> Report {
        if self.history { report } else { report.brief() }
    }
}

fn details(event: &Value) -> Option<&Value> {
    let fields = event.as_object()?;
    fields
        .iter()
        .find(|(name, _)| name.ends_with("EventDetails"))
        .map(|(_, details)| details)
}

fn read(file: &Path) -> Result<Value> {
    let shown = file.display();
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {shown}"))?;
    serde_json::from_str(&text).map_err(|error| Usage(format!("{shown} is no JSON: {error}")).into())
}

fn parse(case: Value) -> Result<Case> {
    serde_json::from_value(case).map_err(|error| Usage(format!("the case or its mocks cannot be read: {error}")).into())
}
