use std::collections::BTreeMap;

use serde_json::{Value, json};
use wisp_wire::client::Collection;

use super::wanted::Wanted;
use crate::cli;

/// Annotations that the platform writes by itself.
const OF_THE_PLATFORM: [&str; 2] = ["exec", "provide-api-key"];

/// In what an entity is not as wanted: words for people, none if it is.
pub fn differences(wanted: &Wanted, current: &Value) -> Vec<String> {
    let mut found = match wanted.collection {
        Collection::Actions => of_action(wanted, current),
        Collection::Rules => of_rule(wanted, current),
        Collection::Packages => of_package(wanted, current),
        Collection::Triggers | Collection::Activations => Vec::new(),
    };
    if wanted.body.get("parameters").is_some() {
        found.extend(of_pairs(
            "parameter",
            &wanted.body["parameters"],
            &current["parameters"],
            |_| false,
        ));
    }
    let kept = |key: &str| OF_THE_PLATFORM.contains(&key);
    found.extend(of_pairs(
        "annotation",
        &wanted.body["annotations"],
        &current["annotations"],
        kept,
    ));
    found
}

/// The annotations that an update has to remove.
pub fn superfluous_annotations(wanted: &Wanted, current: &Value) -> Vec<String> {
    let (wanted, current) = (by_key(&wanted.body["annotations"]), by_key(&current["annotations"]));
    let gone = current.into_keys().filter(|key| !wanted.contains_key(key));
    gone.filter(|key| !OF_THE_PLATFORM.contains(key))
        .map(str::to_owned)
        .collect()
}

fn of_action(wanted: &Wanted, current: &Value) -> Vec<String> {
    let (new, old) = (&wanted.body["exec"], &current["exec"]);
    let mut found = Vec::new();
    let (kind, was) = (text(&new["kind"]), text(&old["kind"]));
    if !same_kind(kind, was) {
        found.push(format!("kind {was} → {kind}"));
    }
    let (code, had) = (text(&new["code"]), text(&old["code"]));
    if code != had {
        let sizes = [had, code].map(|code| cli::size(code.len() as u64));
        found.push(format!("code {} → {}", sizes[0], sizes[1]));
    }
    for field in ["main", "image", "components"] {
        if new[field] != old[field] {
            found.push(changed(field, &old[field], &new[field]));
        }
    }
    for (limit, value) in wanted.body["limits"].as_object().into_iter().flatten() {
        if *value != current["limits"][limit] {
            found.push(changed(limit, &current["limits"][limit], value));
        }
    }
    found
}

fn of_rule(wanted: &Wanted, current: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for end in ["trigger", "action"] {
        let was = format!("/{}/{}", text(&current[end]["path"]), text(&current[end]["name"]));
        if wanted.body[end] != *was {
            found.push(changed(end, &was.into(), &wanted.body[end]));
        }
    }
    let status = if wanted.active { "active" } else { "inactive" };
    if current["status"] != status {
        found.push(changed("status", &current["status"], &status.into()));
    }
    found
}

fn of_package(wanted: &Wanted, current: &Value) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(publish) = wanted
        .body
        .get("publish")
        .filter(|publish| **publish != current["publish"])
    {
        found.push(changed("publish", &current["publish"], publish));
    }
    let none = json!({});
    let (new, old) = (wanted.body.get("binding").unwrap_or(&none), &current["binding"]);
    if ["namespace", "name"].iter().any(|part| new[part] != old[part]) {
        found.push(changed("binding", old, new));
    }
    found
}

/// Keys whose values differ, or that only one side has; `kept` ones may be there beside.
fn of_pairs(what: &str, wanted: &Value, current: &Value, kept: impl Fn(&str) -> bool) -> Vec<String> {
    let (wanted, current) = (by_key(wanted), by_key(current));
    let mut found: Vec<String> = wanted
        .iter()
        .filter(|(key, value)| current.get(*key) != Some(value))
        .map(|(key, _)| match current.contains_key(key) {
            true => format!("{what} {key}"),
            false => format!("+{what} {key}"),
        })
        .collect();
    let gone = current.keys().filter(|key| !wanted.contains_key(*key) && !kept(key));
    found.extend(gone.map(|key| format!("-{what} {key}")));
    found
}

/// A list of pairs by their keys: the value, and whether it goes to the environment.
fn by_key(pairs: &Value) -> BTreeMap<&str, (&Value, bool)> {
    let pairs = pairs.as_array().into_iter().flatten();
    pairs
        .map(|pair| (text(&pair["key"]), (&pair["value"], pair["init"] == true)))
        .collect()
}

/// The kinds of a family's default are known to the server only.
fn same_kind(wanted: &str, current: &str) -> bool {
    let family = |kind: &str| kind.split(':').next().unwrap_or_default().to_owned();
    wanted == current || (wanted.ends_with(":default") && family(wanted) == family(current))
}

fn changed(what: &str, from: &Value, to: &Value) -> String {
    let plain = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    format!("{what} {} → {}", plain(from), plain(to))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn wanted(collection: Collection, body: Value) -> Wanted {
        Wanted {
            collection,
            name: "ns/x".parse().unwrap(),
            body,
            feed: None,
            needs: Vec::new(),
            note: String::new(),
            active: true,
        }
    }

    #[test]
    fn an_action_as_wanted_has_no_difference() {
        let action = wanted(
            Collection::Actions,
            json!({"exec": {"kind": "nodejs:default", "code": "x"}, "limits": {"memory": 256},
                   "parameters": [{"key": "a", "value": 1}, {"key": "E", "value": "2", "init": true}],
                   "annotations": [{"key": "wisp-project", "value": "p"}]}),
        );
        let current = json!({
            "exec": {"kind": "nodejs:20", "code": "x", "binary": false}, "limits": {"memory": 256, "timeout": 60000},
            "parameters": [{"key": "E", "value": "2", "init": true}, {"key": "a", "value": 1}],
            "annotations": [{"key": "exec", "value": "nodejs:20"}, {"key": "wisp-project", "value": "p"}, {"key": "provide-api-key", "value": false}],
        });
        assert_eq!(differences(&action, &current), Vec::<String>::new());
        let mut drifted = current.clone();
        drifted["exec"]["code"] = "longer".into();
        drifted["limits"]["memory"] = 512.into();
        drifted["parameters"] = json!([{"key": "a", "value": 2}, {"key": "b", "value": 1}]);
        drifted["annotations"] = json!([{"key": "old", "value": 1}]);
        let expected = [
            "code 6 B → 1 B",
            "memory 512 → 256",
            "+parameter E",
            "parameter a",
            "-parameter b",
            "+annotation wisp-project",
            "-annotation old",
        ];
        assert_eq!(differences(&action, &drifted), expected);
        assert_eq!(superfluous_annotations(&action, &drifted), ["old"]);
    }

    #[test]
    fn rules_and_packages_are_compared_as_the_server_shows_them() {
        let rule = wanted(
            Collection::Rules,
            json!({"trigger": "/ns/t", "action": "/ns/p/a", "annotations": []}),
        );
        let shown = json!({"trigger": {"path": "ns", "name": "t"}, "action": {"path": "ns/p", "name": "a"}, "status": "active"});
        assert!(differences(&rule, &shown).is_empty());
        let other = json!({"trigger": {"path": "ns", "name": "t"}, "action": {"path": "ns", "name": "a"}, "status": "inactive"});
        assert_eq!(
            differences(&rule, &other),
            ["action /ns/a → /ns/p/a", "status inactive → active"]
        );
        let package = wanted(Collection::Packages, json!({"parameters": [], "annotations": []}));
        assert!(differences(&package, &json!({"binding": {}, "publish": false})).is_empty());
        let bound = json!({"binding": {"namespace": "whisk.system", "name": "utils"}});
        assert_eq!(differences(&package, &bound).len(), 1);
    }
}
