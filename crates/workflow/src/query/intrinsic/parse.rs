use serde_json::{Number, Value};

use super::functions::{FUNCTIONS, Function};
use crate::query::path::Path;

/// How deep calls may nest.
const MAX_DEPTH: usize = 10;

/// Functions all of whose arguments are numbers.
const OF_NUMBERS: [&str; 3] = ["States.ArrayRange", "States.MathAdd", "States.MathRandom"];

/// A call that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// As it was written, for faults.
    pub text: String,
    pub(super) function: &'static Function,
    /// In their order.
    pub arguments: Vec<Argument>,
}

/// An argument of a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Argument {
    /// A text in quotes, with its escapes: only `States.Format` tells an escaped brace from a placeholder.
    Text(String),
    /// A number, `true`, `false` or `null`.
    Literal(Value),
    /// A path, with its text.
    Path(String, Path),
    /// A further call.
    Call(Call),
}

impl Call {
    /// Reads `States.Name(…)`.
    ///
    /// # Errors
    /// What is malformed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (call, rest) = Self::parse_prefix(text, 1)?;
        match rest {
            "" => Ok(call),
            rest => Err(format!("nothing can follow the call, but '{rest}' does")),
        }
    }

    fn parse_prefix(text: &str, depth: usize) -> Result<(Self, &str), String> {
        if depth > MAX_DEPTH {
            return Err(format!("calls nest deeper than {MAX_DEPTH}"));
        }
        let (name, mut rest) = text.split_once('(').ok_or("a call has parentheses")?;
        let function = FUNCTIONS.iter().find(|function| function.name == name);
        let function = function.ok_or_else(|| format!("there is no function '{name}'"))?;
        let mut arguments = Vec::new();
        rest = rest.trim_start();
        while !rest.starts_with(')') {
            let (argument, after) = Argument::parse(rest, depth)?;
            arguments.push(argument);
            rest = after.trim_start();
            match rest.strip_prefix(',') {
                Some(after) if !after.trim_start().starts_with(')') => rest = after.trim_start(),
                None if rest.starts_with(')') => {}
                _ => return Err(format!("',' and an argument or ')' is expected before '{rest}'")),
            }
        }
        if !function.arity.contains(&arguments.len()) {
            return Err(format!("{name} does not take {} arguments", arguments.len()));
        }
        if OF_NUMBERS.contains(&name) && arguments.iter().any(Argument::is_surely_no_number) {
            return Err(format!("{name} takes numbers"));
        }
        let rest = &rest[1..];
        let call = Self {
            text: text[..text.len() - rest.len()].to_owned(),
            function,
            arguments,
        };
        Ok((call, rest))
    }
}

impl Argument {
    fn parse(text: &str, depth: usize) -> Result<(Self, &str), String> {
        if let Some(text) = text.strip_prefix('\'') {
            return quoted(text);
        }
        if text.starts_with("States.") {
            let (call, rest) = Call::parse_prefix(text, depth + 1)?;
            return Ok((Self::Call(call), rest));
        }
        let (word, rest) = text.split_at(end(text));
        let word = word.trim_end();
        let argument = if word.starts_with('$') {
            let path = Path::parse(word).map_err(|malformed| format!("'{word}': {malformed}"))?;
            Self::Path(word.to_owned(), path)
        } else {
            Self::Literal(literal(word).ok_or_else(|| format!("'{word}' is no text, number, path or call"))?)
        };
        Ok((argument, rest))
    }
}

impl Argument {
    /// Whether no input makes it a number.
    fn is_surely_no_number(&self) -> bool {
        match self {
            Self::Text(_) => true,
            Self::Literal(value) => !value.is_number(),
            Self::Path(..) | Self::Call(_) => false,
        }
    }
}

fn literal(word: &str) -> Option<Value> {
    match word {
        "true" => Some(true.into()),
        "false" => Some(false.into()),
        "null" => Some(Value::Null),
        _ => word.parse::<Number>().ok().map(Value::Number),
    }
}

/// A text after its opening quote, and what follows the closing one. Only quotes, braces and backslashes are escaped.
fn quoted(text: &str) -> Result<(Argument, &str), String> {
    let mut characters = text.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '\'' => return Ok((Argument::Text(text[..at].to_owned()), &text[at + 1..])),
            '\\' => match characters.next() {
                Some((_, '\'' | '{' | '}' | '\\')) => {}
                Some((_, other)) => return Err(format!("'\\{other}' is no escape; \\' \\{{ \\}} and \\\\ are")),
                None => break,
            },
            _ => {}
        }
    }
    Err("the closing ' is missing".into())
}

/// Where an unquoted argument ends: at a comma or a parenthesis that is not within a path's brackets.
fn end(text: &str) -> usize {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            _ if escaped => escaped = false,
            (Some(_), '\\') => escaped = true,
            (Some(open), c) if c == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') if depth > 0 => quote = Some(c),
            (None, '[' | '(') => depth += 1,
            (None, ')' | ',') if depth == 0 => return at,
            (None, ']' | ')') => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    text.len()
}

/// A text without its escapes.
pub(super) fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            '\\' => plain.extend(characters.next()),
            c => plain.push(c),
        }
    }
    plain
}
