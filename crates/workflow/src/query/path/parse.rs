use std::fmt;

use super::{filter::Filter, function::Function, lexer::Lexer};

/// A path that was understood.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    pub(super) root: Root,
    pub(super) steps: Vec<Step>,
    pub(super) function: Option<Function>,
}

/// Where a path starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// `$`
    Input,
    /// `$$`
    Context,
    /// `$name`
    Variable(String),
    /// `@`, the item at hand within a filter.
    Item,
}

/// One part of a path, from a value to those that it selects.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// One or several fields.
    Names(Vec<String>),
    /// One or several items, counted from the end if negative.
    Indices(Vec<i64>),
    /// A range of items, as in Python.
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: i64,
    },
    /// All fields or items.
    All,
    /// The value and everything below it.
    Deep,
    /// The items, or the object, for which the condition holds.
    Filter(Filter),
}

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed(pub(super) String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Path {
    /// Reads a path that starts with `$`.
    ///
    /// # Errors
    /// What is malformed, and where.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let mut lexer = Lexer::new(text);
        let path = Self::parse_at(&mut lexer, Within::Nothing)?;
        if lexer.is_done() {
            return Ok(path);
        }
        Err(lexer.malformed("'.', '[' or the end is expected"))
    }

    /// Where it starts.
    pub fn root(&self) -> &Root {
        &self.root
    }

    /// Whether it has one value: no wildcard, range, filter or deep scan in it.
    pub fn is_definite(&self) -> bool {
        self.function.is_some() || self.leads_to_one()
    }

    /// Whether the steps have one value.
    pub(super) fn leads_to_one(&self) -> bool {
        let last = self.steps.len().saturating_sub(1);
        let mut steps = self.steps.iter().enumerate();
        steps.all(|(at, step)| step.is_definite(at == last))
    }

    /// Whether it is a reference path: it names one place of a document, which can be written.
    pub fn is_reference(&self) -> bool {
        let single = |step: &Step| match step {
            Step::Names(names) => names.len() == 1,
            Step::Indices(indices) => matches!(indices[..], [index] if index >= 0),
            _ => false,
        };
        self.function.is_none() && self.steps.iter().all(single)
    }

    /// The path that comes next; a call or a filter around it goes on after it.
    pub(super) fn parse_at(lexer: &mut Lexer, within: Within) -> Result<Self, Malformed> {
        let mut path = Self {
            root: root(lexer, within)?,
            steps: Vec::new(),
            function: None,
        };
        while path.function.is_none() && path.step(lexer, within)? {}
        Ok(path)
    }

    /// Reads one more step; whether there was one.
    fn step(&mut self, lexer: &mut Lexer, within: Within) -> Result<bool, Malformed> {
        if lexer.take("..") {
            self.steps.push(Step::Deep);
            if lexer.peek() != Some('[') {
                self.named(lexer, within)?;
            }
        } else if lexer.take("[") || lexer.take(".[") {
            self.steps.push(bracket(lexer, within)?);
        } else if lexer.take(".") {
            self.named(lexer, within)?;
        } else {
            return Ok(false);
        }
        lexer.count_step()?;
        Ok(true)
    }

    /// `name`, `*` or `function()`, after a dot.
    fn named(&mut self, lexer: &mut Lexer, within: Within) -> Result<(), Malformed> {
        if lexer.take("*") {
            self.steps.push(Step::All);
            return Ok(());
        }
        let name = lexer.take_until(|c| ".[](".contains(c) || within.ends_name(c));
        if name.is_empty() {
            return Err(lexer.malformed("a name is expected"));
        }
        if lexer.take("(") {
            lexer.expect(")")?;
            let function = Function::named(name);
            self.function =
                Some(function.ok_or_else(|| lexer.malformed(&format!("'{name}' is no function of paths")))?);
        } else {
            self.steps.push(Step::Names(vec![name.to_owned()]));
        }
        Ok(())
    }
}

impl Step {
    pub(super) fn is_definite(&self, is_last: bool) -> bool {
        match self {
            Self::Names(names) => names.len() == 1 || is_last,
            Self::Indices(indices) => indices.len() == 1,
            Self::Slice { .. } | Self::All | Self::Deep | Self::Filter(_) => false,
        }
    }
}

/// What a path stands in, which tells where an unquoted name ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Nothing,
    /// How many filters and brackets of filters are around it.
    Filter(usize),
}

/// How deep filters may nest: their parser and their judgement recurse.
const MAX_DEPTH: usize = 32;

impl Within {
    fn ends_name(self, c: char) -> bool {
        matches!(self, Self::Filter(_)) && (c.is_whitespace() || "=!<>~&|),]".contains(c))
    }

    /// One level further in.
    pub fn deeper(self, lexer: &Lexer) -> Result<Self, Malformed> {
        match self {
            Self::Nothing => Ok(Self::Filter(1)),
            Self::Filter(depth) if depth < MAX_DEPTH => Ok(Self::Filter(depth + 1)),
            Self::Filter(_) => Err(lexer.malformed(&format!("filters nest deeper than {MAX_DEPTH}"))),
        }
    }
}

fn root(lexer: &mut Lexer, within: Within) -> Result<Root, Malformed> {
    if within != Within::Nothing && lexer.take("@") {
        return Ok(Root::Item);
    }
    lexer
        .expect("$")
        .map_err(|_| lexer.malformed("a path starts with '$':"))?;
    if lexer.take("$") {
        return Ok(Root::Context);
    }
    let name = lexer.take_until(|c| c != '_' && !c.is_alphanumeric());
    match name.chars().next() {
        None => Ok(Root::Input),
        Some(first) if first.is_numeric() => Err(Malformed(format!("a variable's name cannot start with '{first}'"))),
        Some(_) => Ok(Root::Variable(name.to_owned())),
    }
}

/// What stands in brackets, after the opening one.
fn bracket(lexer: &mut Lexer, within: Within) -> Result<Step, Malformed> {
    lexer.skip_blanks();
    let step = match lexer.peek() {
        Some('\'' | '"') => Step::Names(list(lexer, |lexer| match lexer.peek() {
            Some(quote @ ('\'' | '"')) => lexer.quoted(quote),
            _ => Err(lexer.malformed("a quoted name is expected")),
        })?),
        Some('*') => {
            lexer.expect("*")?;
            Step::All
        }
        Some('?') => {
            lexer.expect("?")?;
            Step::Filter(Filter::parse_at(lexer, within.deeper(lexer)?)?)
        }
        Some('(') => {
            lexer.expect("(@.length")?;
            lexer.skip_blanks();
            let from_end = lexer.integer()?;
            lexer.skip_blanks();
            lexer.expect(")")?;
            if from_end >= 0 {
                return Err(lexer.malformed("only a place before the end can be taken from '@.length':"));
            }
            Step::Indices(vec![from_end])
        }
        _ => items(lexer)?,
    };
    lexer.skip_blanks();
    lexer.expect("]")?;
    Ok(step)
}

/// `2`, `0,2` or `1:5:2`.
fn items(lexer: &mut Lexer) -> Result<Step, Malformed> {
    let first = bound(lexer)?;
    if !lexer.take_token(":") {
        let Some(first) = first else {
            return Err(lexer.malformed("a name in quotes, a number, '*' or a filter is expected"));
        };
        let mut indices = vec![first];
        if lexer.take_token(",") {
            indices.extend(list(lexer, |lexer| lexer.integer())?);
        }
        return Ok(Step::Indices(indices));
    }
    let end = bound(lexer)?;
    let step = if lexer.take_token(":") { bound(lexer)? } else { None }.unwrap_or(1);
    if step == 0 {
        return Err(lexer.malformed("the step of a range cannot be 0:"));
    }
    Ok(Step::Slice {
        start: first,
        end,
        step,
    })
}

/// A bound of a range, which may be left out.
fn bound(lexer: &mut Lexer) -> Result<Option<i64>, Malformed> {
    match lexer.peek() {
        Some('-' | '0'..='9') => lexer.integer().map(Some),
        _ => Ok(None),
    }
}

/// One or several, with commas between them.
fn list<T>(lexer: &mut Lexer, mut one: impl FnMut(&mut Lexer) -> Result<T, Malformed>) -> Result<Vec<T>, Malformed> {
    let mut found = vec![one(lexer)?];
    while lexer.take_token(",") {
        found.push(one(lexer)?);
    }
    Ok(found)
}
