use std::str::FromStr;

use serde_json::Value;

use crate::cli::{Annotations, Usage};

/// The greatest integer that JavaScript holds exactly: API gateways compare secrets as its numbers.
const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// The annotation of a web action's secret.
pub const SECRET: &str = "require-whisk-auth";

/// What `--web` makes of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Web {
    /// Callable by plain HTTP, its query and body parsed.
    Parsed,
    /// Callable by plain HTTP, nothing parsed.
    Raw,
    /// Not callable by plain HTTP.
    No,
}

impl FromStr for Web {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.to_lowercase().as_str() {
            "yes" | "true" => Ok(Web::Parsed),
            "raw" => Ok(Web::Raw),
            "no" | "false" => Ok(Web::No),
            _ => Err("expected yes, true, raw, no or false".into()),
        }
    }
}

impl Web {
    /// The annotations that say so.
    pub fn annotations(self) -> [(&'static str, bool); 3] {
        [
            ("web-export", self != Web::No),
            ("raw-http", self == Web::Raw),
            ("final", self != Web::No),
        ]
    }

    /// Sets the annotations.
    pub fn annotate(self, annotations: &mut Annotations) {
        for (key, value) in self.annotations() {
            annotations.set(key, value);
        }
    }
}

/// Applies `--web-secure`: `true` makes a random secret unless there is one, `false` removes it, else the text is the
/// secret. Returns the annotations to remove.
pub fn secure(
    mode: &str,
    web: Option<Web>,
    existing: Option<&Value>,
    annotations: &mut Annotations,
) -> Result<Vec<String>, Usage> {
    let known = |key: &str| existing.and_then(|document| crate::cli::annotation(document, key));
    let exported = match web {
        Some(web) => web != Web::No,
        None => known("web-export") == Some(&Value::Bool(true)),
    };
    if !exported {
        return Err(Usage(
            "The --web-secure option is only valid when the --web option is enabled.".into(),
        ));
    }
    match mode.to_lowercase().as_str() {
        "false" => return Ok(vec![SECRET.to_owned()]),
        "true" if known(SECRET).is_some_and(Value::is_number) => {}
        "true" => annotations.set(SECRET, rand::random::<u64>() & MAX_SAFE_INTEGER),
        _ => annotations.set(SECRET, mode),
    }
    Ok(Vec::new())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use clap::{Args, Command, FromArgMatches};
    use serde_json::json;

    use super::*;

    fn none() -> Annotations {
        let command = Annotations::augment_args(Command::new("t").no_binary_name(true));
        Annotations::from_arg_matches(&command.get_matches_from(Vec::<String>::new())).unwrap()
    }

    fn shown(annotations: &Annotations) -> Value {
        serde_json::to_value(annotations.object()).unwrap()
    }

    #[test]
    fn web_sets_three_annotations() {
        for (word, export, raw) in [
            ("yes", true, false),
            ("TRUE", true, false),
            ("raw", true, true),
            ("no", false, false),
        ] {
            let mut annotations = none();
            word.parse::<Web>().unwrap().annotate(&mut annotations);
            assert_eq!(
                shown(&annotations),
                json!({"web-export": export, "raw-http": raw, "final": export}),
                "{word}"
            );
        }
        assert!("maybe".parse::<Web>().is_err());
    }

    #[test]
    fn secrets_are_made_kept_replaced_and_removed() {
        let secured = |mode, web, existing: Option<Value>| {
            let mut annotations = none();
            secure(mode, web, existing.as_ref(), &mut annotations).map(|gone| (shown(&annotations), gone))
        };
        let exported = |secret: Value| {
            Some(json!({"annotations": [{"key": "web-export", "value": true}, {"key": SECRET, "value": secret}]}))
        };
        let (made, _) = secured("true", Some(Web::Parsed), None).unwrap();
        assert!(made[SECRET].as_u64().unwrap() <= MAX_SAFE_INTEGER);
        assert_eq!(secured("true", None, exported(json!(7))).unwrap().0, json!({}));
        assert!(secured("true", None, exported(json!("word"))).unwrap().0[SECRET].is_u64());
        assert_eq!(
            secured("s3cret", Some(Web::Raw), None).unwrap().0,
            json!({SECRET: "s3cret"})
        );
        assert_eq!(
            secured("false", None, exported(json!(7))).unwrap(),
            (json!({}), vec![SECRET.to_owned()])
        );
        assert!(secured("true", None, None).is_err() && secured("true", Some(Web::No), exported(json!(7))).is_err());
    }
}
