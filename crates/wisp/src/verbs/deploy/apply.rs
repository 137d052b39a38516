use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::{Map, Value, value::RawValue};
use wisp_core::model::{Fqn, RuleStatus};
use wisp_wire::client::{Client, Collection, Pair};

use super::{
    apis,
    difference::superfluous_annotations,
    plan::{Plan, Step, Subject, What},
    wanted::{FEED_DIGEST, Wanted},
};
use crate::{
    cli::Session,
    verbs::trigger::feed::{self, Event},
};

/// Carries a plan out, telling of each step that is done.
pub async fn apply(session: &Session, client: &Client, plan: &Plan) -> anyhow::Result<()> {
    for step in plan.steps.iter().filter(|step| step.what != What::Keep) {
        let verb = match step.what {
            What::Delete => "delete",
            What::Create => "create",
            What::Update | What::Keep => "change",
        };
        let (noun, name) = (step.noun(), step.shown());
        let done = carry_out(session, client, step).await;
        done.with_context(|| format!("Unable to {verb} {noun} '{name}'; what comes after it in the plan is not done"))?;
        if session.out().for_people() {
            session.out().ok(&format!("{verb}d {noun} {name}"))?;
        }
    }
    Ok(())
}

async fn carry_out(session: &Session, client: &Client, step: &Step) -> anyhow::Result<()> {
    match &step.subject {
        Subject::Entity {
            wanted: Some(wanted),
            current,
            ..
        } => put(session, client, wanted, current.as_ref()).await,
        Subject::Entity {
            collection,
            name,
            current,
            ..
        } => delete(session, client, *collection, name, current.as_ref()).await,
        Subject::Api {
            wanted: Some(wanted),
            current,
        } => apis::put(client, wanted, current.as_ref()).await,
        Subject::Api { wanted: None, .. } => apis::delete(client, &step.name).await,
    }
}

async fn put(session: &Session, client: &Client, wanted: &Wanted, current: Option<&Value>) -> anyhow::Result<()> {
    let mut body = wanted.body.clone();
    if let (Collection::Actions, Some(current)) = (wanted.collection, current) {
        body["delAnnotations"] = superfluous_annotations(wanted, current).into();
    }
    // Before it becomes another feed's, or nobody's, the old one is told.
    if let Some(old) = current
        .and_then(feed::of)
        .filter(|old| wanted.feed.as_ref().is_none_or(|(new, _)| new != old))
    {
        feed::call(session, client, old, Event::Delete, &wanted.name, None).await?;
    }
    let _: Value = client
        .put(wanted.collection, &wanted.name, &body, current.is_some())
        .await?;
    match wanted.collection {
        Collection::Triggers => tell_feed(session, client, wanted, current).await,
        Collection::Rules => set_status(client, wanted, current).await,
        _ => Ok(()),
    }
}

async fn tell_feed(session: &Session, client: &Client, wanted: &Wanted, current: Option<&Value>) -> anyhow::Result<()> {
    let Some((feed, parameters)) = &wanted.feed else {
        return Ok(());
    };
    let same_feed = current.and_then(feed::of) == Some(feed.as_str());
    let event = if same_feed { Event::Update } else { Event::Create };
    let told = feed::call(session, client, feed, event, &wanted.name, Some(&object(parameters))).await;
    if told.is_err() {
        // A trigger whose feed refused it must not look as if it were as wanted.
        forget_feed(client, wanted, current.is_some()).await;
    }
    told.map(drop)
}

/// Deletes a new trigger, or takes the mark away by which an old one would count as told.
async fn forget_feed(client: &Client, wanted: &Wanted, existed: bool) {
    let done = match existed {
        false => client.delete::<Value>(Collection::Triggers, &wanted.name).await,
        true => {
            let mut body = wanted.body.clone();
            if let Some(annotations) = body["annotations"].as_array_mut() {
                annotations.retain(|annotation| annotation["key"] != FEED_DIGEST);
            }
            client.put(Collection::Triggers, &wanted.name, &body, true).await
        }
    };
    if let Err(error) = done {
        anstream::eprintln!("warning: trigger '{}' is left behind: {error}", wanted.name.absolute());
    }
}

/// A new rule is active, and a change leaves a rule as active as it was.
async fn set_status(client: &Client, wanted: &Wanted, current: Option<&Value>) -> anyhow::Result<()> {
    let active = current.is_none_or(|current| current["status"] == "active");
    if active == wanted.active {
        return Ok(());
    }
    let status = if wanted.active {
        RuleStatus::Active
    } else {
        RuleStatus::Inactive
    };
    Ok(client.set_rule(&wanted.name, status).await?)
}

async fn delete(
    session: &Session,
    client: &Client,
    collection: Collection,
    name: &Fqn,
    current: Option<&Value>,
) -> anyhow::Result<()> {
    if let Some(feed) = current.and_then(feed::of) {
        feed::call(session, client, feed, Event::Delete, name, None).await?;
    }
    match client.delete::<Value>(collection, name).await {
        Err(error) if !error.is_not_found() => Err(error.into()),
        _ => Ok(()),
    }
}

fn object(parameters: &Map<String, Value>) -> BTreeMap<String, Box<RawValue>> {
    let pair = |(key, value): (&String, &Value)| (key.clone(), Pair::new(key.clone(), value).value);
    parameters.iter().map(pair).collect()
}
