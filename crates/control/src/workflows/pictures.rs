use std::collections::HashMap;

use serde_json::Value;
use wisp_core::{Code, Error, Result, model::Identity};
use wisp_workflow::drawing::{Look, Visit, looks, visits};

use super::Paging;
use crate::control::Control;

/// Events of a history that are read at once.
const PAGE: i64 = 1000;

/// A machine, and how its states are in an execution.
pub struct Picture {
    /// The definition.
    pub definition: Value,
    /// The states that were entered.
    pub looks: HashMap<String, Look>,
}

impl Control {
    /// What is to be drawn of a machine.
    pub async fn picture_machine(&self, caller: &Identity, arn: &str) -> Result<Picture> {
        Ok(Picture {
            definition: read(&self.describe_machine(caller, arn).await?.definition)?,
            looks: HashMap::new(),
        })
    }

    /// What is to be drawn of an execution: the definition that it runs, and how far it is.
    pub async fn picture_execution(&self, caller: &Identity, arn: &str) -> Result<Picture> {
        let (machine, _) = self.machine_of_execution(caller, arn).await?;
        Ok(Picture {
            definition: read(&machine.definition)?,
            looks: looks(&self.whole_history(caller, arn).await?),
        })
    }

    /// When an execution was in which state, and how many milliseconds it has taken.
    pub async fn visits_of_execution(&self, caller: &Identity, arn: &str) -> Result<(Vec<Visit>, f64)> {
        Ok(visits(&self.whole_history(caller, arn).await?))
    }

    /// All events of an execution, without their payloads.
    async fn whole_history(&self, caller: &Identity, arn: &str) -> Result<Vec<Value>> {
        let (mut events, mut token) = (Vec::new(), None);
        loop {
            let paging = Paging {
                limit: Some(PAGE),
                token,
            };
            let page = self.execution_history(caller, arn, &paging, false, false).await?;
            events.extend(page.entries);
            match page.next {
                Some(next) => token = Some(next),
                None => return Ok(events),
            }
        }
    }
}

fn read(definition: &str) -> Result<Value> {
    serde_json::from_str(definition)
        .map_err(|error| Error::new(Code::Corrupted, "a definition that is stored is no JSON").because(error))
}
