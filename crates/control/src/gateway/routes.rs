use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use super::edit::cases;

/// What an API serves: templates of paths with their operations.
#[derive(Debug, Default)]
pub(crate) struct Routes(Vec<Route>);

#[derive(Debug)]
struct Route {
    template: String,
    segments: Vec<Segment>,
    operations: BTreeMap<String, Operation>,
}

#[derive(Debug)]
enum Segment {
    Fixed(String),
    Parameter(String),
}

/// An operation of an API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    /// Method and template, as people know it: `GET /books/{id}`.
    pub name: Arc<str>,
    /// The web action, below `/api/v1/web/`, with its extension.
    pub target: String,
    /// The secret of the web action.
    pub secret: Option<String>,
}

/// What a request meets.
#[derive(Debug, PartialEq)]
pub(crate) enum Match<'a> {
    /// An operation, and the values of the template's parameters, as they were sent.
    Operation(&'a Operation, Vec<(&'a str, &'a str)>),
    /// A path, which has only these methods.
    Methods(Vec<String>),
    /// Nothing.
    Nothing,
}

impl Routes {
    /// What a document describes. What names no web action is left out.
    pub fn of(document: &Value) -> Self {
        let mut routes: Vec<Route> = Vec::new();
        for (template, described) in document["paths"].as_object().into_iter().flatten() {
            let operations: BTreeMap<String, Operation> = described
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(method, described)| {
                    let operation = operation(document, method, template, described)?;
                    Some((method.to_ascii_uppercase(), operation))
                })
                .collect();
            if !operations.is_empty() {
                routes.push(Route {
                    template: template.clone(),
                    segments: template.trim_matches('/').split('/').map(Segment::of).collect(),
                    operations,
                });
            }
        }
        // What is fixed goes before what is a parameter, segment by segment.
        routes.sort_by_key(|route| {
            let parameters = route
                .segments
                .iter()
                .map(|segment| matches!(segment, Segment::Parameter(_)));
            (parameters.collect::<Vec<_>>(), route.template.clone())
        });
        Self(routes)
    }

    /// What a method on a path (below the base path) meets.
    pub fn find<'a>(&'a self, method: &str, path: &'a str) -> Match<'a> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let mut methods = Vec::new();
        for route in &self.0 {
            let Some(values) = route.values(&segments) else {
                continue;
            };
            match route.operations.get(method) {
                Some(operation) => return Match::Operation(operation, values),
                None => methods.extend(route.operations.keys().cloned()),
            }
        }
        match methods.is_empty() {
            true => Match::Nothing,
            false => Match::Methods(methods),
        }
    }

    /// The templates.
    pub fn templates(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|route| route.template.as_str())
    }
}

impl Segment {
    fn of(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
            Some(name) => Self::Parameter(name.to_owned()),
            None => Self::Fixed(text.to_owned()),
        }
    }
}

impl Route {
    fn values<'a>(&'a self, segments: &[&'a str]) -> Option<Vec<(&'a str, &'a str)>> {
        if segments.len() != self.segments.len() {
            return None;
        }
        let mut values = Vec::new();
        for (segment, text) in self.segments.iter().zip(segments) {
            match segment {
                Segment::Fixed(fixed) if fixed == text => {}
                Segment::Parameter(name) if !text.is_empty() => values.push((name.as_str(), *text)),
                Segment::Fixed(_) | Segment::Parameter(_) => return None,
            }
        }
        Some(values)
    }
}

fn operation(document: &Value, method: &str, template: &str, described: &Value) -> Option<Operation> {
    let target = described.get("x-openwhisk")?;
    let text = |field: &str| target.get(field).and_then(Value::as_str).unwrap_or_default();
    let (namespace, action) = (text("namespace"), text("action"));
    let package = match text("package") {
        "" => "default",
        package => package,
    };
    if namespace.is_empty() || action.is_empty() {
        return None;
    }
    let url = text("url");
    let url = url.split(['?', '$']).next().unwrap_or_default();
    let extension = url
        .rsplit('/')
        .next()
        .and_then(|last| last.rsplit_once('.'))
        .map_or("http", |(_, word)| word);
    let id = described["operationId"].as_str().unwrap_or_default();
    Some(Operation {
        name: format!("{} {template}", method.to_ascii_uppercase()).into(),
        target: format!("{namespace}/{package}/{action}.{extension}"),
        secret: secret(document, id),
    })
}

/// The secret that the assembly of an operation sends along.
fn secret(document: &Value, id: &str) -> Option<String> {
    let case = cases(document).find(|case| {
        case["operations"]
            .as_array()
            .is_some_and(|ids| ids.iter().any(|known| known == id))
    })?;
    let steps = case["execute"].as_array()?.iter();
    let mut sets = steps
        .filter_map(|step| step.pointer("/set-variable/actions")?.as_array())
        .flatten();
    let set = sets.find(|set| {
        let name = set["set"].as_str().unwrap_or_default();
        name.eq_ignore_ascii_case("message.headers.X-Require-Whisk-Auth")
    })?;
    match &set["value"] {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_most_fixed_template_wins() {
        let to = |action: &str| json!({ "x-openwhisk": { "namespace": "n", "package": "", "action": action, "url": format!("h/{action}.json") } });
        let routes = Routes::of(&json!({ "paths": {
            "/books/{id}": { "get": to("one"), "put": to("put") },
            "/books/new": { "get": to("new") },
            "/{any}/x": { "get": to("x") },
            "/": { "get": to("root") },
        } }));
        let found = |method: &str, path: &str| match routes.find(method, path) {
            Match::Operation(operation, values) => format!("{} {values:?}", operation.target),
            Match::Methods(methods) => methods.join(","),
            Match::Nothing => "nothing".into(),
        };
        for (method, path, expected) in [
            ("GET", "/books/new", "n/default/new.json []"),
            ("GET", "/books/7", r#"n/default/one.json [("id", "7")]"#),
            ("PUT", "/books/new", r#"n/default/put.json [("id", "new")]"#),
            ("GET", "/books/7/", r#"n/default/one.json [("id", "7")]"#),
            ("POST", "/books/7", "GET,PUT"),
            ("GET", "/books/x", r#"n/default/one.json [("id", "x")]"#),
            ("GET", "/films/x", r#"n/default/x.json [("any", "films")]"#),
            ("GET", "", "n/default/root.json []"),
            ("GET", "/books", "nothing"),
            ("GET", "/a/b/c", "nothing"),
        ] {
            assert_eq!(found(method, path), expected, "{method} {path}");
        }
    }
}
