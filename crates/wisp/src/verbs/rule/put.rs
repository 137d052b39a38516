use anyhow::Context;
use clap::Args;
use jiff::SignedDuration;
use serde_json::{Map, Value, json};
use wisp_wire::client::{Client, Collection, Pair, RulePut};

use crate::cli::{Session, annotation};

/// The annotation that has a rule's policy.
const DELIVERY: &str = "delivery";

#[derive(Args)]
pub struct Put {
    /// Its name
    #[arg(value_name = "RULE_NAME")]
    name: String,
    /// The trigger that it listens to
    #[arg(value_name = "TRIGGER_NAME")]
    trigger: String,
    /// The action that it invokes
    #[arg(value_name = "ACTION_NAME")]
    action: String,
    #[command(flatten)]
    delivery: Delivery,
}

/// What happens when the action fails. What is not said stays as it is, or is as the server's settings say.
#[derive(Args)]
#[command(next_help_heading = "Delivery")]
struct Delivery {
    /// Runs of the action for one event at most; 1 is no retry
    #[arg(long, value_name = "N")]
    attempts: Option<u32>,
    /// Pause before the first retry, such as 2s; each one after it is twice as long
    #[arg(long, value_name = "TIME", value_parser = millis)]
    backoff: Option<u64>,
    /// Longest pause between retries
    #[arg(long, value_name = "TIME", value_parser = millis)]
    max_backoff: Option<u64>,
    /// Share of a pause that chance may take away, 0 to 1
    #[arg(long, value_name = "SHARE")]
    jitter: Option<f64>,
    /// Age at which an event is tried no more, such as 6h
    #[arg(long, value_name = "TIME", value_parser = millis)]
    max_age: Option<u64>,
    /// Where events go that could not be delivered: `queue`, `trigger:NAME` or `action:NAME`
    #[arg(long, value_name = "WHERE", value_parser = destination)]
    dead_letter: Option<Value>,
    /// Run events one after another that have the same value here: a JSON pointer such as /customer/id; '' for no order
    #[arg(long, value_name = "POINTER")]
    order_by: Option<String>,
}

impl Put {
    /// Creates or updates the rule.
    pub async fn run(&self, session: &Session, update: bool) -> anyhow::Result<()> {
        let verb = if update { "update" } else { "create" };
        let (name, client) = (session.entity(&self.name)?, session.client()?);
        let said = self.delivery.said();
        let annotations = match said.is_empty() {
            true => None,
            false if update => Some(laid_over(present(&client, &name).await?, said)),
            false => Some(vec![Pair::new(DELIVERY, &Value::Object(said))]),
        };
        let body = RulePut {
            trigger: session.entity(&self.trigger)?.absolute(),
            action: session.entity(&self.action)?.absolute(),
            annotations,
        };
        let put = client.put(Collection::Rules, &name, &body, update).await;
        let document: Value = put.with_context(|| format!("Unable to {verb} rule '{}'", self.name))?;
        session.out().done(&format!("{verb}d rule {}", self.name), &document)
    }
}

impl Delivery {
    fn said(&self) -> Map<String, Value> {
        let said = [
            ("attempts", self.attempts.map(Value::from)),
            ("backoff", self.backoff.map(Value::from)),
            ("maxBackoff", self.max_backoff.map(Value::from)),
            ("jitter", self.jitter.map(Value::from)),
            ("maxAge", self.max_age.map(Value::from)),
            ("deadLetter", self.dead_letter.clone()),
            ("orderBy", self.order_by.clone().map(Value::from)),
        ];
        said.into_iter()
            .filter_map(|(key, value)| Some((key.to_owned(), value?)))
            .collect()
    }
}

/// The rule as it is; null if there is none.
async fn present(client: &Client, name: &wisp_core::model::Fqn) -> anyhow::Result<Value> {
    match client.get(Collection::Rules, name).await {
        Ok(document) => Ok(document),
        Err(error) if error.status() == Some(404) => Ok(Value::Null),
        Err(error) => Err(error.into()),
    }
}

/// The annotations of a rule with what is said now laid over its policy.
fn laid_over(document: Value, said: Map<String, Value>) -> Vec<Pair> {
    let mut policy = match annotation(&document, DELIVERY) {
        Some(Value::Object(policy)) => policy.clone(),
        _ => Map::new(),
    };
    policy.extend(said);
    let others = document["annotations"].as_array().into_iter().flatten();
    let others = others.filter(|annotation| annotation["key"] != DELIVERY);
    let mut pairs: Vec<Pair> = others
        .map(|annotation| Pair::new(annotation["key"].as_str().unwrap_or_default(), &annotation["value"]))
        .collect();
    pairs.push(Pair::new(DELIVERY, &Value::Object(policy)));
    pairs
}

/// A time such as `500ms`, `2s`, `1h30m`, in milliseconds.
fn millis(text: &str) -> Result<u64, String> {
    let time: SignedDuration = text
        .parse()
        .map_err(|_| format!("'{text}' is not a time: 500ms, 2s, 5m and 1h30m are"))?;
    u64::try_from(time.as_millis()).map_err(|_| format!("'{text}' is before now"))
}

fn destination(text: &str) -> Result<Value, String> {
    match text.split_once(':') {
        None if text == "queue" => Ok(json!("queue")),
        Some((kind @ ("trigger" | "action"), name)) if !name.is_empty() => Ok(json!({ kind: name })),
        _ => Err(format!("'{text}' is none of queue, trigger:NAME, action:NAME")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_destinations_are_read() {
        assert_eq!(millis("500ms"), Ok(500));
        assert_eq!(millis("1h30m"), Ok(5_400_000));
        assert!(millis("5").is_err() && millis("-2s").is_err());
        assert_eq!(destination("queue"), Ok(json!("queue")));
        assert_eq!(destination("trigger:lost"), Ok(json!({"trigger": "lost"})));
        assert_eq!(destination("action:/_/p/a"), Ok(json!({"action": "/_/p/a"})));
        assert!(destination("bin:x").is_err() && destination("action:").is_err());
    }

    #[test]
    fn what_is_not_said_stays() {
        let document = json!({"annotations": [
            {"key": "note", "value": 1}, {"key": "delivery", "value": {"attempts": 3, "backoff": 5}},
        ]});
        let said = Map::from_iter([("attempts".to_owned(), json!(7))]);
        let pairs = json!(laid_over(document, said));
        let expected = json!([
            {"key": "note", "value": 1}, {"key": "delivery", "value": {"attempts": 7, "backoff": 5}},
        ]);
        assert_eq!(pairs, expected);
    }
}
