use std::collections::HashMap;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use wisp_core::{Error, Result};

use super::{
    Amount, Batcher, Catcher, Choice, Data, Fail, Kind, Language, Machine, Map, MapMode, Next, Parallel, Pass, Reader,
    Resource, Retrier, Rule, State, StateId, Task, Wait, Writer, raw,
};

impl Machine {
    /// Parses a definition from its JSON.
    ///
    /// # Errors
    /// `BadRequest` when it cannot run at all: a field of the wrong type, a missing one, a transition to a state that is
    /// not there.
    pub fn parse(definition: &Value) -> Result<Self> {
        let flow: raw::Flow = read(definition, "")?;
        let timeout_seconds = flow.timeout_seconds;
        let outer = u32::try_from(flow.states.len()).unwrap_or(u32::MAX);
        let mut table = Table {
            states: Vec::new(),
            language: flow.query_language.unwrap_or_default(),
        };
        let start = table.flow(flow, "")?;
        let states: Option<Vec<State>> = table.states.into_iter().collect();
        Ok(Self {
            states: states.ok_or_else(|| Error::internal("a state of the definition was not parsed"))?,
            start,
            outer,
            timeout_seconds,
        })
    }
}

fn read<T: DeserializeOwned>(value: &Value, at: &str) -> Result<T> {
    T::deserialize(value).map_err(|error| refuse(&format!("{error}"), at))
}

fn refuse(what: &str, at: &str) -> Error {
    Error::bad_request(format!(
        "the definition cannot run: {what} at {}/",
        at.trim_end_matches('/')
    ))
}

/// The states of one flow by name, for its transitions.
type Names = HashMap<String, StateId>;

struct Table {
    /// `None` for those whose place is taken, but which are not parsed yet.
    states: Vec<Option<State>>,
    /// The machine's own, which branches and processors have at any depth: not that of the state around them.
    language: Language,
}

impl Table {
    fn flow(&mut self, flow: raw::Flow, at: &str) -> Result<StateId> {
        let language = flow.query_language.unwrap_or(self.language);
        let mut names = Names::with_capacity(flow.states.len());
        for name in flow.states.keys() {
            names.insert(name.clone(), self.reserve(at)?);
        }
        for (name, definition) in &flow.states {
            let at = format!("{at}/States/{name}");
            let state = self.state(name, definition, &names, &at, language)?;
            let id = target(&names, name, &at)?;
            if let Some(slot) = self.states.get_mut(id.0 as usize) {
                *slot = Some(state);
            }
        }
        target(&names, &flow.start_at, at)
    }

    fn reserve(&mut self, at: &str) -> Result<StateId> {
        let id = u32::try_from(self.states.len()).map_err(|_| refuse("it has too many states", at))?;
        self.states.push(None);
        Ok(StateId(id))
    }

    fn state(&mut self, name: &str, value: &Value, names: &Names, at: &str, inherited: Language) -> Result<State> {
        let mut raw: raw::State = read(value, at)?;
        let language = raw.query_language.unwrap_or(inherited);
        let next = next(&raw, names, at)?;
        let retry = std::mem::take(&mut raw.retry).into_iter().map(retrier).collect();
        let catch = std::mem::take(&mut raw.catch);
        let catch = catch
            .into_iter()
            .map(|entry| catcher(entry, names, at))
            .collect::<Result<_>>()?;
        let data = data(&mut raw);
        let kind = self.kind(raw, names, at)?;
        Ok(State {
            name: Arc::from(name),
            language,
            data,
            next,
            retry,
            catch,
            kind,
            reads_context: reads_context(value, language),
        })
    }

    fn kind(&mut self, raw: raw::State, names: &Names, at: &str) -> Result<Kind> {
        Ok(match raw.kind.as_str() {
            "Task" => Kind::Task(task(raw, at)?),
            "Parallel" => Kind::Parallel(self.parallel(raw, at)?),
            "Map" => Kind::Map(Box::new(self.map(raw, at)?)),
            "Pass" => Kind::Pass(Pass { result: raw.result }),
            "Wait" => Kind::Wait(wait(raw, at)?),
            "Choice" => Kind::Choice(choice(raw, names, at)?),
            "Succeed" => Kind::Succeed,
            "Fail" => Kind::Fail(Fail {
                error: Amount::of(raw.error, raw.error_path),
                cause: Amount::of(raw.cause, raw.cause_path),
            }),
            other => return Err(refuse(&format!("'{other}' is no type of a state"), at)),
        })
    }

    fn parallel(&mut self, raw: raw::State, at: &str) -> Result<Parallel> {
        if raw.branches.is_empty() {
            return Err(refuse("a Parallel needs 'Branches'", at));
        }
        let branches = raw.branches.into_iter().enumerate();
        let branches = branches.map(|(index, flow)| self.flow(flow, &format!("{at}/Branches[{index}]")));
        Ok(Parallel {
            branches: branches.collect::<Result<_>>()?,
        })
    }

    fn map(&mut self, mut raw: raw::State, at: &str) -> Result<Map> {
        let flow = raw.item_processor.take().or(raw.iterator.take());
        let flow = flow.ok_or_else(|| refuse("a Map needs an 'ItemProcessor'", at))?;
        let mode = mode(&flow.processor_config);
        let start = self.flow(flow, &format!("{at}/ItemProcessor"))?;
        Ok(Map {
            start,
            mode,
            items_path: raw.items_path,
            items: raw.items,
            selector: raw.item_selector.or(raw.parameters),
            max_concurrency: Amount::of(raw.max_concurrency, raw.max_concurrency_path),
            tolerated_count: Amount::of(raw.tolerated_failure_count, raw.tolerated_failure_count_path),
            tolerated_percentage: Amount::of(raw.tolerated_failure_percentage, raw.tolerated_failure_percentage_path),
            label: raw.label,
            reader: raw.item_reader.map(|entry| reader(entry, at)).transpose()?,
            batcher: raw.item_batcher.map(batcher),
            writer: raw.result_writer.map(writer),
        })
    }
}

fn target(names: &Names, name: &str, at: &str) -> Result<StateId> {
    let known = names.get(name).copied();
    known.ok_or_else(|| refuse(&format!("there is no state '{name}' to go to"), at))
}

fn next(raw: &raw::State, names: &Names, at: &str) -> Result<Next> {
    match (&raw.next, raw.end, raw.kind.as_str()) {
        (Some(next), _, _) => Ok(Next::To(target(names, next, at)?)),
        (None, Some(true), _) | (None, _, "Choice" | "Succeed" | "Fail") => Ok(Next::End),
        _ => Err(refuse("the state has neither 'Next' nor 'End'", at)),
    }
}

/// A Map's `Parameters` stay: they are its selector.
fn data(raw: &mut raw::State) -> Data {
    Data {
        input_path: std::mem::take(&mut raw.input_path),
        parameters: if raw.kind == "Map" { None } else { raw.parameters.take() },
        result_selector: raw.result_selector.take(),
        result_path: std::mem::take(&mut raw.result_path),
        output_path: std::mem::take(&mut raw.output_path),
        arguments: raw.arguments.take(),
        output: raw.output.take(),
        assign: raw.assign.take(),
    }
}

fn retrier(raw: raw::Retrier) -> Retrier {
    Retrier {
        errors: raw.error_equals,
        interval_seconds: raw.interval_seconds.unwrap_or(1.0),
        max_attempts: raw.max_attempts.unwrap_or(3),
        backoff_rate: raw.backoff_rate.unwrap_or(2.0),
        max_delay_seconds: raw.max_delay_seconds,
        jitter: raw.jitter_strategy.as_deref() == Some("FULL"),
    }
}

fn catcher(raw: raw::Catcher, names: &Names, at: &str) -> Result<Catcher> {
    Ok(Catcher {
        next: target(names, &raw.next, at)?,
        errors: raw.error_equals,
        result_path: raw.result_path,
        output: raw.output,
        assign: raw.assign,
    })
}

fn task(raw: raw::State, at: &str) -> Result<Task> {
    let resource = raw.resource.ok_or_else(|| refuse("a Task needs a 'Resource'", at))?;
    Ok(Task {
        resource: Resource::parse(&resource),
        timeout: Amount::of(raw.timeout_seconds, raw.timeout_seconds_path),
        heartbeat: Amount::of(raw.heartbeat_seconds, raw.heartbeat_seconds_path),
        credentials: raw.credentials,
    })
}

fn mode(config: &raw::ProcessorConfig) -> MapMode {
    match config.mode.as_deref() {
        Some("DISTRIBUTED") => MapMode::Distributed {
            express: config.execution_type.as_deref() == Some("EXPRESS"),
        },
        _ => MapMode::Inline,
    }
}

fn reader(raw: raw::Transfer, at: &str) -> Result<Reader> {
    let resource = raw
        .resource
        .ok_or_else(|| refuse("an ItemReader needs a 'Resource'", at))?;
    let text = |name: &str| raw.reader_config.get(name).and_then(Value::as_str).map(str::to_owned);
    let max_items = Amount::of(raw.reader_config.get("MaxItems").cloned(), text("MaxItemsPath"));
    Ok(Reader {
        resource: Resource::parse(&resource),
        parameters: raw.parameters.or(raw.arguments),
        config: Value::Object(raw.reader_config),
        max_items,
    })
}

fn batcher(raw: raw::Batcher) -> Batcher {
    Batcher {
        max_items: Amount::of(raw.max_items_per_batch, raw.max_items_per_batch_path),
        max_bytes: Amount::of(raw.max_input_bytes_per_batch, raw.max_input_bytes_per_batch_path),
        input: raw.batch_input,
    }
}

fn writer(raw: raw::Transfer) -> Writer {
    Writer {
        resource: raw.resource.as_deref().map(Resource::parse),
        parameters: raw.parameters.or(raw.arguments),
        config: Value::Object(raw.writer_config),
    }
}

fn wait(raw: raw::State, at: &str) -> Result<Wait> {
    let seconds = Amount::of(raw.seconds, raw.seconds_path).map(Wait::Seconds);
    let timestamp = Amount::of(raw.timestamp, raw.timestamp_path).map(Wait::Timestamp);
    seconds
        .or(timestamp)
        .ok_or_else(|| refuse("a Wait needs 'Seconds', 'Timestamp' or a path to one", at))
}

fn choice(raw: raw::State, names: &Names, at: &str) -> Result<Choice> {
    let rules = raw.choices.into_iter().enumerate().map(|(index, test)| {
        let at = format!("{at}/Choices[{index}]");
        let raw: raw::Rule = read(&test, &at)?;
        let next = target(names, &raw.next, &at)?;
        Ok(Rule {
            test,
            next,
            assign: raw.assign,
            output: raw.output,
        })
    });
    let default = raw.default.map(|name| target(names, &name, at)).transpose()?;
    Ok(Choice {
        rules: rules.collect::<Result<_>>()?,
        default,
    })
}

/// Whether an expression of this state may read the context object. Nested states answer for themselves, but a state
/// that encloses one that reads it reads it too, which costs little.
fn reads_context(state: &Value, language: Language) -> bool {
    match state {
        Value::String(text) => match language {
            Language::JSONPath => text.contains("$$"),
            Language::JSONata => names_context(text),
        },
        Value::Array(items) => items.iter().any(|item| reads_context(item, language)),
        Value::Object(fields) => fields.values().any(|field| reads_context(field, language)),
        _ => false,
    }
}

/// Whether a text says `$states.context`, or `$states` without one of the other fields: as a whole, with a wildcard …
fn names_context(text: &str) -> bool {
    let others = [".input", ".result", ".errorOutput"];
    let mut uses = text.split("$states").skip(1);
    uses.any(|after| !others.iter().any(|field| after.starts_with(field)))
}
