//! The words of the reference implementation for faults that the library tells in words of its own. Causes of failed
//! executions carry them, so that they read the same wherever a definition is tried.

use jsonata_core::ast::{AstNode, BinaryOp};

use super::guard::for_each_child;

/// What the library says of an expression that failed, in the reference's words.
pub(super) fn of_failure(message: &str, tree: &AstNode) -> String {
    let message = message.strip_prefix("Invalid syntax: ").unwrap_or(message);
    let Some((code, text)) = message.split_once(": ") else {
        return message.to_owned();
    };
    let words = match code {
        "T0410" | "T0412" => argument(code, text, tree),
        "T1006" => Some("Attempted to invoke a non-function".to_owned()),
        "T2001" | "T2002" => operand(text),
        "T2010" => comparison(tree).map(|operator| {
            format!("The expressions either side of operator \"{operator}\" must evaluate to numeric or string values")
        }),
        "D3010" => Some("Second argument of replace function cannot be an empty string".to_owned()),
        "D3030" => cast(text),
        _ => None,
    };
    match words {
        Some(words) => format!("{code}: {words}"),
        None => message.to_owned(),
    }
}

/// What the library says of a text that is no expression, in the reference's words.
pub(super) fn of_syntax(message: &str) -> String {
    let message = message.strip_prefix("Invalid syntax: ").unwrap_or(message);
    let Some((code, text)) = message.split_once(": ") else {
        return message.to_owned();
    };
    let words = match (code, text.strip_prefix("Expected ")) {
        ("S0202", Some(rest)) => rest
            .rsplit_once(", got ")
            .map(|(expected, got)| format!("Expected \"{}\", got \"{}\"", symbol(expected), symbol(got))),
        ("S0203", Some(rest)) => rest
            .strip_suffix(" before end of expression")
            .map(|expected| format!("Expected \"{}\" before end of expression", symbol(expected))),
        ("S0211", _) => text
            .strip_prefix("The symbol ")
            .and_then(|rest| rest.strip_suffix(" cannot be used as a unary operator"))
            .map(|token| format!("The symbol \"{}\" cannot be used as a unary operator", symbol(token))),
        _ => None,
    };
    match words {
        Some(words) => format!("{code}: {words}"),
        None => message.to_owned(),
    }
}

/// An argument that its function does not take; the library knows its place, the tree the function.
fn argument(code: &str, text: &str, tree: &AstNode) -> Option<String> {
    let function = match text.split_once(" of function ") {
        Some((_, rest)) if !rest.starts_with("does ") && !rest.starts_with("must ") => {
            rest.split(' ').next()?.trim_start_matches('$').to_owned()
        }
        _ => only_function(tree)?,
    };
    let index = match text.strip_prefix("Argument count mismatch: expected ") {
        Some(counts) => surplus(counts)?,
        None => text.strip_prefix("Argument ")?.split(' ').next()?.parse().ok()?,
    };
    Some(match code {
        "T0412" => {
            let kind = text.split("array of ").nth(1)?.to_lowercase();
            format!("Argument {index} of function \"{function}\" must be an array of \"{kind}s\"")
        }
        _ => format!("Argument {index} of function \"{function}\" does not match function signature"),
    })
}

/// The first argument that is missing, or the last that is too many, of `REQUIRED, got GIVEN`.
fn surplus(counts: &str) -> Option<usize> {
    let (required, given) = counts.split_once(", got ")?;
    let (required, given): (usize, usize) = (required.parse().ok()?, given.parse().ok()?);
    Some(if given < required { given + 1 } else { given })
}

/// `The left side of the - operator …`, with the operator in quotes.
fn operand(text: &str) -> Option<String> {
    let (before, rest) = text.split_once(" of the ")?;
    let (operator, after) = rest.split_once(" operator ")?;
    Some(format!("{before} of the \"{operator}\" operator {after}"))
}

fn cast(text: &str) -> Option<String> {
    let value = text.strip_prefix("Cannot convert '")?.strip_suffix("' to number")?;
    let value = serde_json::Value::from(value);
    Some(format!("Unable to cast value to a number: {value}"))
}

/// The name of the function that an expression calls, if it calls only one.
fn only_function(tree: &AstNode) -> Option<String> {
    let mut names = Vec::new();
    collect(&mut tree.clone(), &mut |node| {
        if let AstNode::Function {
            name, is_builtin: true, ..
        } = node
            && !name.contains(' ')
            && !names.contains(name)
        {
            names.push(name.clone());
        }
    });
    (names.len() == 1).then(|| names.remove(0))
}

/// The operator by which an expression compares, if it does so with one only.
fn comparison(tree: &AstNode) -> Option<&'static str> {
    let mut operators = Vec::new();
    collect(&mut tree.clone(), &mut |node| {
        if let AstNode::Binary { op, .. } = node {
            operators.extend(order(*op));
        }
    });
    operators.dedup();
    (operators.len() == 1).then(|| operators.remove(0))
}

/// An operator of order by its sign.
pub(super) fn order(op: BinaryOp) -> Option<&'static str> {
    match op {
        BinaryOp::LessThan => Some("<"),
        BinaryOp::LessThanOrEqual => Some("<="),
        BinaryOp::GreaterThan => Some(">"),
        BinaryOp::GreaterThanOrEqual => Some(">="),
        _ => None,
    }
}

fn collect(node: &mut AstNode, visit: &mut dyn FnMut(&AstNode)) {
    jsonata_core::value::with_stack(|| {
        visit(node);
        for_each_child(node, &mut |child| collect(child, visit));
    });
}

/// A token as it is written, by its name in the library.
fn symbol(token: &str) -> String {
    const SYMBOLS: [(&str, &str); 40] = [
        ("Ampersand", "&"),
        ("And", "and"),
        ("At", "@"),
        ("Caret", "^"),
        ("Colon", ":"),
        ("ColonEqual", ":="),
        ("Comma", ","),
        ("Dot", "."),
        ("DotDot", ".."),
        ("Eof", "(end)"),
        ("Equal", "="),
        ("False", "false"),
        ("GreaterThan", ">"),
        ("GreaterThanOrEqual", ">="),
        ("Hash", "#"),
        ("In", "in"),
        ("LeftBrace", "{"),
        ("LeftBracket", "["),
        ("LeftParen", "("),
        ("LessThan", "<"),
        ("LessThanOrEqual", "<="),
        ("Minus", "-"),
        ("NotEqual", "!="),
        ("Null", "null"),
        ("Or", "or"),
        ("Percent", "%"),
        ("Pipe", "|"),
        ("Plus", "+"),
        ("Question", "?"),
        ("RightBrace", "}"),
        ("RightBracket", "]"),
        ("RightParen", ")"),
        ("Semicolon", ";"),
        ("Slash", "/"),
        ("Star", "*"),
        ("StarStar", "**"),
        ("QuestionQuestion", "??"),
        ("QuestionColon", "?:"),
        ("TildeArrow", "~>"),
        ("True", "true"),
    ];
    if let Some((_, symbol)) = SYMBOLS.iter().find(|(name, _)| *name == token) {
        return (*symbol).to_owned();
    }
    // A token with a value, such as Identifier("name") or Number(1.0).
    let value = token.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    let value = value.unwrap_or(token).trim_matches('"');
    value.strip_suffix(".0").unwrap_or(value).to_owned()
}
