//! `wisp rule`: links from triggers to actions.

mod put;

use anyhow::Context;
use clap::{Args, Parser};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};
use wisp_core::model::RuleStatus;
use wisp_wire::client::Collection;

use self::put::Put;
use crate::cli::{self, Pages, Session, Verb};

/// Work with rules
#[derive(Parser)]
enum Rule {
    /// Create a rule
    #[command(after_help = "Examples:\n  wisp rule create onupload uploads resize\n  \
                              wisp rule create onorder orders book --attempts 5 --backoff 2s --dead-letter trigger:lost \\\n    \
                              --order-by /customer")]
    Create(Put),
    /// Update a rule, or create it if it does not exist
    #[command(after_help = "Examples:\n  wisp rule update onupload uploads tools/resize\n  \
                              wisp rule update onupload uploads resize --attempts 3 --max-age 6h")]
    Update(Put),
    /// Let a rule invoke its action
    #[command(after_help = "Examples:\n  wisp rule enable onupload")]
    Enable(Named),
    /// Stop a rule from invoking its action
    #[command(after_help = "Examples:\n  wisp rule disable onupload")]
    Disable(Named),
    /// Show whether a rule is active
    #[command(after_help = "Examples:\n  wisp rule status onupload")]
    Status(Named),
    Get(Get),
    List(List),
    Delete(Delete),
}

#[derive(Args)]
struct Named {
    /// Its name
    #[arg(value_name = "RULE_NAME")]
    name: String,
}

/// Show a rule
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp rule get onupload\n  wisp rule get onupload --summary")]
struct Get {
    /// Its name
    #[arg(value_name = "RULE_NAME")]
    name: String,
    /// Show only this field
    #[arg(value_name = "FIELD_FILTER")]
    field: Option<String>,
    /// Summarize it
    #[arg(long, short)]
    summary: bool,
}

/// List the rules of a namespace, with their status
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp rule list\n  wisp rule list --limit 100 --name-sort")]
struct List {
    /// `/namespace`
    #[arg(value_name = "NAMESPACE")]
    place: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

/// Delete a rule
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp rule delete onupload")]
struct Delete {
    /// Its name
    #[arg(value_name = "RULE_NAME")]
    name: String,
    /// Disable it first
    #[arg(long)]
    disable: bool,
}

/// `wisp rule`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, rule: Rule) -> anyhow::Result<()> {
    match rule {
        Rule::Create(put) => put.run(&session, false).await,
        Rule::Update(put) => put.run(&session, true).await,
        Rule::Enable(rule) => switch(&session, &rule.name, RuleStatus::Active).await,
        Rule::Disable(rule) => switch(&session, &rule.name, RuleStatus::Inactive).await,
        Rule::Status(rule) => status(&session, &rule.name).await,
        Rule::Get(get) => get.run(&session).await,
        Rule::List(list) => list.run(&session).await,
        Rule::Delete(delete) => delete.run(&session).await,
    }
}

async fn switch(session: &Session, name: &str, status: RuleStatus) -> anyhow::Result<()> {
    let verb = if status == RuleStatus::Active {
        "enable"
    } else {
        "disable"
    };
    let set = session.client()?.set_rule(&session.entity(name)?, status).await;
    set.with_context(|| format!("Unable to {verb} rule '{name}'"))?;
    session.out().done(
        &format!("{verb}d rule {name}"),
        &json!({ "name": name, "status": status.as_str() }),
    )
}

async fn status(session: &Session, name: &str) -> anyhow::Result<()> {
    let got = session.client()?.get(Collection::Rules, &session.entity(name)?).await;
    let document: Value = got.with_context(|| format!("Unable to get status of rule '{name}'"))?;
    let status = document["status"].as_str().unwrap_or_default();
    let shown = format!("rule {name} is {status}{}", failing(&document).unwrap_or_default());
    let failing = &document["failing"];
    session
        .out()
        .done(&shown, &json!({ "name": name, "status": status, "failing": failing }))
}

/// That the action of a rule fails without end, in words.
fn failing(document: &Value) -> Option<String> {
    let failing = document.get("failing").filter(|failing| !failing.is_null())?;
    let (failures, error) = (&failing["failures"], failing["error"].as_str().unwrap_or_default());
    let since = failing["since"].as_i64().unwrap_or_default();
    let since = Timestamp::from_millisecond(since)
        .unwrap_or_default()
        .to_zoned(TimeZone::system());
    let since = since.strftime("%Y-%m-%d %H:%M:%S");
    Some(format!(
        ", and failing: {failures} times in a row since {since}, last: {error}"
    ))
}

impl Get {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (name, out) = (session.entity(&self.name)?, session.out());
        let got = session.client()?.get(Collection::Rules, &name).await;
        let document: Value = got.with_context(|| format!("Unable to get rule '{}'", self.name))?;
        if self.summary {
            let text = |field: &str| document[field].as_str().unwrap_or_default().to_owned();
            let (bold, plain) = (cli::BOLD.render(), cli::BOLD.render_reset());
            let head = format!("{bold}rule{plain} /{}/{}", text("namespace"), text("name"));
            let status = format!("{}{}", text("status"), failing(&document).unwrap_or_default());
            return out.line(&format!("{head}\n   ({bold}status{plain}: {status})"));
        }
        match &self.field {
            None => out.got(&format!("got rule {}", self.name), &document),
            Some(field) => out.got(
                &format!("got rule {}, displaying field {field}", self.name),
                cli::field(&document, field)?,
            ),
        }
    }
}

impl List {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let place = session.place(self.place.as_deref())?;
        let listed = cli::list(
            session.out(),
            &session.client()?,
            Collection::Rules,
            &place,
            &self.pages,
        )
        .await;
        listed.with_context(|| format!("Unable to obtain the list of rules for namespace '{}'", place.namespace))
    }
}

impl Delete {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (client, name) = (session.client()?, session.entity(&self.name)?);
        if self.disable {
            let set = client.set_rule(&name, RuleStatus::Inactive).await;
            set.with_context(|| format!("Unable to disable rule '{}'", self.name))?;
        }
        let deleted = client.delete(Collection::Rules, &name).await;
        let document: Value = deleted.with_context(|| format!("Unable to delete rule '{}'", self.name))?;
        session.out().done(&format!("deleted rule {}", self.name), &document)
    }
}
