use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    Branch, Object, Program,
    fork::object,
    number::to_doubles,
    position::{Frame, Position, is_truthy},
    program::{Kind, Node},
    scope::Scope,
};

/// How much one call of a conductor may do here: nodes, and 256 bytes of what is carried from one to the next.
const WORK: usize = 10_000;

/// Bytes that count as much as a node.
const GRAIN: usize = 256;

/// Levels of what is carried along. JSON of more than 128 is not read.
const DEPTH: usize = 100;

/// One call of a composition's conductor, from its question to its answer.
#[derive(Clone, Debug)]
pub struct Step {
    program: Arc<Program>,
    pub(super) params: Object,
    pub(super) position: Position,
    /// The node that something is asked for.
    at: usize,
    /// What was logged since the last [`Step::take_lines`].
    lines: Vec<Line>,
    work: usize,
}

/// A line that a conductor logs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Whether it goes to the error stream.
    pub error: bool,
    /// The text.
    pub text: String,
}

/// What a conductor needs, or how its call ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Next {
    /// It has ended, with this result.
    Answer(Object),
    /// A function is to be run, and [`Step::returned`] told of it.
    Function(Function),
    /// The composition is to be called with these arguments beside this one, and [`Step::spawned`] told.
    Spawn(Object),
    /// It is to be called once for each of these, and [`Step::joined`] told when all have ended.
    Fork(Vec<Branch>),
    /// It has done so much that JavaScript had better go on, with [`Step::hand_over`].
    Paused,
}

/// A function of a composition, to be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its code: an expression in JavaScript.
    pub code: String,
    /// What it is called with.
    pub params: Object,
    /// Variables that it sees.
    pub variables: Object,
}

/// How a function ended, as the text that runs it says (`functions.js` beside its caller).
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default)]
pub struct Returned {
    /// What it returned; its parameters if nothing.
    pub value: Value,
    /// The variables when it returned.
    pub variables: Object,
    /// Whether it threw.
    pub threw: bool,
    /// Whether it returned a function.
    pub callable: bool,
    /// Why what it returned cannot be JSON, if so.
    pub fatal: Option<String>,
}

impl Step {
    /// A call of a conductor with this question. None if a conductor has not written what is in it: JavaScript says what
    /// becomes of that.
    pub fn new(program: Arc<Program>, mut question: Object, session: &str) -> Option<Self> {
        question.values_mut().for_each(to_doubles);
        let composer = question.shift_remove("$composer");
        let mut step = Self {
            program,
            position: Position::read(composer, session)?,
            params: question,
            at: 0,
            lines: Vec::new(),
            work: 0,
        };
        if step.position.resuming {
            step.inspect();
        }
        Some(step)
    }

    /// Goes on until something is needed.
    pub fn advance(&mut self) -> Next {
        let program = self.program.clone();
        loop {
            let node = usize::try_from(self.position.state).ok();
            let Some((index, node)) = node.and_then(|index| Some((index, program.nodes.get(index)?))) else {
                return Next::Answer(self.finish());
            };
            if self.work > WORK {
                return Next::Paused;
            }
            self.work += 1;
            if let Some(next) = self.enter(index, node) {
                return next;
            }
        }
    }

    /// The question with which the interpreter goes on from here; it enters the node of a function that was asked for itself.
    pub fn hand_over(&mut self) -> Object {
        let entered = self.program.nodes.get(self.at).is_some_and(|node| node.path.is_some());
        if self.position.state == self.at as i64 && entered {
            self.lines.pop();
        }
        self.question()
    }

    /// The question that leads to where it is now.
    fn question(&self) -> Object {
        let mut question = self.params.clone();
        question.insert("$composer".to_owned(), self.position.write(false));
        question
    }

    /// What must be kept to go on with [`Step::restore`] while something is asked for.
    pub fn save(&self) -> Value {
        json!({ "question": self.question(), "at": self.at })
    }

    /// A step as it was saved.
    pub fn restore(program: Arc<Program>, mut saved: Value) -> Option<Self> {
        let at = usize::try_from(saved["at"].as_u64()?).ok()?;
        let question = saved["question"].as_object_mut().map(std::mem::take)?;
        Some(Self {
            at,
            ..Self::new(program, question, "")?
        })
    }

    /// What was logged since this was last asked.
    pub fn take_lines(&mut self) -> Vec<Line> {
        std::mem::take(&mut self.lines)
    }

    fn log(&mut self, text: String) {
        self.lines.push(Line { error: false, text });
    }

    /// Does what a node says.
    fn enter(&mut self, index: usize, node: &Node) -> Option<Next> {
        if let Some(path) = &node.path {
            self.log(format!("Entering composition{path}"));
        }
        self.at = index;
        let index = index as i64;
        self.position.state = index + node.next as i64;
        match &node.kind {
            Kind::Pass => {}
            Kind::Empty => self.inspect(),
            Kind::Stop => self.position.state = -1,
            Kind::Try { catch } => self.position.stack.push(Frame::Catch(index + *catch as i64)),
            Kind::Let(variables) => self.position.stack.push(Frame::Let(variables.clone())),
            Kind::Exit if self.position.stack.is_empty() => return Some(internal("pop from an empty stack")),
            Kind::Exit => drop(self.position.stack.pop()),
            Kind::Choice { then, otherwise } => {
                let taken = if self.params.get("value").is_some_and(is_truthy) {
                    then
                } else {
                    otherwise
                };
                self.position.state = index + *taken as i64;
            }
            Kind::Action(name) => return Some(self.call(name.as_str().into(), None)),
            Kind::Dynamic => return self.call_dynamic(),
            Kind::Function { code, glue } => {
                let scope = Scope::new(&mut self.position.stack);
                match glue.and_then(|glue| glue.call(&self.params, scope)) {
                    Some(value) => {
                        self.accept(value);
                        self.weigh();
                    }
                    None => return Some(self.ask(code)),
                }
            }
            fork => return self.fork(index, fork),
        }
        None
    }

    fn ask(&mut self, code: &str) -> Next {
        self.position.state = self.at as i64;
        Next::Function(Function {
            code: code.to_owned(),
            params: self.params.clone(),
            variables: Scope::new(&mut self.position.stack).all(),
        })
    }

    /// The function that was asked for has ended.
    pub fn returned(&mut self, returned: Returned) -> Option<Next> {
        self.rest();
        let next = self.program.nodes.get(self.at).map_or(1, |node| node.next);
        self.position.state = self.at as i64 + next as i64;
        Scope::new(&mut self.position.stack).set(returned.variables);
        if let Some(why) = returned.fatal {
            return Some(internal(&why));
        }
        let value = match (returned.threw, returned.callable) {
            (true, _) => self
                .failed("Function combinator threw an exception", " (see log for details)")
                .into(),
            (_, true) => self
                .failed("Function combinator evaluated to a function type", "")
                .into(),
            _ => returned.value,
        };
        self.accept(value);
        None
    }

    /// Goes on with a result.
    fn accept(&mut self, value: Value) {
        self.params = object(value);
        self.inspect();
    }

    /// Sends an error to where errors go.
    pub(super) fn inspect(&mut self) {
        if let Some(error) = self.params.shift_remove("error") {
            self.params = Object::from_iter([("error".to_owned(), error)]);
            self.position.unwind();
        }
    }

    /// `{"error": …}` with the place of the node that something was asked for.
    pub(super) fn failed(&self, what: &str, hint: &str) -> Object {
        let parent = self.program.nodes.get(self.at).map_or("", |node| node.parent.as_str());
        object(json!({ "error": format!("{what} at AST node root{parent}{hint}") }))
    }

    fn call_dynamic(&mut self) -> Option<Next> {
        let named = self.params.get("type").is_some_and(|kind| kind == "action");
        let params = self.params.get("params");
        let params = params.filter(|params| params.is_object() || params.is_array() || params.is_null());
        match (self.params.get("name"), params) {
            (Some(name @ Value::String(_)), Some(params)) if named => {
                let (name, params) = (name.clone(), params.clone());
                Some(self.call(name, Some(params)))
            }
            _ => {
                self.params = self.failed("Incorrect use of the dynamic combinator", "");
                self.inspect();
                None
            }
        }
    }

    /// The answer that has an action called; with what is carried along unless other parameters are given.
    fn call(&mut self, name: Value, params: Option<Value>) -> Next {
        let params = params.unwrap_or_else(|| self.params.clone().into());
        let state = json!({ "$composer": self.position.write(true) });
        let answer = [
            ("method", "action".into()),
            ("action", name),
            ("params", params),
            ("state", state),
        ];
        Next::Answer(
            answer
                .map(|(field, value)| (field.to_owned(), value))
                .into_iter()
                .collect(),
        )
    }

    /// The answer at the end: to who invoked the composition, or to what it is a branch of.
    fn finish(&mut self) -> Object {
        self.log("Entering final state".to_owned());
        self.log(Value::Object(self.params.clone()).to_string());
        let Some(join) = self.position.rest.get("join") else {
            return ended(&self.params);
        };
        let mut told = object(json!({ "method": "join", "sessionId": self.position.session() }));
        for field in ["barrierId", "position"] {
            told.extend(join.get(field).map(|value| (field.to_owned(), value.clone())));
        }
        ended(&told)
    }

    /// The parameters at the end of a branch, which its answer does not show; none if it is no branch.
    pub fn outcome(&self) -> Option<&Object> {
        self.position.rest.get("join").map(|_| &self.params)
    }

    /// Counts anew: somebody else has worked meanwhile.
    pub(super) fn rest(&mut self) {
        self.work = 0;
    }

    /// Counts what is carried along.
    fn weigh(&mut self) {
        let variables = self.position.stack.iter().filter_map(|frame| match frame {
            Frame::Let(variables) => variables.as_ref(),
            Frame::Catch(_) | Frame::Marker => None,
        });
        let bytes: usize = std::iter::once(&self.params)
            .chain(variables)
            .map(|fields| weight(fields, 0))
            .sum();
        self.work = self.work.saturating_add(bytes / GRAIN);
    }
}

/// The answer that ends a composition with these parameters.
fn ended(params: &Object) -> Object {
    match params.get("error").is_some_and(is_truthy) {
        true => params.clone(),
        false => object(json!({ "params": params })),
    }
}

/// The answer to what cannot be.
fn internal(why: &str) -> Next {
    Next::Answer(object(json!({ "error": format!("Internal error: {why}") })))
}

/// About how many bytes some fields have; more than can be counted if they are nested too deep.
fn weight(fields: &Object, depth: usize) -> usize {
    fields
        .iter()
        .map(|(name, value)| name.len() + weight_of(value, depth + 1))
        .fold(0, usize::saturating_add)
}

fn weight_of(value: &Value, depth: usize) -> usize {
    match value {
        _ if depth > DEPTH => GRAIN * WORK,
        Value::String(text) => text.len(),
        Value::Array(values) => values
            .iter()
            .map(|value| 8 + weight_of(value, depth + 1))
            .fold(0, usize::saturating_add),
        Value::Object(fields) => weight(fields, depth),
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
    }
}
