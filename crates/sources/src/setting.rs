use serde_json::Value;
use wisp_core::{
    Error, Result,
    ports::{FeedParameter, FeedSettings},
};

/// A parameter that a feed cannot do without.
pub(crate) const fn required(name: &'static str, description: &'static str) -> FeedParameter {
    FeedParameter {
        name,
        description,
        required: true,
        secret: false,
    }
}

/// A parameter that a feed may be given.
pub(crate) const fn optional(name: &'static str, description: &'static str) -> FeedParameter {
    FeedParameter {
        required: false,
        ..required(name, description)
    }
}

/// The parameter, shown to nobody.
pub(crate) const fn secret(parameter: FeedParameter) -> FeedParameter {
    FeedParameter {
        secret: true,
        ..parameter
    }
}

/// A setting that is a text and not empty.
pub(crate) fn text<'a>(settings: &'a FeedSettings, name: &str) -> Option<&'a str> {
    settings
        .get(name)
        .and_then(Value::as_str)
        .filter(|text| !text.is_empty())
}

/// A setting that must be a text and not empty.
pub(crate) fn needed<'a>(settings: &'a FeedSettings, name: &str) -> Result<&'a str> {
    let missing = || Error::bad_request(format!("the {name} parameter must be a text"));
    text(settings, name).ok_or_else(missing)
}

/// The meaning of a setting that is one of a few words; the first is the default.
pub(crate) fn word<T: Copy>(settings: &FeedSettings, name: &str, words: &[(&str, T)]) -> Result<T> {
    let found = match settings.get(name) {
        None | Some(Value::Null) => words.first(),
        Some(given) => words.iter().find(|(word, _)| given == word),
    };
    found.map(|(_, meaning)| *meaning).ok_or_else(|| {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Error::bad_request(format!("the {name} parameter must be one of {}", words.join(", ")))
    })
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
