use serde_json::{Number, Value};

macro_rules! functions {
    ($($name:literal => $function:ident,)+) => {
        /// What can stand at the end of a path.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Function { $($function,)+ }

        impl Function {
            pub fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$function),)+ _ => None }
            }

            pub fn name(self) -> &'static str {
                match self { $(Self::$function => $name,)+ }
            }
        }
    };
}

functions! {
    "length" => Length,
    "size" => Size,
    "keys" => Keys,
    "min" => Min,
    "max" => Max,
    "sum" => Sum,
    "avg" => Average,
    "stddev" => Deviation,
    "first" => First,
    "last" => Last,
}

impl Function {
    /// The function's value over what the path before it selects, if it has one.
    pub fn apply(self, value: &Value) -> Option<Value> {
        match self {
            Self::Length | Self::Size => length(value).map(Value::from),
            Self::Keys => Some(value.as_object()?.keys().cloned().collect()),
            Self::First => value.as_array()?.first().cloned(),
            Self::Last => value.as_array()?.last().cloned(),
            Self::Min => numbers(value)?.into_iter().reduce(f64::min).and_then(number),
            Self::Max => numbers(value)?.into_iter().reduce(f64::max).and_then(number),
            Self::Sum => number(numbers(value)?.iter().sum()),
            Self::Average => number(mean(&numbers(value)?)),
            Self::Deviation => {
                let numbers = numbers(value)?;
                let mean = mean(&numbers);
                let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
                number((squares / numbers.len() as f64).sqrt())
            }
        }
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::String(text) => Some(text.chars().count()),
        Value::Array(items) => Some(items.len()),
        Value::Object(fields) => Some(fields.len()),
        _ => None,
    }
}

/// The numbers of an array; what else is in it does not count. None when there is none.
fn numbers(value: &Value) -> Option<Vec<f64>> {
    let numbers: Vec<f64> = value.as_array()?.iter().filter_map(Value::as_f64).collect();
    (!numbers.is_empty()).then_some(numbers)
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// A JSON number, whole if it can be.
fn number(value: f64) -> Option<Value> {
    let whole = value as i64;
    if whole as f64 == value {
        return Some(whole.into());
    }
    Number::from_f64(value).map(Value::Number)
}
