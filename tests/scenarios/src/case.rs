use std::{collections::BTreeMap, fs, path::Path};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::Value;

/// A file of cases.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// What the cases have in common, as YAML anchors; not read otherwise.
    #[serde(default, rename = "shared")]
    _shared: Value,
    cases: Vec<Case>,
}

/// Steps that are taken one after another, in namespaces of their own.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What holds, as a sentence; the file's name is put before it.
    pub name: String,
    /// Limits of the namespace that differ from the server's, by the names of `GET _/limits`.
    #[serde(default)]
    pub limits: BTreeMap<String, Value>,
    /// What is done and seen.
    pub steps: Vec<Step>,
}

/// A request and what must come back.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Method and target, such as `PUT _/actions/a`. A target without a leading slash is below `/api/v1/namespaces/`.
    #[serde(rename = "do")]
    pub request: String,
    /// Whose key is sent: `guest` (the default, whose namespace is `${ns}`), `other` (another subject, `${other}`),
    /// `nobody`, or `user:password`.
    #[serde(default, rename = "as")]
    pub caller: Option<String>,
    /// Headers beside `Authorization` and `Content-Type`.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body, sent as JSON.
    #[serde(default, deserialize_with = "present")]
    pub body: Option<Value>,
    /// The body, sent as it stands and without a `Content-Type`.
    #[serde(default)]
    pub text: Option<String>,
    /// How it is sent: over TLS, or with the whole URL as target.
    #[serde(default)]
    pub form: Form,
    /// What must come back; any status from 200 to 299 when absent.
    #[serde(default)]
    pub expect: Expect,
    /// Variables set from the reply: JSON pointers into its body, or `header:<name>`.
    #[serde(default)]
    pub save: BTreeMap<String, String>,
    /// Asks again until the reply is as expected, for this many seconds.
    #[serde(default)]
    pub within: u64,
    /// How many times the step is taken; `${turn}` counts from 1.
    #[serde(default = "once")]
    pub times: u64,
}

/// How a request is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// In clear, the path as target.
    #[default]
    Plain,
    /// Over TLS.
    Tls,
    /// In clear, the whole URL as target.
    Absolute,
    /// In clear, HTTP/2 from the first byte on.
    H2,
    /// Over TLS, HTTP/2 as both sides agree.
    H2Tls,
}

/// What must come back.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// The status.
    pub status: Option<u16>,
    /// Headers, each against a pattern; `$absent` for one that must not be there.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// A pattern of the body's JSON, which may have more fields.
    #[serde(default, deserialize_with = "present")]
    pub body: Option<Value>,
    /// The body's JSON, no more and no less.
    #[serde(default, deserialize_with = "present")]
    pub exactly: Option<Value>,
    /// A pattern of the body's text.
    pub text: Option<String>,
    /// A pattern of the body's `error`.
    pub error: Option<String>,
}

/// Tells `field: null` from an absent field.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

fn once() -> u64 {
    1
}

/// All cases of a folder, named `<file>: <case>`.
pub fn load(folder: &Path) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    let mut files: Vec<_> = fs::read_dir(folder)?.collect::<Result<_, _>>()?;
    files.sort_by_key(fs::DirEntry::file_name);
    for entry in files {
        let path = entry.path();
        let stem = path
            .file_stem()
            .context("a file without a name")?
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(&path)?;
        for mut case in parse(&text).with_context(|| path.display().to_string())? {
            case.name = format!("{stem}: {}", case.name);
            cases.push(case);
        }
    }
    for (index, case) in cases.iter().enumerate() {
        ensure!(
            !cases[..index].iter().any(|earlier| earlier.name == case.name),
            "two cases named '{}'",
            case.name
        );
    }
    Ok(cases)
}

fn parse(text: &str) -> Result<Vec<Case>> {
    // `y` and `no` are words, not truths.
    let options = serde_saphyr::options! { strict_booleans: true };
    let file: File = serde_saphyr::from_str_with_options(text, options)?;
    Ok(file.cases)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_read_with_what_it_shares() {
        let text = "
shared:
  - &echo {exec: {kind: 'nodejs:default', code: x}}
cases:
  - name: one
    steps:
      - do: PUT _/actions/a
        body: *echo
        expect: {status: 200, body: null}
";
        let cases = parse(text).unwrap();
        let step = &cases[0].steps[0];
        assert_eq!(step.body.as_ref().unwrap()["exec"]["kind"], "nodejs:default");
        assert_eq!((step.times, step.expect.body.clone()), (1, Some(Value::Null)));
        assert!(parse("cases: [{name: a, steps: [{do: GET /, expcet: {}}]}]").is_err());
    }

    #[test]
    fn the_cases_of_the_folder_are_well_formed() {
        let cases = load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("cases")).unwrap();
        assert!(cases.iter().all(|case| !case.steps.is_empty()));
    }
}
