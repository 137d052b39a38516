use serde_json::Value;

use super::Work;
use crate::failure::Failure;
use crate::fields::{effective, pass_with};
use crate::flow::{Leave, Step};
use crate::machine::{Choice, Language, Next, Rule};
use crate::query::{Fault, choice, jsonata};

pub(super) fn work(work: &Work, fields: &Choice) -> Result<Step, Failure> {
    decide(work, fields).map_err(|fault| work.fault(fault))
}

fn decide(work: &Work, fields: &Choice) -> Result<Step, Fault> {
    let effective = effective(work.state, &work.view)?;
    for (index, rule) in fields.rules.iter().enumerate() {
        let place = format!("Choices[{index}]/");
        let holds = match work.state.language {
            Language::JSONPath => choice::holds(&rule.test, &work.view.over(&effective))?,
            Language::JSONata => condition(work, rule, &place)?,
        };
        if holds {
            let closed = pass_with(
                work.state,
                &work.view,
                rule.output.as_ref(),
                rule.assign.as_ref(),
                &place,
            )?;
            return Ok(Step::Leave(Leave::to(Next::To(rule.next), closed)));
        }
    }
    let Some(default) = fields.default else {
        return Err(Fault::runtime(
            "Failed to transition out of the state. The state does not point to a next state.",
        ));
    };
    let data = &work.state.data;
    let closed = pass_with(work.state, &work.view, data.output.as_ref(), data.assign.as_ref(), "")?;
    Ok(Step::Leave(Leave::to(Next::To(default), closed)))
}

fn condition(work: &Work, rule: &Rule, place: &str) -> Result<bool, Fault> {
    let condition = rule.test.get("Condition").unwrap_or(&Value::Null);
    let field = format!("{place}Condition");
    let value = jsonata::render_as(condition, &field, jsonata::Type::Boolean, &work.view.scope())?;
    Ok(value == Value::Bool(true))
}
