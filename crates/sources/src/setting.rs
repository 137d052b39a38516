use serde_json::Value;
use wisp_core::{Error, Result, ports::FeedSettings};

/// A setting that is a text and not empty.
pub(crate) fn text<'a>(settings: &'a FeedSettings, name: &str) -> Option<&'a str> {
    settings
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// A setting that is a whole number, as such or as a text, as clients without types send it.
pub(crate) fn number(settings: &FeedSettings, name: &str) -> Result<Option<i64>> {
    let number = match settings.get(name) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.trim().parse().ok(),
        Some(_) => None,
    };
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(Error::bad_request(format!("the {name} parameter must be an integer"))),
    }
}
