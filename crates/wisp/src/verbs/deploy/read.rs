use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::manifest::{Manifest, Named, Package, Project};
use crate::cli::Usage;

/// The manifest's file.
pub const MANIFEST: &str = "wisp.yaml";

/// Where a manifest is looked for when none is named.
const NAMES: [&str; 4] = [MANIFEST, "wisp.yml", "manifest.yaml", "manifest.yml"];

/// What `wskdeploy`'s manifests say for people only.
const FOR_PEOPLE: [&str; 4] = ["version", "license", "description", "outputs"];

/// The manifest that is meant: the one named, or the one that lies here or in the named folder.
pub fn find(path: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let path = path.unwrap_or_else(|| PathBuf::from("."));
    if !path.is_dir() {
        return Ok(path);
    }
    let found = NAMES.iter().map(|name| path.join(name)).find(|path| path.is_file());
    found.ok_or_else(|| {
        let names = NAMES.join(", ");
        Usage(format!(
            "there is no manifest in '{}': looked for {names}",
            path.display()
        ))
        .into()
    })
}

/// Reads a manifest, with variables of the environment in its strings replaced by their values.
pub fn read(path: &Path) -> anyhow::Result<Manifest> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("'{shown}' cannot be read"))?;
    parse(&text, |name| std::env::var(name).ok()).with_context(|| format!("'{shown}' is no manifest"))
}

fn parse(text: &str, variable: impl Fn(&str) -> Option<String>) -> anyhow::Result<Manifest> {
    // As YAML 1.2 has it: the code `y` is no truth.
    let options = serde_saphyr::options! { strict_booleans: true };
    let mut value: Value = serde_saphyr::from_str_with_options(text, options)?;
    expand(&mut value, &variable, &mut String::new())?;
    let Value::Object(mut fields) = plain(value)? else {
        bail!("expected fields with their values");
    };
    let contents = Package::CONTENTS.iter().filter_map(|field| fields.remove_entry(*field));
    let own = typed(Value::Object(contents.collect()))?;
    let Head { project, packages } = typed(Value::Object(fields))?;
    Ok(Manifest { project, packages, own })
}

/// What a manifest has beside what is in no package.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Head {
    project: Project,
    packages: Named<Package>,
}

fn typed<T: DeserializeOwned>(value: Value) -> anyhow::Result<T> {
    serde_path_to_error::deserialize(value).map_err(|error| anyhow::anyhow!("{}: {}", error.path(), error.inner()))
}

/// Replaces `$NAME` and `${NAME:-default}` in all strings but code.
fn expand(value: &mut Value, variable: &impl Fn(&str) -> Option<String>, at: &mut String) -> anyhow::Result<()> {
    let length = at.len();
    match value {
        Value::String(text) => {
            let expanded = shellexpand::env_with_context(text, |name| match variable(name) {
                Some(value) => Ok(Some(value)),
                None => Err("it is not set; write $$ for a plain dollar sign"),
            });
            *text = expanded.map_err(|error| anyhow::anyhow!("{at}: {error}"))?.into_owned();
        }
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                at.push_str(&format!("[{index}]"));
                expand(item, variable, at)?;
                at.truncate(length);
            }
        }
        Value::Object(fields) => {
            for (key, field) in fields.iter_mut().filter(|(key, _)| *key != "code") {
                at.push_str(if length == 0 { "" } else { "." });
                at.push_str(key);
                expand(field, variable, at)?;
                at.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

/// The manifest without shorthands and without what is for people only.
fn plain(mut manifest: Value) -> anyhow::Result<Value> {
    if let Some(name) = manifest["project"].as_str().map(str::to_owned) {
        manifest["project"] = json!({ "name": name });
    }
    contents(&mut manifest)?;
    packages(manifest.get_mut("packages"))?;
    if let Some(project) = manifest.get_mut("project") {
        forget(project);
        packages(project.get_mut("packages"))?;
    }
    Ok(manifest)
}

fn packages(packages: Option<&mut Value>) -> anyhow::Result<()> {
    for package in fields(packages) {
        whole(package);
        forget(package);
        parameters(package)?;
        contents(package)?;
    }
    Ok(())
}

fn contents(owner: &mut Value) -> anyhow::Result<()> {
    for action in fields(owner.get_mut("actions")) {
        if action.is_string() {
            *action = json!({ "function": action });
        }
        forget(action);
        parameters(action)?;
    }
    for sequence in fields(owner.get_mut("sequences")) {
        if !sequence.is_object() {
            *sequence = json!({ "actions": sequence });
        }
        if let Some(Value::String(actions)) = sequence.get("actions") {
            sequence["actions"] = actions.split(',').map(str::trim).collect();
        }
    }
    for trigger in fields(owner.get_mut("triggers")) {
        whole(trigger);
        forget(trigger);
        parameters(trigger)?;
    }
    for rule in fields(owner.get_mut("rules")) {
        forget(rule);
    }
    for source in fields(owner.get_mut("sources")) {
        rename(source, "action", "actions");
        list(source.get_mut("actions"));
    }
    for api in fields(owner.get_mut("apis")) {
        if api.is_string() {
            *api = json!({ "document": api });
        }
        fields(Some(api)).for_each(operations);
    }
    Ok(())
}

/// The operations below a base path.
fn operations(paths: &mut Value) {
    for operation in fields(Some(paths)).flat_map(|actions| fields(Some(actions))) {
        if !operation.is_object() {
            *operation = json!({ "method": operation });
        }
        list(operation.get_mut("method"));
    }
}

/// One text, where several can stand.
fn list(texts: Option<&mut Value>) {
    if let Some(text) = texts.filter(|texts| texts.is_string()) {
        *text = json!([text]);
    }
}

fn rename(owner: &mut Value, from: &str, to: &str) {
    if let Some(owner) = owner.as_object_mut()
        && let Some(value) = owner.remove(from)
    {
        owner.insert(to.to_owned(), value);
    }
}

fn fields(of: Option<&mut Value>) -> impl Iterator<Item = &mut Value> {
    let fields = of.and_then(Value::as_object_mut);
    fields.into_iter().flat_map(Map::values_mut)
}

/// Something of which only the name is written.
fn whole(value: &mut Value) {
    if value.is_null() {
        *value = json!({});
    }
}

fn forget(value: &mut Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.retain(|key, _| !FOR_PEOPLE.contains(&key.as_str()));
    }
}

/// `wskdeploy`'s inputs are parameters, of which each is a value or says its type.
fn parameters(owner: &mut Value) -> anyhow::Result<()> {
    let Some(inputs) = owner.as_object_mut().and_then(|owner| owner.remove("inputs")) else {
        return Ok(());
    };
    let Value::Object(inputs) = inputs else {
        bail!("inputs: expected an object from names to values, found {inputs}");
    };
    whole(&mut owner["parameters"]);
    let Value::Object(parameters) = &mut owner["parameters"] else {
        bail!("parameters: expected an object from names to values");
    };
    for (key, input) in inputs {
        let value = match input {
            Value::Object(mut typed) if typed.contains_key("value") || typed.contains_key("type") => typed
                .remove("value")
                .or_else(|| typed.remove("default"))
                .unwrap_or_else(|| empty(typed.get("type"))),
            value => value,
        };
        parameters.insert(key, value);
    }
    Ok(())
}

/// What `wskdeploy` takes for an input that has a type and no value.
fn empty(kind: Option<&Value>) -> Value {
    match kind.and_then(Value::as_str) {
        Some("integer" | "float") => json!(0),
        Some("boolean") => json!(false),
        Some("json" | "object") => json!({}),
        _ => json!(""),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn read(text: &str) -> Result<Manifest, String> {
        parse(text, |name| (name == "CITY").then(|| "Oslo".into())).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn shorthands_and_the_forms_of_wskdeploy_are_one() {
        let manifest = read(
            "project: tour\nactions: {hello: hello.js}\nsequences: {both: 'a, b', three: [a, b, c]}\ntriggers: {tick: }\n\
             packages:\n  tools:\n    version: 1.0\n    license: MIT\n    inputs: {city: $CITY}\n    actions:\n      go:\n        \
             location: go.py\n        kind: python:3\n        inputs: {n: {type: integer, value: 3}, s: {type: string}, o: {a: 1}}\n        \
             limits: {memorySize: 128, logSize: 1}\n",
        )
        .unwrap();
        assert_eq!(manifest.project.name, "tour");
        assert_eq!(manifest.own.actions["hello"].function.as_deref(), Some("hello.js"));
        assert_eq!(manifest.own.sequences["both"].actions, ["a", "b"]);
        assert_eq!(manifest.own.sequences["three"].actions, ["a", "b", "c"]);
        assert!(manifest.own.triggers.contains_key("tick"));
        let tools = &manifest.packages["tools"];
        assert_eq!(Value::from(tools.parameters.clone()), json!({"city": "Oslo"}));
        let go = &tools.actions["go"];
        assert_eq!(
            Value::from(go.parameters.clone()),
            json!({"n": 3, "s": "", "o": {"a": 1}})
        );
        assert_eq!((go.limits.memory, go.limits.logs), (Some(128), Some(1)));
        assert_eq!(
            (go.function.as_deref(), go.runtime.as_deref()),
            (Some("go.py"), Some("python:3"))
        );
    }

    #[test]
    fn apis_and_sources_have_short_forms() {
        let manifest = read(
            "apis:\n  Shop: {shop: {books: {a: get, b: {method: [PUT, POST], response: json}}}}\n  Other: other.yaml\n\
             sources: {jobs: {feed: redis/stream, action: work, parameters: {stream: $CITY}}}\n",
        )
        .unwrap();
        let operations = &manifest.own.apis["Shop"].paths["shop"]["books"];
        assert_eq!(
            (operations["a"].method[0].as_str(), operations["a"].response.as_str()),
            ("get", "http")
        );
        assert_eq!(
            (operations["b"].method.len(), operations["b"].response.as_str()),
            (2, "json")
        );
        assert_eq!(manifest.own.apis["Other"].document.as_deref(), Some("other.yaml"));
        let jobs = &manifest.own.sources["jobs"];
        assert_eq!(
            (jobs.actions.as_slice(), &jobs.parameters["stream"]),
            (&["work".to_owned()][..], &json!("Oslo"))
        );
    }

    #[test]
    fn code_and_doubled_signs_keep_their_dollars() {
        let manifest = read("actions: {a: {code: 'main = () => `${x}`', parameters: {price: $$5}}}").unwrap();
        assert_eq!(manifest.own.actions["a"].code.as_deref(), Some("main = () => `${x}`"));
        assert_eq!(manifest.own.actions["a"].parameters["price"], "$5");
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        for (text, reason) in [
            (
                "actions: {a: {functoin: a.js}}",
                "actions.a.functoin: unknown field `functoin`",
            ),
            (
                "actions: {a: {limits: {memory: much}}}",
                "actions.a.limits.memory: invalid type: string",
            ),
            ("rules: {r: {trigger: t}}", "rules.r: missing field `action`"),
            ("packages: {p: {inputs: {who: $NOBODY}}}", "packages.p.inputs.who"),
            (
                "apis: {A: {b: {p: {a: {methods: GET}}}}}",
                "apis.A: unknown field `methods`",
            ),
            ("sources: {s: {action: a}}", "sources.s: missing field `feed`"),
            ("actions: [", ""),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }
}
