//! Checks between the steps of an expression where one step of the library could make much of little, or never end.
//!
//! The library looks at its limits between steps. Joining a text with itself in each turn, or comparing a value that
//! holds another twice, which holds a third twice …, outgrows any limit within one step; a range between the ends of
//! the integers is endless. So the operands of such steps are wrapped into calls of functions of ours, under names
//! that no expression can write.

use jsonata_core::{
    ast::{AstNode, BinaryOp, Stage},
    evaluator::{Evaluator, EvaluatorError},
    value::{JValue, with_stack},
};

/// Lets a value pass that is not too long as JSON; with a second one, if one for each byte of it would not be, either.
const BOUNDED: &str = "bounded value";
/// Lets a number pass that is exact.
const EXACT: &str = "exact number";

/// Arguments that a function must not be given but which the library takes: the function, how many arguments it must have for
/// the place to count, the place, and what fits there.
const REFUSED: [(&str, usize, usize, Fit); 5] = [
    ("fromMillis", 1, 0, Fit::Number),
    ("pad", 2, 0, Fit::Text),
    ("replace", 3, 2, Fit::TextOrFunction),
    ("sort", 1, 0, Fit::Ordered),
    ("split", 2, 1, Fit::TextOrFunction),
];

/// What a function takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    Number,
    Text,
    TextOrFunction,
    /// Numbers only, or texts only.
    Ordered,
}

impl Fit {
    fn fits(self, value: &JValue) -> bool {
        let callable =
            |value: &JValue| matches!(value, JValue::Lambda(_) | JValue::Builtin { .. } | JValue::Regex { .. });
        match (self, value) {
            (_, JValue::Undefined) | (Fit::Number, JValue::Number(_)) | (Fit::Text, JValue::String(_)) => true,
            (Fit::TextOrFunction, JValue::String(_)) => true,
            (Fit::TextOrFunction, value) => callable(value),
            (Fit::Ordered, JValue::Array(items)) => {
                let all = |fits: fn(&JValue) -> bool| items.iter().all(fits);
                items.len() < 2
                    || all(|item| matches!(item, JValue::Number(_)))
                    || all(|item| matches!(item, JValue::String(_)))
            }
            (Fit::Ordered, _) => true,
            _ => false,
        }
    }
}

/// The name of what lets only that pass which a function takes at a place.
fn fitting(function: &str, place: usize) -> String {
    format!("argument {} of {function}", place + 1)
}

/// What is said of something else, as the library says such things.
fn misfit(function: &str, place: usize, fit: Fit) -> String {
    match fit {
        Fit::Ordered => {
            "D3070: The single argument form of the sort function can only be applied to an array of strings or \
                         an array of numbers.  Use the second argument to specify a comparison function"
                .to_owned()
        }
        _ => format!(
            "T0410: Argument {} of function {function} does not match function signature",
            place + 1
        ),
    }
}

/// Functions that walk their arguments, or write them.
const WALKING: [&str; 7] = [
    "base64encode",
    "boolean",
    "distinct",
    "encodeUrl",
    "encodeUrlComponent",
    "spread",
    "string",
];
/// Those that write one argument for each part of the first, and which that is.
const MULTIPLYING: [(&str, usize); 2] = [("join", 1), ("replace", 2)];
/// How much longer than any other value a text may be that one of them makes.
const MULTIPLE: usize = 256;

/// Gives an evaluator the functions that [`guard`] calls.
pub fn register(evaluator: &mut Evaluator, bytes: usize) -> Result<(), EvaluatorError> {
    for (function, _, place, fit) in REFUSED {
        evaluator.register_fn(fitting(function, place), move |arguments: &[JValue]| {
            match arguments.first().cloned().unwrap_or(JValue::Undefined) {
                value if fit.fits(&value) => Ok(value),
                _ => Err(EvaluatorError::TypeError(misfit(function, place, fit))),
            }
        })?;
    }
    evaluator.register_fn(EXACT, |arguments: &[JValue]| match arguments.first() {
        Some(JValue::Number(number)) if number.abs() > 9_007_199_254_740_992.0 => Err(EvaluatorError::EvaluationError(
            "D2014: The size of the sequence allocated by the range operator is out of bounds".into(),
        )),
        other => Ok(other.cloned().unwrap_or(JValue::Undefined)),
    })?;
    evaluator.register_fn(BOUNDED, move |arguments: &[JValue]| {
        let value = arguments.first().cloned().unwrap_or(JValue::Undefined);
        let length = length(&value, bytes);
        let each = arguments.get(1).map_or(0, |part| self::length(part, bytes));
        if length > bytes || length.saturating_mul(each) > bytes.saturating_mul(MULTIPLE) {
            let why = format!("A value within the expression is longer than {bytes} bytes");
            return Err(EvaluatorError::EvaluationError(why));
        }
        Ok(value)
    })
}

/// About how many bytes a value has as JSON; more than `most` is not counted further.
fn length(value: &JValue, most: usize) -> usize {
    with_stack(|| match value {
        JValue::String(text) => text.len(),
        JValue::Array(items) => sum(items.iter().map(|item| length(item, most)), most),
        JValue::Object(_) => {
            let fields = value.as_object().into_iter().flatten();
            sum(fields.map(|(name, value)| name.len() + length(value, most)), most)
        }
        _ => 1,
    })
}

/// The sum of the parts and of one more; adding stops where it is above `most`.
fn sum(mut parts: impl Iterator<Item = usize>, most: usize) -> usize {
    let add = |sum: usize, part: usize| Some(sum + part).filter(|sum| *sum <= most);
    parts.try_fold(1, add).unwrap_or(most + 1)
}

/// Wraps what has to be checked.
pub fn guard(node: &mut AstNode) {
    with_stack(|| {
        for_each_child(node, &mut guard);
        match node {
            AstNode::Binary { op, lhs, rhs } => operands(*op, lhs, rhs),
            AstNode::Function { name, args, .. } => arguments(name, args),
            _ => {}
        }
    });
}

fn operands(op: BinaryOp, lhs: &mut AstNode, rhs: &mut AstNode) {
    match op {
        BinaryOp::Range => [lhs, rhs].into_iter().for_each(|side| wrap(EXACT, side, None)),
        BinaryOp::Concatenate => [lhs, rhs].into_iter().for_each(|side| wrap(BOUNDED, side, None)),
        // Comparing with a literal ends at once.
        BinaryOp::Equal | BinaryOp::NotEqual if !is_literal(lhs) && !is_literal(rhs) => {
            [lhs, rhs].into_iter().for_each(|side| wrap(BOUNDED, side, None));
        }
        BinaryOp::ChainPipe => match rhs {
            AstNode::Variable(name) if WALKING.contains(&name.as_str()) => wrap(BOUNDED, lhs, None),
            AstNode::Function { name, args, .. } => {
                if let Some(each) = multiplied(name) {
                    wrap(BOUNDED, lhs, args.get(each - 1).cloned());
                } else if WALKING.contains(&name.as_str()) {
                    wrap(BOUNDED, lhs, None);
                }
            }
            _ => {}
        },
        _ => {}
    }
}

fn arguments(name: &str, args: &mut [AstNode]) {
    for (_, count, place, _) in REFUSED.iter().filter(|(function, ..)| *function == name) {
        let given = args.len();
        if let Some(argument) = args.get_mut(*place).filter(|_| exactly_or_more(name, given, *count)) {
            wrap(&fitting(name, *place), argument, None);
        }
    }
    if let Some(each) = multiplied(name) {
        let part = args.get(each).cloned();
        if let Some(first) = args.first_mut() {
            wrap(BOUNDED, first, part);
        }
    } else if WALKING.contains(&name) {
        args.iter_mut().for_each(|argument| wrap(BOUNDED, argument, None));
    }
}

/// Whether so many arguments are those that a rule is about: to sort by a function is another matter.
fn exactly_or_more(name: &str, given: usize, count: usize) -> bool {
    given == count || given > count && name != "sort"
}

fn multiplied(name: &str) -> Option<usize> {
    MULTIPLYING
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, each)| *each)
}

fn is_literal(node: &AstNode) -> bool {
    use AstNode::{Boolean, Lambda, Null, Number, Placeholder, Regex, String};
    matches!(
        node,
        Boolean(_) | Lambda { .. } | Null | Number(_) | Placeholder | Regex { .. } | String(_)
    )
}

fn wrap(function: &str, node: &mut AstNode, part: Option<AstNode>) {
    let part = part.filter(|part| !is_literal(part) || matches!(part, AstNode::String(_)));
    let is_exact = matches!(node, AstNode::Number(number) if number.abs() < 1e15) && function == EXACT;
    let is_short = is_literal(node) && function == BOUNDED && part.is_none();
    // The library compiles patterns where they stand.
    if is_exact || is_short || matches!(node, AstNode::Regex { .. } | AstNode::Placeholder) {
        return;
    }
    let inner = std::mem::replace(node, AstNode::Undefined);
    *node = AstNode::Function {
        name: function.to_owned(),
        args: [inner].into_iter().chain(part).collect(),
        is_builtin: true,
    };
}

/// Visits what a node is made of.
pub(super) fn for_each_child(node: &mut AstNode, visit: &mut dyn FnMut(&mut AstNode)) {
    match node {
        AstNode::Path { steps } => {
            for step in steps {
                visit(&mut step.node);
                for stage in &mut step.stages {
                    if let Stage::Filter(filter) = stage {
                        visit(filter);
                    }
                }
            }
        }
        AstNode::Binary { lhs, rhs, .. } => [lhs, rhs].into_iter().for_each(|side| visit(side)),
        AstNode::Unary { operand, .. } | AstNode::FunctionApplication(operand) => visit(operand),
        AstNode::Function { args, .. } => args.iter_mut().for_each(visit),
        AstNode::Call { procedure, args } => {
            visit(procedure);
            args.iter_mut().for_each(visit);
        }
        AstNode::Lambda { body, .. } => visit(body),
        AstNode::Array(items) | AstNode::ArrayGroup(items) | AstNode::Block(items) => items.iter_mut().for_each(visit),
        AstNode::Object(pairs) => pairs.iter_mut().for_each(|(name, value)| {
            visit(name);
            visit(value);
        }),
        AstNode::ObjectTransform { input, pattern } => {
            visit(input);
            pattern.iter_mut().for_each(|(name, value)| {
                visit(name);
                visit(value);
            });
        }
        AstNode::Conditional {
            condition,
            then_branch,
            else_branch,
        } => {
            visit(condition);
            visit(then_branch);
            else_branch.iter_mut().for_each(|branch| visit(branch));
        }
        AstNode::Sort { input, terms } => {
            visit(input);
            terms.iter_mut().for_each(|(term, _)| visit(term));
        }
        AstNode::Transform {
            location,
            update,
            delete,
        } => {
            visit(location);
            visit(update);
            delete.iter_mut().for_each(|deleted| visit(deleted));
        }
        _ => {}
    }
}
