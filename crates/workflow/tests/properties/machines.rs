//! Random machines. Their data is always an object with a number `v`; everything that fails does so as `Boom`, so that
//! the outcome does not depend on which of several failures comes first.

use serde_json::{Value, json};

/// Random numbers from a seed (a linear congruential generator).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x5851_f42d_4c95_7f2d)
    }

    pub fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

pub fn machine(dice: &mut Dice) -> Value {
    let mut names = 0;
    flow(dice, 3, &mut names)
}

/// A chain of states, each of which leads to a later one.
fn flow(dice: &mut Dice, depth: u64, names: &mut u64) -> Value {
    let length = 1 + dice.below(4);
    let chain: Vec<String> = (0..=length)
        .map(|_| {
            *names += 1;
            format!("S{names}")
        })
        .collect();
    let mut states = serde_json::Map::new();
    for (at, name) in chain.iter().enumerate() {
        let later = &chain[at + 1..];
        states.insert(name.clone(), state(dice, depth, names, later));
    }
    json!({"StartAt": chain[0], "States": states})
}

fn state(dice: &mut Dice, depth: u64, names: &mut u64, later: &[String]) -> Value {
    let Some(next) = later.first() else {
        return json!({"Type": if dice.chance(85) { "Succeed" } else { "Pass" }, "End": true});
    };
    let far = &later[dice.below(later.len() as u64) as usize];
    match dice.below(if depth > 0 { 9 } else { 6 }) {
        0 => json!({"Type": "Pass", "Parameters": {"v.$": "States.MathAdd($.v, 1)"}, "Next": next}),
        1 => json!({"Type": "Wait", "Seconds": dice.below(3), "Next": next}),
        2 => json!({
            "Type": "Choice",
            "Choices": [{"Variable": "$.v", "NumericLessThan": dice.below(6), "Next": far}],
            "Default": next,
        }),
        3 if dice.chance(25) => json!({"Type": "Fail", "Error": "Boom", "Cause": "meant"}),
        3..=5 => recovering(
            json!({
                "Type": "Task",
                "Resource": format!("wisp:action:{}", dice.below(4)),
                "Parameters": {"v.$": "$.v", "try.$": "$$.State.RetryCount"},
                "Next": next,
            }),
            dice,
            far,
        ),
        6 | 7 => {
            let branches: Vec<Value> = (0..=dice.below(3)).map(|_| flow(dice, depth - 1, names)).collect();
            recovering(
                json!({
                    "Type": "Parallel",
                    "Branches": branches,
                    "ResultSelector": {"v.$": "$[0].v"},
                    "Next": next,
                }),
                dice,
                far,
            )
        }
        _ => {
            let processor = flow(dice, depth - 1, names);
            recovering(
                json!({
                    "Type": "Map",
                    "ItemsPath": "$$.Execution.Input.items",
                    "ItemSelector": {"v.$": "$$.Map.Item.Value"},
                    "MaxConcurrency": dice.below(3),
                    "ItemProcessor": processor,
                    "ResultSelector": {"v.$": "States.ArrayLength($)"},
                    "Next": next,
                }),
                dice,
                far,
            )
        }
    }
}

/// The state, perhaps with a retrier and a catcher.
fn recovering(mut state: Value, dice: &mut Dice, next: &str) -> Value {
    let names = [json!(["Boom"]), json!(["Other", "States.ALL"]), json!(["Other"])];
    if dice.chance(50) {
        let errors = &names[dice.below(3) as usize];
        state["Retry"] = json!([{"ErrorEquals": errors, "MaxAttempts": dice.below(3), "IntervalSeconds": 1}]);
    }
    if dice.chance(50) {
        let errors = &names[dice.below(3) as usize];
        state["Catch"] = json!([{"ErrorEquals": errors, "ResultPath": "$.caught", "Next": next}]);
    }
    state
}

/// What the function of this resource answers: the same to the same input.
pub fn function(resource: &str, input: &Value) -> Result<Value, &'static str> {
    let which: u64 = resource.rsplit(':').next().unwrap().parse().unwrap();
    let (v, tries) = (input["v"].as_u64().unwrap(), input["try"].as_u64().unwrap());
    match (v + which) % 3 {
        0 if tries < which => Err("Boom"),
        _ => Ok(json!({"v": (v + which) % 7})),
    }
}
