use std::cell::Cell;

use serde_json::Value;

use super::{Fault, Scope};

/// How many bytes the values may still have together that one field is made of. A short definition can ask for the same
/// large value thousands of times, and the result is only measured when it is whole.
pub(super) struct Allowance {
    left: Cell<usize>,
    most: usize,
}

impl Allowance {
    /// All that the scope grants to a field.
    pub fn new(scope: &Scope) -> Self {
        let most = scope.bounds.together;
        Self {
            left: Cell::new(most),
            most,
        }
    }

    /// Whether another value fits.
    pub fn spend(&self, value: &Value) -> bool {
        let mut left = self.left.get();
        let fits = weigh(value, &mut left);
        self.left.set(left);
        fits
    }

    /// The value, if it fits.
    ///
    /// # Errors
    /// `States.DataLimitExceeded` if it does not.
    pub fn take(&self, value: Value) -> Result<Value, Fault> {
        match self.spend(&value) {
            true => Ok(value),
            false => Err(Fault {
                error: "States.DataLimitExceeded",
                cause: format!(
                    "The values that a field is made of have more than {} bytes together.",
                    self.most
                ),
                location: None,
            }),
        }
    }
}

/// Takes the size of a value, about what it has as JSON, from what is left; false if that is too little.
fn weigh(value: &Value, left: &mut usize) -> bool {
    let own = match value {
        Value::String(text) => text.len(),
        Value::Object(fields) => fields.keys().map(|name| name.len() + 3).sum(),
        _ => 0,
    };
    let Some(rest) = left.checked_sub(own + 4) else {
        *left = 0;
        return false;
    };
    *left = rest;
    match value {
        Value::Array(items) => items.iter().all(|item| weigh(item, left)),
        Value::Object(fields) => fields.values().all(|value| weigh(value, left)),
        _ => true,
    }
}
