use serde_json::{Map, Value, json};
use tokio::sync::oneshot;
use wisp_core::{
    Code, Error, Result,
    model::{Identity, Right},
};
use wisp_workflow::{
    inspect::{Inspected, Inspection, Mocked, inspect},
    validate::validate_state,
};

use super::{Exception, MachineKind, machines::refuse_faults, mocks::check_answer};
use crate::{control::Control, resolve::require};

/// Types of states that do nothing outside: their work cannot be mocked.
const ALONE: [&str; 5] = ["Pass", "Wait", "Choice", "Succeed", "Fail"];

/// A state that is tried by itself.
#[derive(Clone, Debug, Default)]
pub struct Trial {
    /// A state, or a machine: JSON text.
    pub definition: String,
    /// Which state of the machine.
    pub state: Option<String>,
    /// Its input: JSON text.
    pub input: Option<String>,
    /// The context object: JSON text.
    pub context: Option<String>,
    /// Variables: JSON text of an object.
    pub variables: Option<String>,
    /// What its work results in: JSON text.
    pub result: Option<String>,
    /// The error that its work ends with, and its story.
    pub failure: Option<(Option<String>, Option<String>)>,
    /// Whether a mocked result may be anything.
    pub loose: bool,
    /// The role that it would be given; a task that is not mocked must have one.
    pub role: Option<String>,
    /// How often its retriers have tried again already.
    pub retries: u32,
}

impl Control {
    /// Tries one state by itself, without calling anything; where nobody waits for it, because an expression may take
    /// its time.
    pub async fn test_state(&self, caller: &Identity, trial: Trial) -> Result<Inspected> {
        require(caller, Right::Activate)?;
        let (answer, answered) = oneshot::channel();
        let control = self.clone();
        // A caller who has gone does not care.
        self.inner
            .tasks
            .compute(Box::new(move || drop(answer.send(control.inspect(trial)))));
        answered
            .await
            .map_err(|_| Error::internal("the trial of a state ended without an answer"))?
    }

    fn inspect(&self, trial: Trial) -> Result<Inspected> {
        let definition: Value = serde_json::from_str(&trial.definition).unwrap_or_default();
        match &trial.state {
            Some(_) => self.check_definition(&trial.definition, MachineKind::Standard)?,
            None => refuse_faults(&validate_state(&trial.definition, MachineKind::Standard.into()))?,
        }
        let mock = mock(&trial)?;
        let tried = state(&definition, trial.state.as_deref());
        let unplayed = tried.is_some_and(|state| state["Type"] == "Task") && mock.is_none();
        if unplayed && trial.role.is_none() {
            return Err(Exception::ValidationException.says("RoleArn must be specified when testing a Task state"));
        }
        check_mock(tried, mock.as_ref())?;
        let resource = tried.and_then(|state| state["Resource"].as_str());
        if let (Some(resource), Some(Mocked::Result(answer)), false) = (resource, &mock, trial.loose) {
            check_answer(resource, answer)?;
        }
        let input = self.read_input(trial.input.as_deref())?;
        let known = read(trial.context.as_deref(), "context")?;
        let context = match known {
            Value::Object(_) => known,
            _ => {
                json!({ "Execution": { "Input": input }, "State": { "Name": trial.state, "RetryCount": trial.retries } })
            }
        };
        let variables = match read(trial.variables.as_deref(), "variables")? {
            Value::Object(variables) => variables,
            _ => Map::new(),
        };
        let inspection = Inspection {
            definition,
            state: trial.state,
            input,
            context,
            variables,
            mock,
            retries: trial.retries,
            now_ms: i64::try_from(self.inner.clock.now()).unwrap_or(i64::MAX),
            seed: rand::random(),
        };
        inspect(&inspection).map_err(|error| match error.code() {
            Code::BadRequest => Exception::ValidationException.says(error.message()),
            _ => error,
        })
    }
}

fn mock(trial: &Trial) -> Result<Option<Mocked>> {
    match (&trial.result, &trial.failure) {
        (Some(_), Some(_)) => {
            let message = "A test mock should have only one of the following fields: [result, errorOutput].";
            Err(Exception::ValidationException.says(message))
        }
        (Some(result), None) => Ok(Some(Mocked::Result(read(Some(result), "mock.result")?))),
        (None, Some((error, cause))) => Ok(Some(Mocked::Failure {
            error: error.clone(),
            cause: cause.clone(),
        })),
        (None, None) => Ok(None),
    }
}

/// The state that is tried: the definition itself, or the one of that name at any depth.
fn state<'a>(definition: &'a Value, name: Option<&str>) -> Option<&'a Value> {
    let Some(name) = name else {
        return Some(definition);
    };
    let states = definition["States"].as_object()?;
    if let Some(found) = states.get(name) {
        return Some(found);
    }
    let inner = states.values().flat_map(|state| {
        let branches = state["Branches"].as_array().into_iter().flatten();
        branches.chain(state.get("ItemProcessor")).chain(state.get("Iterator"))
    });
    inner.filter_map(|flow| self::state(flow, Some(name))).next()
}

/// Refuses a mock that the state cannot have.
fn check_mock(state: Option<&Value>, mock: Option<&Mocked>) -> Result<()> {
    let (Some(state), Some(mock)) = (state, mock) else {
        return Ok(());
    };
    let refuse = |message: String| Err(Exception::ValidationException.says(message));
    let kind = state["Type"].as_str().unwrap_or_default();
    if ALONE.contains(&kind) {
        return refuse(format!("State type '{kind}' is not supported when a mock is specified"));
    }
    match (kind, mock) {
        ("Parallel", Mocked::Result(Value::Array(results))) => {
            match state["Branches"]
                .as_array()
                .is_some_and(|branches| branches.len() == results.len())
            {
                true => Ok(()),
                false => {
                    refuse("Mocked result must contain the same number of items as number of Parallel branches.".into())
                }
            }
        }
        ("Parallel", Mocked::Result(_)) => refuse("Mocked result must be an array.".into()),
        _ => Ok(()),
    }
}

fn read(text: Option<&str>, field: &str) -> Result<Value> {
    let Some(text) = text else { return Ok(Value::Null) };
    let invalid = |error| Exception::ValidationException.says(format!("{field} is no JSON: {error}"));
    serde_json::from_str(text).map_err(invalid)
}
