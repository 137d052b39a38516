use std::{borrow::Cow, cell::Cell, fmt};

use serde_json::{Map, Value};

use super::{Path, Root, parse::Step};
use crate::query::{Scope, allowance::Allowance};

/// Why a path has no value, in Jayway's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing(String);

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Path {
    /// What it selects: a value, or an array if it is indefinite.
    ///
    /// # Errors
    /// [`Missing`] when a definite path leads nowhere.
    pub fn select(&self, scope: &Scope) -> Result<Value, Missing> {
        let (visits, allowance) = (Cell::new(0), Allowance::new(scope));
        let selection = Selection {
            scope,
            item: None,
            visits: &visits,
            allowance: &allowance,
        };
        let found = match selection.all(self) {
            // The service has an empty array for what begins below something that is not there.
            Err(_) if !self.is_definite() && visits.get() <= scope.bounds.visits => Vec::new(),
            found => found?,
        };
        if !self.is_definite() {
            return selection.list(found);
        }
        let value = self.one(found, &selection)?;
        let value = value.ok_or_else(|| Missing(format!("No results for path: {self}")))?;
        selection.own(value)
    }

    /// The one value of a definite path, or of its function.
    fn one<'v>(
        &self,
        mut found: Vec<Cow<'v, Value>>,
        selection: &Selection,
    ) -> Result<Option<Cow<'v, Value>>, Missing> {
        let Some(function) = self.function else {
            return Ok(found.pop());
        };
        let argument = match self.leads_to_one() {
            true => found.pop(),
            false => Some(Cow::Owned(selection.list(found)?)),
        };
        Ok(argument.and_then(|argument| function.apply(&argument)).map(Cow::Owned))
    }
}

/// What paths start from.
#[derive(Clone, Copy)]
pub(super) struct Selection<'v> {
    scope: &'v Scope<'v>,
    /// `@`
    item: Option<&'v Value>,
    visits: &'v Cell<usize>,
    allowance: &'v Allowance,
}

impl<'v> Selection<'v> {
    /// The same for the condition of a filter on this item.
    pub fn within(&self, item: &'v Value) -> Self {
        Self {
            item: Some(item),
            ..*self
        }
    }

    /// The value of a path within a filter, where leading nowhere is no fault.
    pub fn value(&self, path: &'v Path) -> Result<Option<Value>, Missing> {
        let found = match self.all(path) {
            Ok(found) => found,
            Err(_) if self.visits.get() <= self.scope.bounds.visits => return Ok(None),
            Err(missing) => return Err(missing),
        };
        if path.is_definite() {
            return path.one(found, self)?.map(|value| self.own(value)).transpose();
        }
        match found.is_empty() {
            true => Ok(None),
            false => self.list(found).map(Some),
        }
    }

    /// A copy of a value that was selected.
    fn own(&self, value: Cow<Value>) -> Result<Value, Missing> {
        match self.allowance.spend(&value) {
            true => Ok(value.into_owned()),
            false => {
                let most = self.scope.bounds.together;
                Err(Missing(format!("the path selects more than {most} bytes")))
            }
        }
    }

    fn list(&self, found: Vec<Cow<Value>>) -> Result<Value, Missing> {
        found.into_iter().map(|value| self.own(value)).collect()
    }

    /// Counts values that are visited: deep scans in a row multiply, and so do searches for each item.
    pub fn charge(&self, values: usize) -> Result<(), Missing> {
        let (visits, most) = (self.visits.get().saturating_add(values), self.scope.bounds.visits);
        self.visits.set(visits);
        if visits <= most {
            return Ok(());
        }
        Err(Missing(format!("the path visits more than {most} values")))
    }

    fn all(&self, path: &'v Path) -> Result<Vec<Cow<'v, Value>>, Missing> {
        let start = match &path.root {
            Root::Input => Some(self.scope.input),
            Root::Context => Some(self.scope.context),
            Root::Variable(name) => self.scope.variables.get(name),
            Root::Item => self.item,
        };
        let start = start.ok_or_else(|| Missing(format!("No results for path: {path}")))?;
        let mut found = Vec::new();
        self.walk(path, 0, true, start, &mut found)?;
        Ok(found)
    }

    /// Follows the steps from `at` on. While the steps before are `definite`, a wrong type is a fault; after that it
    /// only selects nothing.
    fn walk(
        &self,
        path: &'v Path,
        at: usize,
        definite: bool,
        value: &'v Value,
        found: &mut Vec<Cow<'v, Value>>,
    ) -> Result<(), Missing> {
        self.charge(1)?;
        let Some(step) = path.steps.get(at) else {
            found.push(Cow::Borrowed(value));
            return Ok(());
        };
        let is_last = at + 1 == path.steps.len();
        let definite_after = definite && step.is_definite(is_last);
        let mut follow = |value| self.walk(path, at + 1, definite_after, value, found);
        match (step, value) {
            (Step::Names(names), Value::Object(fields)) if names.len() > 1 && is_last => {
                let chosen = names.iter().filter_map(|name| Some((name, fields.get(name)?)));
                let chosen = chosen.map(|(name, value)| Ok((name.clone(), self.own(Cow::Borrowed(value))?)));
                found.push(Cow::Owned(Value::Object(chosen.collect::<Result<Map<_, _>, _>>()?)));
                Ok(())
            }
            (Step::Names(names), Value::Object(fields)) => names.iter().try_for_each(|name| match fields.get(name) {
                Some(value) => follow(value),
                None if is_last || !definite => Ok(()),
                None => Err(Missing(format!("Missing property in path {}", path.prefix(at + 1)))),
            }),
            (Step::Indices(indices), Value::Array(items)) => {
                let mut chosen = indices.iter().filter_map(|index| item(items, *index));
                chosen.try_for_each(&mut follow)
            }
            (Step::Slice { start, end, step }, Value::Array(items)) => {
                let mut chosen = slice(items.len(), *start, *end, *step).into_iter();
                chosen.try_for_each(|index| follow(&items[index]))
            }
            (Step::All, Value::Object(fields)) => fields.values().try_for_each(&mut follow),
            (Step::All, Value::Array(items)) => items.iter().try_for_each(&mut follow),
            (Step::All, _) => Ok(()),
            (Step::Deep, _) => self.scan(path, at, value, found),
            (Step::Filter(filter), Value::Array(items)) => items.iter().try_for_each(|item| {
                let holds = filter.holds(item, self)?;
                if holds { follow(item) } else { Ok(()) }
            }),
            (Step::Filter(filter), Value::Object(_)) if filter.holds(value, self)? => follow(value),
            (Step::Filter(_), Value::Object(_)) => Ok(()),
            _ if definite => Err(mismatch(path, at, value)),
            _ => Ok(()),
        }
    }

    /// The steps after a `..` from this value and from everything below it.
    fn scan(
        &self,
        path: &'v Path,
        at: usize,
        value: &'v Value,
        found: &mut Vec<Cow<'v, Value>>,
    ) -> Result<(), Missing> {
        self.walk(path, at + 1, false, value, found)?;
        match value {
            Value::Object(fields) => fields.values().try_for_each(|value| self.scan(path, at, value, found)),
            Value::Array(items) => items.iter().try_for_each(|value| self.scan(path, at, value, found)),
            _ => Ok(()),
        }
    }
}

/// The step does not go with the value's type.
fn mismatch(path: &Path, at: usize, value: &Value) -> Missing {
    let before = path.prefix(at);
    Missing(match (&path.steps[at], value) {
        (Step::Names(_), _) => format!(
            "Expected to find an object with property {} in path {before} but found '{}'.",
            path.steps[at],
            kind(value)
        ),
        (_, Value::Null) => format!("The path {before} is null"),
        (step, _) => format!("Filter: {step} can only be applied to arrays. Current context is: {value}"),
    })
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The item at this index, counted from the end if negative.
fn item(items: &[Value], index: i64) -> Option<&Value> {
    let from_start = if index < 0 {
        index.checked_add_unsigned(items.len() as u64)?
    } else {
        index
    };
    items.get(usize::try_from(from_start).ok()?)
}

/// The indices of a range, as Python has them.
fn slice(length: usize, start: Option<i64>, end: Option<i64>, step: i64) -> Vec<usize> {
    let length = length as i64;
    let (lowest, highest) = if step > 0 { (0, length) } else { (-1, length - 1) };
    let place = |bound: i64| (if bound < 0 { bound.saturating_add(length) } else { bound }).clamp(lowest, highest);
    let start = start.map_or(if step > 0 { lowest } else { highest }, place);
    let end = end.map_or(if step > 0 { highest } else { lowest }, place);
    let mut indices = Vec::new();
    let mut at = start;
    while if step > 0 { at < end } else { at > end } {
        indices.push(at as usize);
        at = at.saturating_add(step);
    }
    indices
}
