use anstream::eprintln;
use anyhow::Context;
use clap::Args;
use serde_json::Value;
use wisp_wire::client::{Client, Collection, TriggerPut};

use super::feed::{self, Event};
use crate::cli::{self, Annotations, FeedParams, Params, Session, TriggerParams, Usage};

/// Create a trigger
#[derive(Args)]
#[command(
    after_help = "Examples:\n  wisp trigger create uploads\n  wisp trigger create uploads -p bucket photos\n  \
                        wisp trigger create nightly --feed /whisk.system/alarms/alarm -p cron '0 0 3 * * *'"
)]
pub struct Create {
    #[command(flatten)]
    put: Put,
    /// The action that will fire it; parameters go to it
    #[arg(long, short, value_name = "ACTION_NAME")]
    feed: Option<String>,
}

/// Update a trigger, or create it if it does not exist
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp trigger update uploads -p bucket pictures\n  \
                        wisp trigger update nightly --feed-param cron '0 0 4 * * *'")]
pub struct Update {
    #[command(flatten)]
    put: Put,
}

#[derive(Args)]
struct Put {
    /// Its name
    #[arg(value_name = "TRIGGER_NAME")]
    name: String,
    #[command(flatten)]
    params: Params,
    #[command(flatten)]
    feed_params: FeedParams,
    #[command(flatten)]
    trigger_params: TriggerParams,
    #[command(flatten)]
    annotations: Annotations,
}

impl Create {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        self.put.check(self.feed.is_some())?;
        self.put.create(session, &session.client()?, self.feed).await
    }
}

impl Update {
    /// Does it.
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        let (client, put) = (session.client()?, self.put);
        let name = session.entity(&put.name)?;
        let failed = || format!("Unable to update trigger '{}'", put.name);
        let known: Value = match client.get(Collection::Triggers, &name).await {
            Err(error) if error.is_not_found() => {
                put.check(false)?;
                return put.create(session, &client, None).await;
            }
            known => known.with_context(failed)?,
        };
        let feed = feed::of(&known);
        put.check(feed.is_some())?;
        let body = put.body(feed.is_some());
        let mut document = known.clone();
        if feed.is_none() || body.parameters.is_some() || body.annotations.is_some() {
            document = client
                .put(Collection::Triggers, &name, &body, true)
                .await
                .with_context(failed)?;
        }
        if let Some(feed) = feed.filter(|_| put.trigger_params.is_empty() || !put.feed_params.is_empty()) {
            let told = feed::call(session, &client, feed, Event::Update, &name, Some(put.feed_object())).await?;
            show(session, &told)?;
        }
        session.out().done(&format!("updated trigger {}", put.name), &document)
    }
}

impl Put {
    /// `--param` goes to the feed if there is one, else to the trigger; the two exact flags exclude it.
    fn check(&self, feed: bool) -> Result<(), Usage> {
        let exact = !self.feed_params.is_empty() || !self.trigger_params.is_empty();
        if exact && !self.params.is_empty() {
            let text = "Incorrect usage. Cannot combine --feed-param or --trigger-param flag with neither --param nor \
                        --param-file flag";
            return Err(Usage(text.into()));
        }
        if !self.feed_params.is_empty() && !feed {
            return Err(Usage(
                "Incorrect usage. Trigger without a feed cannot have feed parameters".into(),
            ));
        }
        Ok(())
    }

    fn body(&self, feed: bool) -> TriggerPut {
        let own = self.params.pairs().filter(|_| !feed);
        TriggerPut {
            parameters: self.trigger_params.pairs().or(own),
            annotations: self.annotations.pairs(),
        }
    }

    fn feed_object(&self) -> &std::collections::BTreeMap<String, Box<serde_json::value::RawValue>> {
        if self.feed_params.is_empty() {
            self.params.object()
        } else {
            self.feed_params.object()
        }
    }

    async fn create(mut self, session: &Session, client: &Client, feed: Option<String>) -> anyhow::Result<()> {
        let name = session.entity(&self.name)?;
        let failed = || format!("Unable to create trigger '{}'", name.name());
        let feed = feed
            .map(|feed| Ok::<_, anyhow::Error>(session.entity(&feed)?.absolute()))
            .transpose()?;
        if let Some(feed) = &feed {
            self.annotations.set("feed", feed.as_str());
        }
        let body = self.body(feed.is_some());
        let document: Value = client
            .put(Collection::Triggers, &name, &body, false)
            .await
            .with_context(failed)?;
        if let Some(feed) = &feed {
            match feed::call(session, client, feed, Event::Create, &name, Some(self.feed_object())).await {
                Ok(told) => show(session, &told)?,
                Err(error) => {
                    // A trigger whose feed refused it would never fire.
                    if let Err(left) = client.delete::<Value>(Collection::Triggers, &name).await {
                        eprintln!("warning: trigger '{}' is left behind: {left}", name.name());
                    }
                    return Err(error.context(failed()));
                }
            }
        }
        session.out().done(&format!("created trigger {}", self.name), &document)
    }
}

/// For people, what a feed answered.
fn show(session: &Session, record: &Value) -> anyhow::Result<()> {
    let out = session.out();
    if !out.for_people() {
        return Ok(());
    }
    // The record is the caller's; the action may be in another namespace, and in a package.
    let path = cli::annotation(record, "path").and_then(Value::as_str);
    let path = path.map_or_else(|| cli::full_name(record), |path| format!("/{path}"));
    let id = record["activationId"].as_str().unwrap_or_default();
    out.ok(&format!("invoked {path} with id {id}"))?;
    out.document(record)
}
