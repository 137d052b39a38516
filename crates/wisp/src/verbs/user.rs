//! `wisp user`: subjects, their namespaces and keys, and limits of namespaces.

use anyhow::Context;
use clap::{Args, Parser};
use serde_json::{Map, Value};
use wisp_core::model::{EntityName, NamespaceLimits};
use wisp_wire::document::{UserDoc, UserPut};

use crate::cli::{self, Format, Session, Stored, Usage, Verb};

/// Manage subjects, their namespaces and keys, and limits
#[derive(Parser)]
enum User {
    Create(Create),
    /// Show a subject and its namespaces
    #[command(after_help = "Examples:\n  wisp user get alice")]
    Get(Named),
    List(List),
    /// Refuse a subject's keys
    #[command(after_help = "Examples:\n  wisp user block alice")]
    Block(Named),
    /// Accept a subject's keys again
    #[command(after_help = "Examples:\n  wisp user unblock alice")]
    Unblock(Named),
    /// Delete a subject and its keys
    #[command(after_help = "Examples:\n  wisp user delete alice")]
    Delete(Named),
    Limits(Limits),
}

/// Make a subject, or give it one more namespace, and show the new key
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp user create alice\n  wisp user create alice --namespace alice-test\n  \
                        wisp user create alice --output raw"
)]
struct Create {
    /// Its name: five characters or more
    subject: String,
    /// The namespace; named like the subject if absent
    #[arg(long, short)]
    namespace: Option<EntityName>,
    /// The key, UUID:SECRET with 64 characters of secret; a random one if absent
    #[arg(long = "with-key", value_name = "KEY")]
    with_key: Option<String>,
    #[command(flatten)]
    stored: Stored,
}

#[derive(Args)]
struct Named {
    /// Its name
    subject: String,
    #[command(flatten)]
    stored: Stored,
}

/// List all subjects
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp user list")]
struct List {
    #[command(flatten)]
    stored: Stored,
}

/// Show or change the limits of a namespace that differ from the platform's
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp user limits guest\n  \
                        wisp user limits guest invocationsPerMinute=600 concurrentInvocations=50\n  \
                        wisp user limits guest invocationsPerMinute=default\n  \
                        wisp user limits guest 'allowedKinds=[\"nodejs:20\"]'\n  \
                        wisp user limits guest --min-isolation process")]
struct Limits {
    /// The namespace
    namespace: String,
    /// A limit and its value; `default` for the platform's
    #[arg(value_name = "LIMIT=VALUE")]
    changes: Vec<String>,
    /// The weakest isolation of its functions, or `default`: the same as minIsolation=LEVEL
    #[arg(long, value_name = "LEVEL")]
    min_isolation: Option<String>,
    #[command(flatten)]
    stored: Stored,
}

/// `wisp user`
pub fn register() -> Verb {
    Verb::remote(run)
}

async fn run(session: Session, user: User) -> anyhow::Result<()> {
    match user {
        User::Create(create) => create.run(&session).await,
        User::Get(named) => {
            let user = named.stored.admin().await?.user(&named.subject).await;
            session.out().got(
                &format!("got subject {}", named.subject),
                &user.context("Unable to get subject")?,
            )
        }
        User::List(list) => list.run(&session).await,
        User::Block(named) => named.block(&session, true).await,
        User::Unblock(named) => named.block(&session, false).await,
        User::Delete(named) => {
            let gone = named
                .stored
                .admin()
                .await?
                .delete_user(&named.subject)
                .await
                .context("Unable to delete subject")?;
            session.out().done(&format!("deleted subject {}", named.subject), &gone)
        }
        User::Limits(limits) => limits.run(&session).await,
    }
}

impl Create {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let put = UserPut {
            subject: self.subject.clone(),
            namespace: self.namespace,
            key: self.with_key,
        };
        let user = self.stored.admin().await?.create_user(&put).await;
        let user = user.with_context(|| format!("Unable to create subject '{}'", self.subject))?;
        let made = user
            .namespaces
            .iter()
            .find_map(|own| own.key.as_ref().map(|key| (&own.name, key)));
        let (namespace, key) = made.context("the server did not tell the new key")?;
        let out = session.out();
        match out.format() {
            Format::Table => {
                out.ok(&format!("created namespace {namespace} of subject {}", self.subject))?;
                out.line(&format!("{key}\n(only a hash of it is stored: keep it now)"))
            }
            Format::Raw => out.line(key),
            Format::Json | Format::Yaml => out.document(&user),
        }
    }
}

impl List {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let users = self
            .stored
            .admin()
            .await?
            .users()
            .await
            .context("Unable to list subjects")?;
        let out = session.out();
        if !out.for_people() {
            return out.document(&users);
        }
        out.line(&format!(
            "{0}{1:<40} {2:<8} {3}{0:#}",
            cli::BOLD,
            "Subject",
            "Blocked",
            "Namespaces"
        ))?;
        users.iter().try_for_each(|user| out.line(&row(user)))
    }
}

fn row(user: &UserDoc) -> String {
    let namespaces: Vec<&str> = user.namespaces.iter().map(|own| own.name.as_str()).collect();
    format!(
        "{:<40} {:<8} {}",
        user.subject,
        if user.blocked { "yes" } else { "no" },
        namespaces.join(", ")
    )
}

impl Named {
    async fn block(&self, session: &Session, blocked: bool) -> anyhow::Result<()> {
        let verb = if blocked { "block" } else { "unblock" };
        let user = self.stored.admin().await?.block_user(&self.subject, blocked).await;
        let user = user.with_context(|| format!("Unable to {verb} subject '{}'", self.subject))?;
        session.out().done(&format!("{verb}ed subject {}", self.subject), &user)
    }
}

impl Limits {
    async fn run(&self, session: &Session) -> anyhow::Result<()> {
        let (admin, out) = (self.stored.admin().await?, session.out());
        let failed = || format!("Unable to get the limits of namespace '{}'", self.namespace);
        let known = admin.namespace_limits(&self.namespace).await.with_context(failed)?;
        let mut changes = self.changes.clone();
        changes.extend(self.min_isolation.iter().map(|level| format!("minIsolation={level}")));
        if changes.is_empty() {
            return out.document(&known);
        }
        let wanted = changed(&known, &changes)?;
        let failed = || format!("Unable to set the limits of namespace '{}'", self.namespace);
        let set = admin
            .set_namespace_limits(&self.namespace, &wanted)
            .await
            .with_context(failed)?;
        out.got(&format!("set the limits of namespace {}", self.namespace), &set)
    }
}

/// Limits with changes such as `invocationsPerMinute=600`.
fn changed(limits: &NamespaceLimits, changes: &[String]) -> anyhow::Result<NamespaceLimits> {
    let mut fields: Map<String, Value> = serde_json::from_value(serde_json::to_value(limits)?)?;
    for change in changes {
        let (name, value) = change.split_once('=').ok_or_else(|| {
            Usage(format!(
                "'{change}' is no change: expected LIMIT=VALUE or LIMIT=default"
            ))
        })?;
        match value {
            "default" => drop(fields.shift_remove(name)),
            value => drop(fields.insert(
                name.into(),
                serde_json::from_str(value).unwrap_or_else(|_| value.into()),
            )),
        }
    }
    serde_json::from_value(fields.into()).map_err(|error| Usage(format!("the limits are not valid: {error}")).into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn changes_set_and_reset_limits() {
        let known = NamespaceLimits {
            invocations_per_minute: Some(5),
            ..NamespaceLimits::default()
        };
        let apply =
            |changes: &[&str]| changed(&known, &changes.iter().map(|&change| change.into()).collect::<Vec<_>>());
        let set = apply(&["concurrentInvocations=9", "allowedKinds=[\"native\"]"]).unwrap();
        assert_eq!(
            (set.invocations_per_minute, set.concurrent_invocations),
            (Some(5), Some(9))
        );
        assert_eq!(set.allowed_kinds, Some(vec!["native".to_owned()]));
        assert_eq!(
            apply(&["invocationsPerMinute=default"]).unwrap(),
            NamespaceLimits::default()
        );
        for bad in ["nonsense=1", "concurrentInvocations", "concurrentInvocations=many"] {
            assert!(apply(&[bad]).is_err(), "{bad}");
        }
    }
}
