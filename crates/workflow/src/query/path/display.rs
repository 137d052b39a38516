use std::fmt;

use serde_json::Value;

use super::{
    Path, Root,
    filter::{Filter, Operand},
    parse::Step,
};

impl Path {
    /// The first `steps` of it, as faults show them.
    pub(super) fn prefix(&self, steps: usize) -> String {
        let shown = Self {
            root: self.root.clone(),
            steps: self.steps[..steps].to_vec(),
            function: None,
        };
        shown.to_string()
    }
}

/// As Jayway shows paths: every name in brackets.
impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            Root::Input => f.write_str("$")?,
            Root::Context => f.write_str("$$")?,
            Root::Variable(name) => write!(f, "${name}")?,
            Root::Item => f.write_str("@")?,
        }
        for (at, step) in self.steps.iter().enumerate() {
            // A scan is followed by a bracket or by a star, which needs no dot of its own.
            match (at.checked_sub(1).map(|before| &self.steps[before]), step) {
                (Some(Step::Deep), Step::All) => f.write_str("*")?,
                _ => write!(f, "{step}")?,
            }
        }
        match self.function {
            Some(function) => write!(f, "{}{}()", self.dot(), function.name()),
            None => Ok(()),
        }
    }
}

impl Path {
    /// What stands before a function: a scan has its dots already.
    fn dot(&self) -> &'static str {
        if self.steps.last() == Some(&Step::Deep) {
            ""
        } else {
            "."
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Names(names) => write!(f, "[{}]", list(names.iter().map(|name| quote(name)))),
            Self::Indices(indices) => write!(f, "[{}]", list(indices.iter().map(ToString::to_string))),
            Self::Slice { start, end, step } => {
                let bound = |bound: &Option<i64>| bound.map(|bound| bound.to_string()).unwrap_or_default();
                write!(f, "[{}:{}", bound(start), bound(end))?;
                if *step != 1 {
                    write!(f, ":{step}")?;
                }
                f.write_str("]")
            }
            Self::All => f.write_str("[*]"),
            Self::Deep => f.write_str(".."),
            Self::Filter(filter) => write!(f, "[?({filter})]"),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let chain = |all: &[Filter], operator: &str| {
            let all: Vec<_> = all.iter().map(|filter| filter.in_brackets()).collect();
            all.join(operator)
        };
        match self {
            Self::Or(all) => f.write_str(&chain(all, " || ")),
            Self::And(all) => f.write_str(&chain(all, " && ")),
            Self::Not(filter) => write!(f, "!{}", filter.in_brackets()),
            Self::Exists(path) => write!(f, "{path}"),
            Self::Compare(left, operator, right) => write!(f, "{left} {} {right}", operator.text()),
        }
    }
}

impl Filter {
    fn in_brackets(&self) -> String {
        match self {
            Self::Or(_) | Self::And(_) => format!("({self})"),
            _ => self.to_string(),
        }
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{path}"),
            Self::Pattern(pattern) => {
                let flag = if pattern.ignores_case { "i" } else { "" };
                write!(f, "/{}/{flag}", pattern.text.replace('/', "\\/"))
            }
            Self::Literal(value) => f.write_str(&literal(value)),
        }
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => quote(text),
        Value::Array(items) => format!("[{}]", list(items.iter().map(literal))),
        other => other.to_string(),
    }
}

fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"))
}

fn list(all: impl Iterator<Item = String>) -> String {
    all.collect::<Vec<_>>().join(",")
}
