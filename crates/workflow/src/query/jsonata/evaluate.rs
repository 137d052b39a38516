use std::{
    cell::OnceCell,
    panic::{AssertUnwindSafe, catch_unwind},
};

use jsonata_core::{
    ast::AstNode,
    evaluator::{Context, Evaluator, EvaluatorError, EvaluatorOptions},
    parser,
    value::JValue,
};
use serde_json::Value;

use super::{
    functions, guard,
    json::{NotJson, to_json, to_jsonata},
    words,
};
use crate::query::{Fault, Scope, allowance::Allowance, depth::MAX_DEPTH};

pub(super) fn parse(expression: &str) -> Result<AstNode, String> {
    parser::parse(expression).map_err(|error| words::of_syntax(&error.to_string()))
}

/// The expressions of one field; what they see is converted once.
pub(super) struct Evaluation<'a> {
    scope: &'a Scope<'a>,
    allowance: Allowance,
    /// The values of [`STATES`], in their order.
    states: [OnceCell<JValue>; STATES.len()],
}

/// The fields of `$states`.
const STATES: [&str; 4] = ["input", "context", "result", "errorOutput"];

impl<'a> Evaluation<'a> {
    pub fn new(scope: &'a Scope<'a>) -> Self {
        Self {
            scope,
            allowance: Allowance::new(scope),
            states: Default::default(),
        }
    }

    /// What the expression of this field gives.
    pub fn value(&self, expression: &str, field: &str) -> Result<Value, Fault> {
        let fault = |why: &str| {
            let about = format!("The JSONata expression '{expression}' specified for the field '{field}'");
            Fault::evaluation(field, format!("{about} {why}"))
        };
        let threw = |why: &str| fault(&format!("threw an error during evaluation. {why}"));
        let mut tree = parse(expression).map_err(|why| threw(&why))?;
        guard::guard(&mut tree);
        let value = self
            .run(&tree, expression)
            .map_err(|error| threw(&self.words(error.message(), &tree, expression)))?;
        if value.is_undefined() {
            return Err(fault("returned nothing (undefined)."));
        }
        let bytes = self.scope.bounds.bytes;
        let value = to_json(&value, bytes).map_err(|why| match why {
            NotJson::Unsupported => fault("returned an unsupported result type."),
            NotJson::TooDeep => fault(&format!("returned a value that nests deeper than {MAX_DEPTH} levels.")),
            NotJson::TooLong => fault(&format!("returned a value of more than {bytes} bytes.")),
        });
        self.allowance.take(value?)
    }

    /// What the library says, in the reference's words; those of two values that have no order name the values.
    fn words(&self, message: &str, tree: &AstNode, expression: &str) -> String {
        let values = match tree {
            AstNode::Binary { op, lhs, rhs } if message.starts_with("T2009: ") => {
                words::order(*op).and_then(|operator| {
                    let json = |side| to_json(&self.run(side, expression).ok()?, self.scope.bounds.bytes).ok();
                    Some((json(lhs)?, json(rhs)?, operator))
                })
            }
            _ => None,
        };
        match values {
            Some((left, right, operator)) => format!(
                "T2009: The values {left} and {right} either side of operator \"{operator}\" must be of the same data type"
            ),
            None => words::of_failure(message, tree),
        }
    }

    fn run(&self, tree: &AstNode, expression: &str) -> Result<JValue, EvaluatorError> {
        let bounds = self.scope.bounds;
        let options = EvaluatorOptions {
            timeout_ms: Some(bounds.time_ms),
            max_stack_depth: Some(bounds.depth),
            max_sequence_length: Some(bounds.sequence),
            cancel: None,
        };
        let mut evaluator = Evaluator::with_options(self.bindings(expression), options);
        functions::register(&mut evaluator, self.scope)?;
        guard::register(&mut evaluator, bounds.bytes)?;
        // A fault of the library's own fails the expression, not who evaluates it.
        let evaluated = catch_unwind(AssertUnwindSafe(|| evaluator.evaluate(tree, &JValue::Undefined)));
        evaluated.unwrap_or_else(|_| Err(EvaluatorError::EvaluationError("The evaluator failed".to_owned())))
    }

    /// The values that the expression names; converting what it does not name would cost more than the expression.
    fn bindings(&self, expression: &str) -> Context {
        let mut context = Context::new();
        for (name, value) in self.scope.variables {
            if expression.contains(name.as_str()) {
                context.bind(name.clone(), to_jsonata(value));
            }
        }
        if expression.contains("states") {
            context.bind("states".to_owned(), self.states(expression));
        }
        context
    }

    /// `$states` with the fields that the expression names; all, unless it names one wherever it says `$states`.
    fn states(&self, expression: &str) -> JValue {
        let named = |name: &str| expression.contains(&format!("states.{name}"));
        let uses = expression.matches("states").count();
        let known: usize = STATES
            .iter()
            .map(|name| expression.matches(&format!("states.{name}")).count())
            .sum();
        let values = [
            Some(self.scope.input),
            Some(self.scope.context),
            self.scope.result,
            self.scope.error_output,
        ];
        let fields = STATES
            .iter()
            .zip(values)
            .zip(&self.states)
            .filter_map(|((name, value), converted)| {
                let value = value.filter(|_| known < uses || named(name))?;
                Some(((*name).to_owned(), converted.get_or_init(|| to_jsonata(value)).clone()))
            });
        JValue::object(fields.collect())
    }
}
