use std::{collections::BTreeMap, fs, marker::PhantomData};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, error::ErrorKind};
use serde_json::{Value, value::RawValue};
use wisp_wire::client::Pair;

/// The names of a pair of flags.
pub trait Named {
    /// `--long KEY VALUE`
    const LONG: &'static str;
    /// `-s KEY VALUE`
    const SHORT: char;
    /// `--long FILE` and `-S FILE`, if there is such a flag.
    const FILE: Option<(&'static str, char)>;
    /// What they set, in words.
    const WHAT: &'static str;
}

macro_rules! named {
    ($($name:ident = $alias:ident, $long:literal, $short:literal, $file:expr, $what:literal;)+) => { $(
        #[doc = concat!("`--", $long, "`")]
        #[derive(Clone, Debug)]
        pub enum $name {}
        impl Named for $name {
            const LONG: &'static str = $long;
            const SHORT: char = $short;
            const FILE: Option<(&'static str, char)> = $file;
            const WHAT: &'static str = $what;
        }
        #[doc = concat!("`--", $long, " KEY VALUE`, as often as wanted")]
        pub type $alias = KeyValues<$name>;
    )+ };
}

named! {
    Param = Params, "param", 'p', Some(("param-file", 'P')), "Parameter";
    Annotation = Annotations, "annotation", 'a', Some(("annotation-file", 'A')), "Annotation";
    FeedParam = FeedParams, "feed-param", 'F', None, "Parameter of the feed";
    TriggerParam = TriggerParams, "trigger-param", 'T', None, "Parameter of the trigger";
}

/// Keys with JSON values from the command line, in the order given: a later one replaces an earlier one. A value that
/// is JSON is taken as such, any other as a string. Numbers are passed on digit for digit.
#[derive(Clone, Debug)]
pub struct KeyValues<N> {
    values: BTreeMap<String, Box<RawValue>>,
    names: PhantomData<N>,
}

impl<N> KeyValues<N> {
    /// Whether none were given.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Sets a key.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        let pair = Pair::new(key, &value.into());
        self.values.insert(pair.key, pair.value);
    }

    /// As the object that an action receives.
    pub fn object(&self) -> &BTreeMap<String, Box<RawValue>> {
        &self.values
    }

    /// As the list that entities hold; none if none were given.
    pub fn pairs(&self) -> Option<Vec<Pair>> {
        let copies = self.values.clone().into_iter();
        (!self.is_empty()).then(|| copies.map(|(key, value)| Pair { key, value }).collect())
    }
}

impl<N: Named> Args for KeyValues<N> {
    fn augment_args(command: Command) -> Command {
        let pair = Arg::new(N::LONG)
            .long(N::LONG)
            .short(N::SHORT)
            .num_args(2)
            .value_names(["KEY", "VALUE"])
            .action(ArgAction::Append)
            .allow_hyphen_values(true)
            .help(format!(
                "{}; a VALUE that is JSON is taken as such, any other as a string",
                N::WHAT
            ));
        let command = command.arg(pair);
        let Some((long, short)) = N::FILE else { return command };
        command.arg(
            Arg::new(long)
                .long(long)
                .short(short)
                .value_name("FILE")
                .action(ArgAction::Append)
                .help(format!("{}s from the JSON object in a file", N::WHAT)),
        )
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<N: Named> FromArgMatches for KeyValues<N> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut sources = Vec::new();
        let words: Vec<&String> = matches.get_many(N::LONG).into_iter().flatten().collect();
        let places = matches.indices_of(N::LONG).into_iter().flatten().step_by(2);
        for (place, pair) in places.zip(words.chunks_exact(2)) {
            sources.push((place, BTreeMap::from([(pair[0].clone(), json_or_string(pair[1]))])));
        }
        if let Some((file, _)) = N::FILE {
            let paths = matches.get_many::<String>(file).into_iter().flatten();
            for (place, path) in matches.indices_of(file).into_iter().flatten().zip(paths) {
                sources.push((place, read(path)?));
            }
        }
        sources.sort_by_key(|(place, _)| *place);
        let values = sources.into_iter().flat_map(|(_, values)| values).collect();
        Ok(Self {
            values,
            names: PhantomData,
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

fn json_or_string(text: &str) -> Box<RawValue> {
    let json = serde_json::from_str::<Box<RawValue>>(text);
    json.unwrap_or_else(|_| Pair::new("", &Value::from(text)).value)
}

fn read(path: &str) -> Result<BTreeMap<String, Box<RawValue>>, clap::Error> {
    let refuse = |reason: String| clap::Error::raw(ErrorKind::ValueValidation, format!("{path}: {reason}\n"));
    let text = fs::read_to_string(path).map_err(|error| refuse(error.to_string()))?;
    serde_json::from_str(&text).map_err(|error| refuse(format!("not a JSON object: {error}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn parse(words: &[&str]) -> Result<String, clap::Error> {
        let command = Params::augment_args(Command::new("t").no_binary_name(true)).arg(Arg::new("name"));
        let params = Params::from_arg_matches(&command.try_get_matches_from(words)?)?;
        Ok(serde_json::to_string(params.object()).unwrap())
    }

    #[test]
    fn values_are_json_or_strings() {
        for (words, object) in [
            (&["-p", "a", "1"][..], r#"{"a":1}"#),
            (&["-p", "a", "1", "hello", "-p", "b", "x y"], r#"{"a":1,"b":"x y"}"#),
            (&["--param", "a", "{\"k\":[true]}"], r#"{"a":{"k":[true]}}"#),
            (&["-p", "a", "\"1\"", "-p", "n", "null"], r#"{"a":"1","n":null}"#),
            (&["-p", "a", "-5", "-p", "b", "--flag"], r#"{"a":-5,"b":"--flag"}"#),
            (
                &["-p", "big", "12345678901234567890123"],
                r#"{"big":12345678901234567890123}"#,
            ),
            (&["-p", "a", "1", "-p", "a", "2"], r#"{"a":2}"#),
            (
                &["-p", "quote", "say \"hi\" \\ done"],
                r#"{"quote":"say \"hi\" \\ done"}"#,
            ),
            (&["-p", "empty", ""], r#"{"empty":""}"#),
            (&[], "{}"),
        ] {
            assert_eq!(parse(words).unwrap(), object, "{words:?}");
        }
        assert!(parse(&["-p", "alone"]).is_err());
    }

    #[test]
    fn files_and_flags_override_in_the_order_given() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"a": 1, "b": 1}"#).unwrap();
        let path = file.path().to_str().unwrap();
        assert_eq!(parse(&["-p", "a", "2", "-P", path]).unwrap(), r#"{"a":1,"b":1}"#);
        assert_eq!(parse(&["-P", path, "-p", "a", "2"]).unwrap(), r#"{"a":2,"b":1}"#);
        std::fs::write(file.path(), "[1]").unwrap();
        assert!(
            parse(&["-P", path])
                .unwrap_err()
                .to_string()
                .contains("not a JSON object")
        );
        assert!(parse(&["-P", "/nowhere"]).unwrap_err().to_string().contains("/nowhere"));
    }
}
