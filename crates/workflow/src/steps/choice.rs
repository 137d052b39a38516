use serde_json::Value;

use super::Work;
use crate::failure::Failure;
use crate::fields::{View, effective, pass_with};
use crate::flow::{Leave, Step};
use crate::machine::{Choice, Language, Next, Rule, State, StateId};
use crate::query::{Fault, choice, jsonata};

pub(super) fn work(work: &Work, fields: &Choice) -> Result<Step, Failure> {
    let closed = decide(work.state, &work.view, fields).and_then(|decision| {
        let closed = pass_with(
            work.state,
            &work.view,
            decision.output,
            decision.assign,
            &decision.place,
        )?;
        Ok(Leave::to(Next::To(decision.next), closed))
    });
    closed.map(Step::Leave).map_err(|fault| work.fault(fault))
}

/// Where a Choice leads, and what it puts out on the way.
pub(crate) struct Decision<'m> {
    pub next: StateId,
    pub output: Option<&'m Value>,
    pub assign: Option<&'m Value>,
    /// Where these stand in the state: `Choices[0]/`, or nothing for those of the default.
    pub place: String,
}

pub(crate) fn decide<'m>(state: &'m State, view: &View, fields: &'m Choice) -> Result<Decision<'m>, Fault> {
    let effective = effective(state, view)?;
    for (index, rule) in fields.rules.iter().enumerate() {
        let place = format!("Choices[{index}]/");
        let holds = match state.language {
            Language::JSONPath => choice::holds(&rule.test, &view.over(&effective))?,
            Language::JSONata => condition(view, rule, &place)?,
        };
        if holds {
            return Ok(Decision {
                next: rule.next,
                output: rule.output.as_ref(),
                assign: rule.assign.as_ref(),
                place,
            });
        }
    }
    let default = fields.default.ok_or_else(|| {
        Fault::runtime("Failed to transition out of the state. The state does not point to a next state.")
    })?;
    Ok(Decision {
        next: default,
        output: state.data.output.as_ref(),
        assign: state.data.assign.as_ref(),
        place: String::new(),
    })
}

fn condition(view: &View, rule: &Rule, place: &str) -> Result<bool, Fault> {
    let condition = rule.test.get("Condition").unwrap_or(&Value::Null);
    let field = format!("{place}Condition");
    let value = jsonata::render_as(condition, &field, jsonata::Type::Boolean, &view.scope())?;
    Ok(value == Value::Bool(true))
}
