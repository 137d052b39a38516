use serde_json::{Value, json};

use super::Object;

/// Where a composition is between two nodes: what the state of its conductor holds, under `$composer`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Position {
    /// The next node; below 0 when it has ended.
    pub state: i64,
    /// What is open around it, the innermost last.
    pub stack: Vec<Frame>,
    /// Whether a component has run since the last answer.
    pub resuming: bool,
    /// What is carried along: `session`, `redis`, `openwhisk`, `join`.
    pub rest: Object,
}

/// Something that is open.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Frame {
    /// Where an error goes.
    Catch(i64),
    /// Variables, or what hides those of one frame below.
    Let(Option<Object>),
    /// The end of what a branch sees.
    Marker,
}

impl Position {
    /// Reads what a conductor is given; none if it is not what a conductor like ours has written.
    pub fn read(composer: Option<Value>, session: &str) -> Option<Self> {
        let mut rest = match composer {
            Some(Value::Object(fields)) => fields,
            Some(other) if is_truthy(&other) => return None,
            _ => Object::new(),
        };
        if rest.contains_key("collect") {
            return None;
        }
        let state = match rest.shift_remove("state") {
            None => 0,
            Some(state) => state.as_i64()?,
        };
        let stack = match rest.shift_remove("stack") {
            None => Vec::new(),
            Some(Value::Array(frames)) => frames.into_iter().rev().map(Frame::read).collect::<Option<_>>()?,
            Some(_) => return None,
        };
        let resuming = match rest.shift_remove("resuming") {
            None => false,
            Some(Value::Bool(true)) => true,
            Some(_) => return None,
        };
        if !rest.get("session").is_some_and(is_truthy) {
            rest.insert("session".to_owned(), session.into());
        }
        Some(Self {
            state,
            stack,
            resuming,
            rest,
        })
    }

    /// As the conductor's state has it.
    pub fn write(&self, resuming: bool) -> Value {
        let mut fields = Object::new();
        fields.insert("state".to_owned(), self.state.into());
        fields.insert("stack".to_owned(), stack(&self.stack));
        if resuming {
            fields.insert("resuming".to_owned(), true.into());
        }
        fields.extend(self.rest.clone());
        Value::Object(fields)
    }

    /// Of what runs beside it: what is open here stays closed to it.
    pub fn beside(&self, state: i64) -> Object {
        let mut fields = Object::new();
        let mut frames = self.stack.clone();
        frames.push(Frame::Marker);
        fields.insert("state".to_owned(), state.into());
        fields.insert("stack".to_owned(), stack(&frames));
        for name in ["redis", "openwhisk"] {
            if let Some(value) = self.rest.get(name) {
                fields.insert(name.to_owned(), value.clone());
            }
        }
        fields
    }

    /// The id that all calls of the conductor share.
    pub fn session(&self) -> Value {
        self.rest.get("session").cloned().unwrap_or_default()
    }

    /// Closes what is open up to the nearest place where errors go, and goes there.
    pub fn unwind(&mut self) {
        self.state = -1;
        while let Some(frame) = self.stack.pop_if(|frame| *frame != Frame::Marker) {
            if let Frame::Catch(state) = frame
                && state >= 0
            {
                self.state = state;
                return;
            }
        }
    }
}

impl Frame {
    fn read(value: Value) -> Option<Self> {
        let Value::Object(fields) = value else { return None };
        let mut fields = fields.into_iter();
        let frame = match (fields.next()?, fields.next()) {
            ((name, Value::Bool(true)), None) if name == "marker" => Frame::Marker,
            ((name, Value::Null), None) if name == "let" => Frame::Let(None),
            ((name, Value::Object(variables)), None) if name == "let" => Frame::Let(Some(variables)),
            ((name, state), None) if name == "catch" => Frame::Catch(state.as_i64()?),
            _ => return None,
        };
        Some(frame)
    }

    fn write(&self) -> Value {
        match self {
            Frame::Catch(state) => json!({ "catch": state }),
            Frame::Let(variables) => json!({ "let": variables }),
            Frame::Marker => json!({ "marker": true }),
        }
    }
}

fn stack(frames: &[Frame]) -> Value {
    frames.iter().rev().map(Frame::write).collect()
}

/// What JavaScript takes for true.
pub(super) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64().is_none_or(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_position_is_written_as_it_was_read() {
        let written = json!({
            "state": 7, "stack": [{ "catch": 9 }, { "let": null }, { "let": { "n": 1 } }, { "marker": true }],
            "resuming": true, "redis": { "uri": "redis://x" }, "session": "s",
        });
        let position = Position::read(Some(written.clone()), "other").unwrap();
        assert_eq!(position.write(true), written);
        assert_eq!(position.stack.last(), Some(&Frame::Catch(9)));
    }

    #[test]
    fn what_is_not_understood_is_not_read() {
        for strange in [
            json!("text"),
            json!({ "state": 0.5 }),
            json!({ "state": "1" }),
            json!({ "stack": {} }),
            json!({ "stack": [{ "let": 1 }] }),
            json!({ "stack": [{ "catch": 1, "let": null }] }),
            json!({ "stack": [{}] }),
            json!({ "resuming": 1 }),
            json!({ "collect": "barrier" }),
        ] {
            assert_eq!(Position::read(Some(strange.clone()), "s"), None, "{strange}");
        }
        for nothing in [None, Some(json!(null)), Some(json!({}))] {
            assert_eq!(Position::read(nothing, "s").unwrap().session(), "s");
        }
    }
}
