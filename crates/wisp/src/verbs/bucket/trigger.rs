use anyhow::Context;
use clap::{ArgGroup, Args, Subcommand};
use serde_json::{Map, Value, json};

use super::top_level;
use crate::cli::{Session, Usage};

/// What happens when objects come.
#[derive(Subcommand)]
pub enum Trigger {
    Create(Create),
    Delete(Delete),
}

/// Set a trigger; one that is changed begins afresh in every session
#[derive(Args)]
#[command(
    group = ArgGroup::new("target").required(true),
    after_help = "Examples:\n  wisp bucket trigger create words join --primitive by-set --param key_set '[\"a\",\"b\"]' --function join\n  \
                  wisp bucket trigger create words reduce --primitive dynamic-group --param control_group '[\"done\"]' --function reduce --pass value\n  \
                  wisp bucket trigger create words all --primitive by-batch-size --param count 80 --function sum --hint map part-1 5000\n  \
                  wisp bucket trigger create orders approve --primitive by-name --param key_name approval --event approved"
)]
pub struct Create {
    /// The bucket
    #[arg(value_name = "BUCKET_NAME")]
    bucket: String,
    /// Its name
    #[arg(value_name = "TRIGGER_NAME")]
    name: String,
    /// When it fires: immediate, by-name, by-set, by-batch-size, redundant, by-time, dynamic-group
    #[arg(long)]
    primitive: String,
    /// A parameter of the primitive: JSON, or else a text
    #[arg(long, num_args = 2, value_names = ["KEY", "VALUE"])]
    param: Vec<String>,
    /// The action that it calls
    #[arg(long, group = "target", value_name = "ACTION_NAME")]
    function: Option<String>,
    /// The state machine that it starts
    #[arg(long, group = "target")]
    machine: Option<String>,
    /// The event that it tells an orchestration of
    #[arg(long, group = "target", value_name = "EVENT_NAME")]
    event: Option<String>,
    /// The orchestration; the session's name when absent
    #[arg(long, requires = "event")]
    instance: Option<String>,
    /// What is given of each object
    #[arg(long, value_parser = ["value", "key-value", "key"])]
    pass: Option<String>,
    /// A producer that is run again when its object is not there so many milliseconds after it began
    #[arg(long, num_args = 3, value_names = ["ACTION_NAME", "KEY", "MS"])]
    hint: Vec<String>,
}

/// Remove a trigger
#[derive(Args)]
#[command(after_help = "Examples:\n  wisp bucket trigger delete words join")]
pub struct Delete {
    /// The bucket
    #[arg(value_name = "BUCKET_NAME")]
    bucket: String,
    /// Its name
    #[arg(value_name = "TRIGGER_NAME")]
    name: String,
}

impl Trigger {
    pub async fn run(self, session: &Session) -> anyhow::Result<()> {
        match self {
            Trigger::Create(create) => create.run(session).await,
            Trigger::Delete(Delete { bucket, name }) => {
                let full = top_level(session, &bucket)?;
                let deleted = session.client()?.delete_bucket_trigger(&full, &name).await;
                let deleted = deleted.with_context(|| format!("Unable to delete trigger '{name}' of '{bucket}'"))?;
                session
                    .out()
                    .done(&format!("deleted trigger {name} of {bucket}"), &deleted)
            }
        }
    }
}

impl Create {
    async fn run(self, session: &Session) -> anyhow::Result<()> {
        let bucket = top_level(session, &self.bucket)?;
        let name = self.name.clone();
        let said = format!("set trigger {name} of {}", self.bucket);
        let trigger = self.trigger()?;
        let put = session.client()?.put_bucket_trigger(&bucket, &name, &trigger).await;
        let put = put.with_context(|| format!("Unable to set trigger '{name}'"))?;
        session.out().done(&said, &put)
    }

    fn trigger(self) -> anyhow::Result<Value> {
        let pairs = self.param.chunks_exact(2);
        let params: Map<String, Value> = pairs.map(|pair| (pair[0].clone(), read(&pair[1]))).collect();
        let hints: Vec<Value> = self.hint.chunks_exact(3).map(hint).collect::<anyhow::Result<_>>()?;
        let mut trigger = json!({ "primitive": self.primitive, "params": params, "hints": hints });
        if let Some(function) = self.function {
            trigger["function"] = function.into();
        }
        if let Some(machine) = self.machine {
            trigger["machine"] = machine.into();
        }
        if let Some(event) = self.event {
            trigger["event"] = match self.instance {
                Some(instance) => json!({ "name": event, "instance": instance }),
                None => json!({ "name": event }),
            };
        }
        if let Some(pass) = self.pass {
            trigger["pass"] = pass.into();
        }
        Ok(trigger)
    }
}

/// JSON, or else a text.
fn read(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

fn hint(words: &[String]) -> anyhow::Result<Value> {
    let [function, key, timeout] = words else {
        return Err(Usage("a hint has an action, a key and milliseconds".to_owned()).into());
    };
    let timeout: u64 = timeout
        .parse()
        .map_err(|_| Usage(format!("'{timeout}' is not a number of milliseconds")))?;
    Ok(json!({ "source_function": function, "source_key": key, "timeout": timeout }))
}
