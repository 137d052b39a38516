use std::sync::Arc;

use serde_json::{Map, Value, json};
use wisp_core::{Error, Result};

use super::{Inspected, Inspection, Mocked, Verdict, lone};
use crate::failure::Failure;
use crate::fields::{Assigned, View, arguments, assign, effective, insert, output, pass, pass_with, select};
use crate::machine::{Kind, Language, Machine, Map as MapState, Next, State, Writer};
use crate::query::{Bounds, Chance, Fault, Scope, template};
use crate::recover::caught;
use crate::steps::{choice, fail, map, wait};

/// What a state makes of an input.
///
/// # Errors
/// `BadRequest` when the state cannot be run by itself, or the mock does not fit it.
pub fn inspect(request: &Inspection) -> Result<Inspected> {
    let (machine, id) = lone::machine(request)?;
    let state = machine
        .state(id)
        .ok_or_else(|| Error::internal("the state was not parsed"))?;
    fits(state, request.mock.as_ref())?;
    let view = View {
        input: Arc::new(request.input.clone()),
        context: request.context.clone(),
        variables: Arc::new(request.variables.clone()),
        now_ms: request.now_ms,
        chance: Chance::new(request.seed),
        bounds: Bounds::default(),
    };
    let mut stages = Stages {
        state,
        view: &view,
        data: Map::new(),
    };
    stages.note("input", &view.input);
    let ended = stages.run(request.mock.as_ref());
    Ok(stages.conclude(&machine, request, ended))
}

/// Whether the state takes a mock, and this one.
fn fits(state: &State, mock: Option<&Mocked>) -> Result<()> {
    let refuse = |why: &str| Err(Error::bad_request(why));
    match (&state.kind, mock) {
        (Kind::Task(_) | Kind::Parallel(_) | Kind::Map(_), None) => refuse(&format!(
            "A mock must be specified when testing a {} state",
            state.kind.name()
        )),
        (Kind::Parallel(parallel), Some(Mocked::Result(result))) => match result.as_array() {
            None => refuse("Mocked result must be an array."),
            Some(results) if results.len() != parallel.branches.len() => {
                refuse("Mocked result must contain the same number of items as number of Parallel branches.")
            }
            Some(_) => Ok(()),
        },
        (Kind::Map(map), Some(Mocked::Result(result))) => match writes(map) {
            true if !result.is_object() => refuse("Mocked result must be a JSON object."),
            false if !result.is_array() => refuse("Mocked result must be an array."),
            _ => Ok(()),
        },
        (Kind::Task(_) | Kind::Parallel(_) | Kind::Map(_), _) | (_, None) => Ok(()),
        (kind, Some(_)) => refuse(&format!(
            "State type '{}' is not supported when a mock is specified",
            kind.name()
        )),
    }
}

fn writes(map: &MapState) -> bool {
    matches!(map.writer, Some(Writer { resource: Some(_), .. }))
}

struct Stages<'a> {
    state: &'a State,
    view: &'a View,
    data: Map<String, Value>,
}

type Ended = std::result::Result<(Arc<Value>, Assigned, Next), Failure>;

impl Stages<'_> {
    fn note(&mut self, stage: &str, value: &Value) {
        self.data.insert(stage.to_owned(), value.clone());
    }

    fn run(&mut self, mock: Option<&Mocked>) -> Ended {
        let (state, view) = (self.state, self.view);
        let bare = |fault: Fault| Failure::named(fault.error, fault.cause);
        match &state.kind {
            Kind::Fail(fields) => Err(match fail::words(state, view, fields) {
                Ok((error, cause)) => Failure::new(error, cause),
                Err(fault) => bare(fault),
            }),
            Kind::Choice(fields) => {
                self.after_input_path().map_err(bare)?;
                let decision = choice::decide(state, view, fields).map_err(bare)?;
                let (output, assigned) =
                    pass_with(state, view, decision.output, decision.assign, &decision.place).map_err(bare)?;
                Ok((output, assigned, Next::To(decision.next)))
            }
            Kind::Wait(fields) => {
                self.after_input_path().map_err(bare)?;
                wait::delay_ms(state, view, fields).map_err(bare)?;
                let (output, assigned) = pass(state, view).map_err(bare)?;
                Ok((output, assigned, state.next))
            }
            Kind::Succeed => {
                self.after_input_path().map_err(bare)?;
                let (output, assigned) = pass(state, view).map_err(bare)?;
                Ok((output, assigned, Next::End))
            }
            Kind::Pass(fields) => {
                let result = self.pass(fields.result.as_ref()).map_err(bare)?;
                let (output, assigned) = self.close(result, false).map_err(bare)?;
                Ok((output, assigned, state.next))
            }
            Kind::Task(_) | Kind::Parallel(_) | Kind::Map(_) => {
                self.prepare().map_err(bare)?;
                let result = match mock {
                    Some(Mocked::Result(result)) => Arc::new(result.clone()),
                    Some(Mocked::Failure { error, cause }) => return Err(self.failed(error, cause)),
                    None => Arc::new(Value::Null),
                };
                if matches!(state.kind, Kind::Task(_)) {
                    self.note("result", &result);
                }
                let (output, assigned) = self.close(result, true).map_err(bare)?;
                Ok((output, assigned, state.next))
            }
        }
    }

    fn failed(&self, error: &Option<String>, cause: &Option<String>) -> Failure {
        let failure = Failure::new(error.clone(), cause.clone());
        match self.state.kind {
            Kind::Parallel(_) => failure.or_named("States.BranchFailed"),
            _ => failure,
        }
    }

    fn after_input_path(&mut self) -> std::result::Result<Arc<Value>, Fault> {
        let effective = effective(self.state, self.view)?;
        if self.state.language == Language::JSONPath {
            self.note("afterInputPath", &effective);
        }
        Ok(effective)
    }

    /// What a Pass takes for its result: `Result` as it stands, or its parameters.
    fn pass(&mut self, result: Option<&Value>) -> std::result::Result<Arc<Value>, Fault> {
        if let Some(result) = result.filter(|_| self.state.language == Language::JSONPath) {
            self.note("result", result);
            return Ok(Arc::new(result.clone()));
        }
        self.after_arguments()
    }

    fn after_arguments(&mut self) -> std::result::Result<Arc<Value>, Fault> {
        let effective = self.after_input_path()?;
        let given = arguments(self.state, self.view, &effective)?;
        match self.state.language {
            Language::JSONPath => self.note("afterParameters", &given),
            Language::JSONata if self.state.data.arguments.is_some() => self.note("afterArguments", &given),
            Language::JSONata => {}
        }
        Ok(given)
    }

    /// What comes before the work of a Task, a Parallel or a Map.
    fn prepare(&mut self) -> std::result::Result<(), Fault> {
        match &self.state.kind {
            Kind::Map(fields) => {
                let effective = self.after_input_path()?;
                if fields.reader.is_none() {
                    map::items(self.state, self.view, fields, &effective)?;
                }
                let most = map::asked_concurrency(fields, &self.view.over(&effective))?;
                self.data.insert("maxConcurrency".to_owned(), json!(most));
                let tolerance = map::tolerance(fields, &self.view.over(&effective))?;
                let count = tolerance.count.map(|count| ("toleratedFailureCount", json!(count)));
                let share = tolerance
                    .percentage
                    .map(|share| ("toleratedFailurePercentage", json!(share)));
                count
                    .into_iter()
                    .chain(share)
                    .for_each(|(name, value)| self.note(name, &value));
            }
            Kind::Parallel(_) => {
                let effective = effective(self.state, self.view)?;
                let given = arguments(self.state, self.view, &effective)?;
                if self.state.data.arguments.is_some() {
                    self.note("afterArguments", &given);
                }
            }
            _ => drop(self.after_arguments()?),
        }
        Ok(())
    }

    /// From the result to the output.
    fn close(&mut self, result: Arc<Value>, of_work: bool) -> std::result::Result<(Arc<Value>, Assigned), Fault> {
        let (data, view) = (&self.state.data, self.view);
        if self.state.language == Language::JSONata {
            let scope = Scope {
                result: of_work.then_some(&*result),
                ..view.scope()
            };
            let assigned = assign(Language::JSONata, data.assign.as_ref(), "Assign", &scope)?;
            let output = output(data.output.as_ref(), "Output", &scope)?;
            return Ok((
                output.unwrap_or_else(|| if of_work { result.clone() } else { view.input.clone() }),
                assigned,
            ));
        }
        let selected = match &data.result_selector {
            Some(selector) => Arc::new(template::render(selector, &view.over(&result))?),
            None => result,
        };
        self.note("afterResultSelector", &selected);
        let assigned = assign(
            Language::JSONPath,
            data.assign.as_ref(),
            "Assign",
            &view.over(&selected),
        )?;
        let merged = insert(&data.result_path, view, selected)?;
        self.note("afterResultPath", &merged);
        Ok((select(&data.output_path, &merged, view)?, assigned))
    }

    fn conclude(mut self, machine: &Machine, request: &Inspection, ended: Ended) -> Inspected {
        let name = |next: Next| match next {
            Next::To(id) => machine.state(id).map(|state| state.name.to_string()),
            Next::End => None,
        };
        let (status, output, failure, next) = match ended {
            Ok((output, assigned, next)) => {
                self.variables(assigned);
                (Verdict::Succeeded, Some(output), None, name(next))
            }
            Err(failure) => {
                let (verdict, output, next) = self.recover(request.retries, &failure);
                (verdict, output, Some(failure), next.and_then(name))
            }
        };
        let (error, cause) = failure.map_or((None, None), |failure| (failure.error, failure.cause));
        Inspected {
            status,
            output: output.map(|output| (*output).clone()),
            error,
            cause,
            next_state: next,
            inspection_data: self.data,
        }
    }

    fn variables(&mut self, assigned: Assigned) {
        if self.state.data.assign.is_some() {
            let mut variables = (*self.view.variables).clone();
            variables.extend(assigned);
            self.data.insert("variables".to_owned(), Value::Object(variables));
        }
    }

    /// Who takes a failure.
    fn recover(&mut self, retries: u32, failure: &Failure) -> (Verdict, Option<Arc<Value>>, Option<Next>) {
        let state = self.state;
        let retrier = state.retry.iter().position(|entry| failure.is_taken_by(&entry.errors));
        if let Some(index) = retrier.filter(|index| retries < state.retry[*index].max_attempts) {
            let seconds = state.retry[index].delay_ms(retries, 1.0) / 1000;
            self.data.insert(
                "errorDetails".to_owned(),
                json!({"retryIndex": index, "retryBackoffIntervalSeconds": seconds}),
            );
            return (Verdict::Retriable, None, None);
        }
        let catcher = state.catch.iter().position(|entry| failure.is_taken_by(&entry.errors));
        let Some(index) = catcher else {
            return (Verdict::Failed, None, None);
        };
        self.data
            .insert("errorDetails".to_owned(), json!({"catchIndex": index}));
        match caught(state.language, &state.catch[index], index, self.view, failure) {
            Ok((output, assigned)) => {
                self.variables(assigned);
                (
                    Verdict::CaughtError,
                    Some(output),
                    Some(Next::To(state.catch[index].next)),
                )
            }
            Err(_) => (Verdict::Failed, None, None),
        }
    }
}
