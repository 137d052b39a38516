//! Compositions through the automaton alone: components are functions of this test, functions of compositions run in Node.js.
//!
//! With `WISP_COMPOSER_CASES`, the cases of that file are run too (`tests/composer/smoke.js` says what is in it).

#![allow(clippy::unwrap_used, clippy::panic)]

use std::{process::Command, sync::Arc};

use serde_json::{Map, Value, json};
use wisp_workflow::composer::{Branch, Function, Next, Program, Returned, Step};

/// What runs a function of a composition, as the platform has it.
const FUNCTIONS: &str = include_str!("../../control/src/composer/functions.js");

type Object = Map<String, Value>;

/// A conductor with all that it calls.
struct World {
    program: Arc<Program>,
    /// Names of components, in the order of their calls.
    called: Vec<String>,
}

impl World {
    fn new(composition: &Value) -> Self {
        let program = Program::compile(composition).unwrap_or_else(|| panic!("not known: {composition}"));
        Self {
            program: Arc::new(program),
            called: Vec::new(),
        }
    }

    /// Runs the composition: its result, and the parameters at its end if it is a branch.
    fn run(&mut self, mut question: Object) -> (Value, Option<Object>) {
        loop {
            let mut step = Step::new(self.program.clone(), question, "session").unwrap();
            let mut answer = self.answer(&mut step);
            let Some(action) = answer.remove("action") else {
                let result = answer.remove("params").unwrap_or_else(|| answer.into());
                return (result, step.outcome().cloned());
            };
            let params = answer.remove("params").unwrap();
            let result = self.call(action.as_str().unwrap(), &params);
            question = match result {
                Value::Object(fields) => fields,
                other => json!({ "value": other }).as_object().cloned().unwrap(),
            };
            question.extend(answer.remove("state").unwrap().as_object().cloned().unwrap());
        }
    }

    fn answer(&mut self, step: &mut Step) -> Object {
        loop {
            match step.advance() {
                Next::Answer(answer) => return answer,
                Next::Function(function) => {
                    if let Some(Next::Answer(answer)) = step.returned(evaluate(&function)) {
                        return answer;
                    }
                }
                Next::Fork(branches) => {
                    let results = self.branches(step, &branches);
                    step.joined(Some(results));
                }
                Next::Spawn(_) => step.spawned(Some("id")),
                Next::Paused => panic!("it does too much"),
            }
        }
    }

    fn branches(&mut self, step: &Step, branches: &[Branch]) -> Vec<Object> {
        let branches = branches.iter().enumerate();
        let calls = branches.map(|(position, branch)| step.arguments(branch, "barrier", position, 3));
        let calls: Vec<Object> = calls.collect();
        calls
            .into_iter()
            .map(|arguments| self.run(arguments).1.unwrap())
            .collect()
    }

    fn call(&mut self, name: &str, params: &Value) -> Value {
        let name = name.trim_start_matches("/_/");
        self.called.push(name.to_owned());
        let n = params["n"].as_f64().unwrap_or(f64::NAN);
        match name {
            "inc" => json!({ "n": n + 1.0 }),
            "DivideByTwo" | "_DivideByTwo" => json!({ "n": n / 2.0 }),
            "TripleAndIncrement" => json!({ "n": n * 3.0 + 1.0 }),
            "isNotOne" => json!({ "value": n != 1.0 }),
            "isEven" => json!({ "value": n % 2.0 == 0.0 }),
            "fail" => json!({ "error": "no", "more": 1 }),
            "echo" => params.clone(),
            other => panic!("no action {other}"),
        }
    }
}

fn evaluate(function: &Function) -> Returned {
    let arguments = json!({ "code": function.code, "params": function.params, "variables": function.variables });
    let script =
        format!("{FUNCTIONS}\nmain(JSON.parse(process.argv[1])).then((end) => console.log(JSON.stringify(end)))");
    let ran = Command::new("node")
        .args(["-e", &script, &arguments.to_string()])
        .output()
        .unwrap();
    serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&ran.stderr)))
}

fn object(value: Value) -> Object {
    value.as_object().cloned().unwrap()
}

fn function(code: &str) -> Value {
    json!({ "type": "function", "function": { "exec": { "kind": "nodejs:default", "code": code } } })
}

fn action(name: &str) -> Value {
    json!({ "type": "action", "name": format!("/_/{name}"), "path": format!(".{name}") })
}

fn of(kind: &str, components: Value) -> Value {
    json!({ "type": kind, "components": components })
}

/// Numbers are compared by value: JSON does not tell 1 from 1.0.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let equal = |(name, value): (&String, &Value)| right.get(name).is_some_and(|other| same(value, other));
            left.len() == right.len() && left.iter().all(equal)
        }
        _ => left == right,
    }
}

#[test]
fn combinators_do_what_composer_says() {
    let threw = "Function combinator threw an exception at AST node root (see log for details)";
    let fail_within_let = json!({ "type": "try",
        "body": json!({ "type": "let", "declarations": { "x": 1 }, "components": [action("fail")] }),
        "handler": function("({ error }) => ({ caught: error })") });
    let counted = json!({ "type": "let", "declarations": { "count": 2 }, "components": [
        json!({ "type": "while_nosave", "test": function("() => count-- > 0"), "body": action("echo") }), function("() => ({ count })")] });
    let masked = json!({ "type": "let", "declarations": { "x": 1 }, "components": [
        json!({ "type": "let", "declarations": { "x": 2 }, "components": [json!({ "type": "mask", "components": [function("() => x")] })] })] });
    for (composition, input, expected, called) in [
        (
            of("sequence", json!([action("inc"), action("inc")])),
            json!({ "n": 1 }),
            json!({ "n": 3 }),
            "inc inc",
        ),
        (
            of("sequence", json!([])),
            json!({ "error": "kept", "n": 1 }),
            json!({ "error": "kept" }),
            "",
        ),
        (
            function("({ n }) => { if (n) throw n }"),
            json!({ "n": 1 }),
            json!({ "error": threw }),
            "",
        ),
        (
            function("() => () => 1"),
            json!({}),
            json!({ "error": "Function combinator evaluated to a function type at AST node root" }),
            "",
        ),
        (
            function("() => 10n"),
            json!({}),
            json!({ "error": "Internal error: Do not know how to serialize a BigInt" }),
            "",
        ),
        (
            function("async ({ n }) => n + 1"),
            json!({ "n": 1 }),
            json!({ "value": 2 }),
            "",
        ),
        (fail_within_let, json!({}), json!({ "caught": "no" }), "fail"),
        (counted, json!({}), json!({ "count": -1 }), "echo echo"),
        (masked, json!({}), json!({ "value": 1 }), ""),
        (
            of(
                "parallel",
                json!([action("inc"), action("fail"), of("parallel", json!([]))]),
            ),
            json!({ "n": 1 }),
            json!({ "value": [{ "n": 2 }, { "error": "no" }, { "value": [] }] }),
            "inc fail",
        ),
        (
            of("map", json!([action("inc")])),
            json!({ "value": [{ "n": 1 }, { "n": 2 }] }),
            json!({ "value": [{ "n": 2 }, { "n": 3 }] }),
            "inc inc",
        ),
        (
            of("map", json!([action("echo")])),
            json!({ "value": [5] }),
            json!({ "value": [{ "value": 5 }] }),
            "echo",
        ),
        (
            of("map", json!([action("inc")])),
            json!({ "value": "no list" }),
            json!({ "error": "Parallel combinator failed to invoke a composition at AST node root (see log for details)" }),
            "",
        ),
        (
            of("async", json!([action("inc")])),
            json!({ "n": 1 }),
            json!({ "method": "async", "activationId": "id", "sessionId": "session" }),
            "",
        ),
    ] {
        let mut world = World::new(&composition);
        let (result, _) = world.run(object(input));
        assert!(same(&result, &expected), "{composition}: {result} is not {expected}");
        assert_eq!(world.called.join(" "), called, "{composition}");
    }
}

#[test]
fn what_takes_too_long_is_left_to_javascript() {
    let endless = json!({ "type": "let", "declarations": { "value": true }, "components": [
        json!({ "type": "while_nosave", "test": function("() => value"), "body": of("sequence", json!([])) })] });
    // Each turn of it doubles what is carried along.
    let growing = json!({ "type": "let", "declarations": { "params": "x", "value": true }, "components": [
        json!({ "type": "while_nosave", "test": function("() => value"), "body": of("sequence", json!([
            function("() => params"), function("args => { params = args }"), function("result => ({ params, result })"),
            function("args => { params = args }")])) })] });
    for composition in [endless, growing] {
        let program = Program::compile(&composition).unwrap();
        let mut step = Step::new(Arc::new(program), Object::new(), "session").unwrap();
        assert_eq!(step.advance(), Next::Paused);
        let question = step.hand_over();
        assert!(question["$composer"]["stack"].is_array() && question["$composer"].get("resuming").is_none());
    }
}

#[test]
fn only_what_composer_wrote_is_recognised() {
    let code = |header: &str, interpreter: &str| {
        format!(
            "{header}\n\nconst composition = {{\"type\":\"dynamic\"}}\n\n// do not edit below this point\n\n{interpreter}"
        )
    };
    let header = "// generated by composer v0.12.0 and conductor v0.12.0";
    assert!(Program::recognise(&code(header, "const main=()=>0")).is_none());
    assert!(Program::recognise("const main = () => 0").is_none());
}

#[test]
fn recorded_cases_end_as_recorded() {
    let Ok(file) = std::env::var("WISP_COMPOSER_CASES") else {
        return eprintln!("SKIPPED: WISP_COMPOSER_CASES names no recorded cases");
    };
    let recorded: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    for case in recorded["cases"].as_array().unwrap() {
        let mut world = World::new(&case["composition"]);
        let (result, _) = world.run(object(case["input"].clone()));
        assert!(
            same(&result, &case["result"]),
            "{}: {result} is not {}",
            case["id"],
            case["result"]
        );
        assert_eq!(json!(world.called), case["components"], "{}", case["id"]);
    }
}
