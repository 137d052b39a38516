use serde_json::Value;

use super::{lists::annotation, output::BOLD};

/// What `--summary` shows of an entity: its name, its description, its parameters, bound ones with a star, final ones
/// with two.
pub fn summary(kind: &str, name: &str, document: &Value) -> String {
    let bound = names(&document["parameters"], "key");
    let star = if annotation(document, "final") == Some(&Value::Bool(true)) {
        "**"
    } else {
        "*"
    };
    let mut all = names(annotation(document, "parameters").unwrap_or(&Value::Null), "name");
    all.extend(bound.iter().cloned());
    all.sort();
    all.dedup();
    let described = match annotation(document, "description").and_then(Value::as_str) {
        Some(description) => format!(": {description}"),
        None => describe(&all),
    };
    let marked = |name: &String| {
        if bound.contains(name) {
            format!("{star}{name}")
        } else {
            name.clone()
        }
    };
    let parameters: Vec<String> = all.iter().map(marked).collect();
    let parameters = if parameters.is_empty() {
        "none defined".to_owned()
    } else {
        parameters.join(", ")
    };
    format!("{BOLD}{kind}{BOLD:#} {name}{described}\n   ({BOLD}parameters{BOLD:#}: {parameters})")
}

fn describe(parameters: &[String]) -> String {
    match parameters {
        [] => String::new(),
        [only] => format!(": Returns a result based on parameter {only}"),
        [first @ .., last] => format!(": Returns a result based on parameters {} and {last}", first.join(", ")),
    }
}

fn names(list: &Value, field: &str) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items
        .filter_map(|item| item[field].as_str().map(str::to_owned))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parameters_are_marked_and_described() {
        let document = json!({
            "parameters": [{"key": "b", "value": 1}],
            "annotations": [{"key": "parameters", "value": [{"name": "a"}, {"name": "b"}]}, {"key": "final", "value": true}],
        });
        let shown = anstream::adapter::strip_str(&summary("action", "/guest/x", &document)).to_string();
        assert_eq!(
            shown,
            "action /guest/x: Returns a result based on parameters a and b\n   (parameters: a, **b)"
        );
        let described = json!({"annotations": [{"key": "description", "value": "Says hi"}]});
        let shown = anstream::adapter::strip_str(&summary("package", "/g/p", &described)).to_string();
        assert_eq!(shown, "package /g/p: Says hi\n   (parameters: none defined)");
    }
}
