use std::cmp::Ordering;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::{
    Malformed, Path,
    lexer::Lexer,
    parse::Within,
    select::{Missing, Selection},
};

/// The condition of `[?(…)]`.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Filter {
    Or(Vec<Filter>),
    And(Vec<Filter>),
    Not(Box<Filter>),
    Exists(Path),
    Compare(Operand, Operator, Operand),
}

/// One side of a comparison.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Operand {
    Literal(Value),
    Path(Path),
    Pattern(Pattern),
}

/// A regular expression with its text, which is what makes it equal to another.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    pub text: String,
    pub ignores_case: bool,
    compiled: Regex,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (&self.text, self.ignores_case) == (&other.text, other.ignores_case)
    }
}

macro_rules! operators {
    ($($text:literal => $operator:ident,)+) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Operator { $($operator,)+ }

        impl Operator {
            /// Longer texts first, so that `<=` is not taken for `<`.
            const TABLE: &[(&str, Self)] = &[$(($text, Self::$operator),)+];

            pub fn text(self) -> &'static str {
                match self { $(Self::$operator => $text,)+ }
            }
        }
    };
}

operators! {
    "==" => Equal,
    "!=" => NotEqual,
    "<=" => AtMost,
    ">=" => AtLeast,
    "=~" => Matches,
    "<" => Less,
    ">" => More,
    "subsetof" => SubsetOf,
    "noneof" => NoneOf,
    "anyof" => AnyOf,
    "contains" => Contains,
    "empty" => Empty,
    "size" => Size,
    "nin" => NotIn,
    "in" => In,
}

impl Filter {
    /// `(…)`, after the question mark.
    pub fn parse_at(lexer: &mut Lexer, within: Within) -> Result<Self, Malformed> {
        lexer.expect("(")?;
        let filter = Self::either(lexer, within)?;
        lexer.skip_blanks();
        lexer.expect(")")?;
        Ok(filter)
    }

    fn either(lexer: &mut Lexer, within: Within) -> Result<Self, Malformed> {
        Self::chain(lexer, "||", Self::Or, |lexer| {
            Self::chain(lexer, "&&", Self::And, |lexer| Self::term(lexer, within))
        })
    }

    /// One filter, or several with this operator between them.
    fn chain(
        lexer: &mut Lexer,
        operator: &str,
        several: impl Fn(Vec<Self>) -> Self,
        one: impl Fn(&mut Lexer) -> Result<Self, Malformed>,
    ) -> Result<Self, Malformed> {
        let first = one(lexer)?;
        if !lexer.take_token(operator) {
            return Ok(first);
        }
        let mut all = vec![first, one(lexer)?];
        while lexer.take_token(operator) {
            all.push(one(lexer)?);
        }
        Ok(several(all))
    }

    fn term(lexer: &mut Lexer, within: Within) -> Result<Self, Malformed> {
        lexer.skip_blanks();
        if lexer.take("!") {
            return Ok(Self::Not(Box::new(Self::term(lexer, within.deeper(lexer)?)?)));
        }
        if lexer.peek() == Some('(') {
            return Self::parse_at(lexer, within.deeper(lexer)?);
        }
        let left = Operand::parse_at(lexer, within)?;
        lexer.skip_blanks();
        let operator = Operator::TABLE.iter().find(|(text, _)| lexer.take(text));
        match (operator, left) {
            (Some((_, operator)), left) => {
                lexer.skip_blanks();
                Ok(Self::Compare(left, *operator, Operand::parse_at(lexer, within)?))
            }
            (None, Operand::Path(path)) => Ok(Self::Exists(path)),
            (None, _) => Err(lexer.malformed("an operator is expected")),
        }
    }

    /// Whether the condition holds for `item`.
    pub fn holds<'v>(&'v self, item: &'v Value, selection: &Selection<'v>) -> Result<bool, Missing> {
        match self {
            Self::Or(all) => any(all, |filter| filter.holds(item, selection)),
            Self::And(all) => Ok(!any(all, |filter| Ok(!filter.holds(item, selection)?))?),
            Self::Not(filter) => Ok(!filter.holds(item, selection)?),
            Self::Exists(path) => Ok(selection.within(item).value(path)?.is_some()),
            Self::Compare(left, Operator::Matches, Operand::Pattern(pattern)) => {
                let left = left.value(item, selection)?;
                let text = left.as_ref().and_then(Value::as_str);
                Ok(text.is_some_and(|text| pattern.compiled.is_match(text)))
            }
            Self::Compare(left, operator, right) => {
                let (left, right) = (left.value(item, selection)?, right.value(item, selection)?);
                selection.charge(length(left.as_ref()) * length(right.as_ref()))?;
                Ok(operator.judge(left.as_ref(), right.as_ref()))
            }
        }
    }
}

/// How many items a value has, or one.
fn length(value: Option<&Value>) -> usize {
    value.and_then(Value::as_array).map_or(1, |items| items.len().max(1))
}

fn any(all: &[Filter], mut holds: impl FnMut(&Filter) -> Result<bool, Missing>) -> Result<bool, Missing> {
    for filter in all {
        if holds(filter)? {
            return Ok(true);
        }
    }
    Ok(false)
}

impl Operand {
    fn parse_at(lexer: &mut Lexer, within: Within) -> Result<Self, Malformed> {
        match lexer.peek() {
            Some('@' | '$') => Ok(Self::Path(Path::parse_at(lexer, within)?)),
            Some('/') => Ok(Self::Pattern(Pattern::parse_at(lexer)?)),
            Some(quote @ ('\'' | '"')) => Ok(Self::Literal(lexer.quoted(quote)?.into())),
            Some('[') => Ok(Self::Literal(Value::Array(array(lexer)?))),
            _ => scalar(lexer).map(Self::Literal),
        }
    }

    /// The value, or none where a path leads nowhere.
    fn value<'v>(&'v self, item: &'v Value, selection: &Selection<'v>) -> Result<Option<Value>, Missing> {
        match self {
            Self::Literal(value) => Ok(Some(value.clone())),
            Self::Path(path) => selection.within(item).value(path),
            Self::Pattern(pattern) => Ok(Some(pattern.text.clone().into())),
        }
    }
}

impl Pattern {
    /// `/…/` with the flag `i`, matched against the whole text in linear time.
    fn parse_at(lexer: &mut Lexer) -> Result<Self, Malformed> {
        let mut text = String::new();
        lexer.expect("/")?;
        while !lexer.take("/") {
            if lexer.is_done() {
                return Err(lexer.malformed("the closing / is missing"));
            }
            text += if lexer.take("\\/") { "/" } else { lexer.take_one() };
        }
        let ignores_case = lexer.take("i");
        let compiled = RegexBuilder::new(&format!("^(?:{text})$"))
            .case_insensitive(ignores_case)
            .size_limit(1 << 20)
            .build()
            .map_err(|_| lexer.malformed(&format!("'{text}' is no regular expression:")))?;
        Ok(Self {
            text,
            ignores_case,
            compiled,
        })
    }
}

/// `['a', 2]`
fn array(lexer: &mut Lexer) -> Result<Vec<Value>, Malformed> {
    let mut items = Vec::new();
    lexer.expect("[")?;
    lexer.skip_blanks();
    while lexer.peek() != Some(']') {
        items.push(match lexer.peek() {
            Some(quote @ ('\'' | '"')) => lexer.quoted(quote)?.into(),
            _ => scalar(lexer)?,
        });
        if !lexer.take_token(",") {
            break;
        }
    }
    lexer.skip_blanks();
    lexer.expect("]")?;
    Ok(items)
}

/// A number, `true`, `false` or `null`.
fn scalar(lexer: &mut Lexer) -> Result<Value, Malformed> {
    let word = lexer.take_until(|c| c.is_whitespace() || "=!<>~&|),]".contains(c));
    let scalar = serde_json::from_str(word).ok();
    let scalar = scalar.filter(|value: &Value| !value.is_array() && !value.is_object() && !value.is_string());
    scalar.ok_or_else(|| lexer.malformed(&format!("'{word}' is no path, text, number, true, false or null")))
}

impl Operator {
    fn judge(self, left: Option<&Value>, right: Option<&Value>) -> bool {
        let array = |value: Option<&Value>| value.and_then(Value::as_array).cloned();
        let (Some(this), Some(that)) = (left, right) else {
            return matches!(self, Self::NotEqual | Self::NotIn) && left.is_some() != right.is_some();
        };
        let order = order(this, that);
        let within = |item: &Value, items: &[Value]| items.iter().any(|other| equal(item, other));
        match self {
            Self::Equal => equal(this, that),
            Self::NotEqual => !equal(this, that),
            Self::Less => order == Some(Ordering::Less),
            Self::More => order == Some(Ordering::Greater),
            Self::AtMost => matches!(order, Some(Ordering::Less | Ordering::Equal)),
            Self::AtLeast => matches!(order, Some(Ordering::Greater | Ordering::Equal)),
            Self::In => array(right).is_some_and(|items| within(this, &items)),
            Self::NotIn => !array(right).is_some_and(|items| within(this, &items)),
            Self::Contains => match (this, that) {
                (Value::String(text), Value::String(part)) => text.contains(part.as_str()),
                _ => array(left).is_some_and(|items| within(that, &items)),
            },
            Self::SubsetOf | Self::AnyOf | Self::NoneOf => match (array(left), array(right)) {
                (Some(items), Some(others)) => match self {
                    Self::SubsetOf => items.iter().all(|item| within(item, &others)),
                    Self::AnyOf => items.iter().any(|item| within(item, &others)),
                    _ => !items.iter().any(|item| within(item, &others)),
                },
                _ => false,
            },
            Self::Size | Self::Empty => {
                let length = match this {
                    Value::String(text) => Some(text.chars().count()),
                    Value::Array(items) => Some(items.len()),
                    _ => None,
                };
                match self {
                    Self::Size => length.is_some_and(|length| equal(&length.into(), that)),
                    _ => length.is_some_and(|length| (length == 0) == (that == &Value::Bool(true))),
                }
            }
            Self::Matches => false,
        }
    }
}

/// Numbers are equal by value, and to texts that spell them, as in Jayway.
fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Number(number), Value::String(text)) | (Value::String(text), Value::Number(number)) => {
            text.parse().ok() == number.as_f64()
        }
        _ => left == right,
    }
}

fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64()?.partial_cmp(&right.as_f64()?),
        (Value::String(left), Value::String(right)) => Some(left.encode_utf16().cmp(right.encode_utf16())),
        _ => None,
    }
}
