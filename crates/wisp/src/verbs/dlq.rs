//! `wisp dlq`: events that could not be delivered.

use anyhow::Context;
use clap::{Args, Parser};
use jiff::{Timestamp, tz::TimeZone};
use wisp_core::model::{ActivationId, DeadLetter};
use wisp_wire::document::{LetterDoc, MovedDoc};

use crate::cli::{self, Pages, Session, Usage, Verb};

/// Work with the events that rules could not deliver
#[derive(Parser)]
enum Dlq {
    List(List),
    Show(Show),
    /// Deliver events again, as if they had just come
    #[command(
        after_help = "Examples:\n  wisp dlq redrive 2e9ba6f3bb1f4d6f9ba6f3bb1f6d6f20\n  wisp dlq redrive --rule onupload\n  wisp dlq redrive --all"
    )]
    Redrive(Which),
    /// Remove events for good
    #[command(
        visible_alias = "delete",
        after_help = "Examples:\n  wisp dlq purge 2e9ba6f3bb1f4d6f9ba6f3bb1f6d6f20\n  wisp dlq purge --rule onupload\n  wisp dlq purge --all"
    )]
    Purge(Which),
}

/// List events that could not be delivered, the last first
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp dlq list\n  wisp dlq list --rule onupload --limit 100\n  wisp dlq list --count"
)]
struct List {
    /// Only those of this rule
    #[arg(long, value_name = "RULE_NAME")]
    rule: Option<String>,
    #[command(flatten)]
    pages: Pages,
}

/// Show an event that could not be delivered: what it says, why, what its attempts said, and what led to it
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp dlq show 2e9ba6f3bb1f4d6f9ba6f3bb1f6d6f20\n  wisp dlq show 2e9ba6f3bb1f4d6f9ba6f3bb1f6d6f20 --output json"
)]
struct Show {
    /// Its id: that of its last attempt
    id: ActivationId,
}

#[derive(Args)]
struct Which {
    /// Their ids
    #[arg(required_unless_present_any = ["rule", "all"])]
    ids: Vec<ActivationId>,
    /// All of this rule
    #[arg(long, value_name = "RULE_NAME", conflicts_with = "ids")]
    rule: Option<String>,
    /// All of the namespace
    #[arg(long, conflicts_with_all = ["ids", "rule"])]
    all: bool,
}

/// `wisp dlq`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, dlq: Dlq) -> anyhow::Result<()> {
    match dlq {
        Dlq::List(list) => list.run(&session).await,
        Dlq::Show(show) => show.run(&session).await,
        Dlq::Redrive(which) => redrive(&session, which).await,
        Dlq::Purge(which) => purge(&session, which).await,
    }
}

impl List {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (namespace, client, out) = (session.namespace()?, session.client()?, session.out());
        let rule = rule(session, self.rule.as_deref())?;
        let failed = "Unable to obtain the list of dead letters";
        if self.pages.count {
            let count = client
                .count_letters(&namespace, rule.as_deref())
                .await
                .context(failed)?;
            return out.line(&count.to_string());
        }
        let letters = client.letters(&namespace, rule.as_deref(), self.pages.page()).await;
        let mut letters = letters.context(failed)?;
        if self.pages.name_sort {
            letters.sort_by_key(|letter| letter.rule.to_string());
        }
        if !out.for_people() {
            return out.document(&letters);
        }
        out.line(&format!(
            "{}{:<20} {:<32} {:<24} {:>8} {:<9} error{:#}",
            cli::BOLD,
            "given up",
            "id",
            "rule",
            "attempts",
            "reason",
            cli::BOLD
        ))?;
        letters.iter().try_for_each(|letter| out.line(&row(letter)))
    }
}

fn row(letter: &DeadLetter) -> String {
    let error = letter.error.lines().next().unwrap_or_default();
    format!(
        "{:<20} {:<32} {:<24} {:>8} {:<9} {error}",
        local_time(letter.at),
        letter.id.to_string(),
        letter.rule.name(),
        letter.attempt,
        letter.reason
    )
}

impl Show {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let letter = session.client()?.letter(&session.namespace()?, self.id).await;
        let letter = letter.with_context(|| format!("Unable to get dead letter '{}'", self.id))?;
        let out = session.out();
        if !out.for_people() {
            return out.document(&letter);
        }
        lines(&letter).iter().try_for_each(|line| out.line(line))
    }
}

fn lines(document: &LetterDoc) -> Vec<String> {
    let letter = &document.letter;
    let mut lines = vec![
        format!("id        {}", letter.id),
        format!(
            "rule      {}: {} → {}",
            letter.rule.absolute(),
            letter.trigger.absolute(),
            letter.action.absolute()
        ),
        format!("taken     {}", local_time(letter.taken)),
        format!("given up  {}, because of: {}", local_time(letter.at), letter.reason),
        format!("error     {}", letter.error),
    ];
    lines.extend(letter.key.iter().map(|key| format!("key       {key}")));
    for attempt in &letter.attempts {
        let at = local_time(attempt.at);
        lines.push(format!(
            "attempt   {at} {} {}: {}",
            attempt.activation_id, attempt.status, attempt.error
        ));
    }
    for link in &letter.chain.links {
        lines.push(format!("led by    {} {}", link.activation, link.name.absolute()));
    }
    lines.push(format!("event     {}", document.event.get()));
    lines
}

async fn redrive(session: &Session, which: Which) -> anyhow::Result<()> {
    let (namespace, client, out) = (session.namespace()?, session.client()?, session.out());
    if which.ids.is_empty() {
        let rule = rule(session, which.rule.as_deref())?;
        let moved = client.redrive_all(&namespace, rule.as_deref()).await;
        return told(
            session,
            "delivering again",
            moved.context("Unable to redrive dead letters")?,
        );
    }
    for id in which.ids {
        let redriven = client.redrive(&namespace, id).await;
        let redriven = redriven.with_context(|| format!("Unable to redrive dead letter '{id}'"))?;
        let done = format!("delivering {id} again with id {}", redriven.activation_id);
        out.done(&done, &redriven)?;
    }
    Ok(())
}

async fn purge(session: &Session, which: Which) -> anyhow::Result<()> {
    let (namespace, client, out) = (session.namespace()?, session.client()?, session.out());
    if which.ids.is_empty() {
        let rule = rule(session, which.rule.as_deref())?;
        let moved = client.purge_all(&namespace, rule.as_deref()).await;
        return told(session, "purged", moved.context("Unable to purge dead letters")?);
    }
    for id in which.ids {
        let purged = client.purge(&namespace, id).await;
        let purged = purged.with_context(|| format!("Unable to purge dead letter '{id}'"))?;
        out.done(&format!("purged {id}"), &purged)?;
    }
    Ok(())
}

fn told(session: &Session, verb: &str, moved: MovedDoc) -> anyhow::Result<()> {
    let left = match moved.left {
        0 => String::new(),
        left => format!("; {left} are left: ask again"),
    };
    session
        .out()
        .done(&format!("{verb} {} dead letters{left}", moved.done), &moved)
}

/// The full name of a rule.
fn rule(session: &Session, name: Option<&str>) -> anyhow::Result<Option<String>> {
    let Some(name) = name else { return Ok(None) };
    let full = session.entity(name)?;
    match full.package() {
        None => Ok(Some(full.absolute())),
        Some(_) => Err(Usage(format!("'{name}' is not the name of a rule: they are not in packages")).into()),
    }
}

fn local_time(millis: u64) -> String {
    let time = Timestamp::from_millisecond(millis as i64).unwrap_or_default();
    let time = time.to_zoned(TimeZone::system());
    time.strftime("%Y-%m-%d %H:%M:%S").to_string()
}
