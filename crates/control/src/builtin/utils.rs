//! `/whisk.system/utils`: small helpers for sequences.

use serde_json::{Map, Value, json};
use wisp_core::{Error, Result, ports::BoxFuture};

use super::{Package, Request};

type Object = Map<String, Value>;

/// The package.
pub(crate) fn register() -> Package {
    Package::new("Small helpers for sequences")
        .action("echo", "Returns its arguments", |request| {
            Box::pin(async move { Ok(request.arguments) })
        })
        .annotated("sampleInput", json!({ "payload": "hello" }))
        .action("cat", "Joins `lines` to one text", pure(cat))
        .action(
            "split",
            "Splits `payload` at `separator`, by default at line ends",
            pure(split),
        )
        .action("sort", "Sorts `lines`", pure(sort))
        .action("head", "The first `num` of `lines`, by default one", pure(head))
        .action("smash", "Puts all parameters into one field, `$fieldName`", pure(smash))
        .action("date", "Returns the present time", |request| {
            Box::pin(async move { Ok(json!({ "date": iso(request.control.inner.clock.now()) })) })
        })
        .action("namespace", "Returns the namespace of its caller", |request| {
            Box::pin(async move { Ok(json!({ "namespace": request.caller.namespace })) })
        })
        .action(
            "hosturl",
            "The address of a web action, of a trigger or of an action in the API",
            |request| {
                Box::pin(async move {
                    let server = &request.control.gateway().url;
                    let namespace = request.caller.namespace.as_str();
                    let arguments = request.arguments.as_object();
                    Ok(host_url(server, namespace, arguments.unwrap_or(&Object::new())))
                })
            },
        )
}

/// An action that needs nothing but its arguments.
fn pure(run: fn(Object) -> Result<Value>) -> impl for<'a> Fn(Request<'a>) -> BoxFuture<'a, Result<Value>> {
    move |request| {
        Box::pin(async move {
            match request.arguments {
                Value::Object(arguments) => run(arguments),
                list => run(Object::from_iter([("lines".to_owned(), list)])),
            }
        })
    }
}

fn lines(arguments: &Object) -> Result<Vec<Value>> {
    match arguments.get("lines") {
        Some(Value::Array(lines)) => Ok(lines.clone()),
        _ => Err(Error::bad_request("the parameter lines must be an array")),
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn cat(arguments: Object) -> Result<Value> {
    let lines = lines(&arguments)?;
    let payload = lines.iter().map(plain).collect::<Vec<_>>().join("\n");
    Ok(json!({ "lines": lines, "payload": payload }))
}

fn split(arguments: Object) -> Result<Value> {
    let payload = arguments.get("payload").map(plain).unwrap_or_default();
    let lines: Vec<&str> = match arguments.get("separator").and_then(Value::as_str) {
        Some(separator) if !separator.is_empty() => payload.split(separator).collect(),
        _ => payload.lines().collect(),
    };
    Ok(json!({ "lines": lines, "payload": payload }))
}

fn sort(arguments: Object) -> Result<Value> {
    let mut lines = lines(&arguments)?;
    lines.sort_by_key(plain);
    Ok(json!({ "length": lines.len(), "lines": lines }))
}

fn head(arguments: Object) -> Result<Value> {
    let count = arguments.get("num").and_then(Value::as_u64).unwrap_or(1);
    let mut lines = lines(&arguments)?;
    lines.truncate(usize::try_from(count).unwrap_or(usize::MAX));
    Ok(json!({ "lines": lines, "num": count }))
}

fn smash(mut arguments: Object) -> Result<Value> {
    let Some(Value::String(field)) = arguments.remove("$fieldName") else {
        return Err(Error::bad_request(
            "Expected a parameter named '$fieldName' of type 'string'",
        ));
    };
    Ok(Value::Object(Object::from_iter([(field, Value::Object(arguments))])))
}

/// The address of something in a namespace, on a server that callers know by this address.
fn host_url(server: &str, namespace: &str, arguments: &Object) -> Value {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let flag = |name: &str| {
        arguments
            .get(name)
            .is_some_and(|value| value == true || value == "true")
    };
    let path = text("path").trim_start_matches('/');
    let below = if flag("trigger") {
        format!("namespaces/{namespace}/triggers/{path}")
    } else if flag("web") {
        let extension = Some(text("ext").trim_start_matches('.')).filter(|ext| !ext.is_empty());
        let extension = extension.map_or_else(String::new, |ext| format!(".{ext}"));
        format!("web/{namespace}/{path}{extension}")
    } else {
        format!("namespaces/{namespace}/actions/{path}")
    };
    json!({ "url": format!("{}/api/v1/{below}", server.trim_end_matches('/')) })
}

/// A time as ECMAScript prints it.
pub(crate) fn iso(now: u64) -> String {
    let time = jiff::Timestamp::from_millisecond(i64::try_from(now).unwrap_or(i64::MAX)).unwrap_or_default();
    format!("{time:.3}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check(run: fn(Object) -> Result<Value>, arguments: Value, expected: Value) {
        let Value::Object(arguments) = arguments else {
            panic!("{arguments}")
        };
        assert_eq!(run(arguments).unwrap(), expected);
    }

    #[test]
    fn texts_are_split_sorted_and_joined() {
        check(
            split,
            json!({"payload": "b\na"}),
            json!({"lines": ["b", "a"], "payload": "b\na"}),
        );
        check(
            split,
            json!({"payload": "b,a", "separator": ","}),
            json!({"lines": ["b", "a"], "payload": "b,a"}),
        );
        check(
            sort,
            json!({"lines": ["b", "a"]}),
            json!({"lines": ["a", "b"], "length": 2}),
        );
        check(head, json!({"lines": ["b", "a"]}), json!({"lines": ["b"], "num": 1}));
        check(
            head,
            json!({"lines": ["b", "a"], "num": 9}),
            json!({"lines": ["b", "a"], "num": 9}),
        );
        check(
            cat,
            json!({"lines": ["b", 1]}),
            json!({"lines": ["b", 1], "payload": "b\n1"}),
        );
        check(smash, json!({"$fieldName": "x", "a": 1}), json!({"x": {"a": 1}}));
    }

    #[test]
    fn addresses_are_whole() {
        let address = |arguments: Value| host_url("https://h/", "ns", arguments.as_object().unwrap())["url"].clone();
        assert_eq!(
            address(json!({"web": true, "ext": "json", "path": "/pkg/a"})),
            "https://h/api/v1/web/ns/pkg/a.json"
        );
        assert_eq!(
            address(json!({"trigger": "true", "path": "t"})),
            "https://h/api/v1/namespaces/ns/triggers/t"
        );
        assert_eq!(
            address(json!({"path": "a"})),
            "https://h/api/v1/namespaces/ns/actions/a"
        );
    }

    #[test]
    fn times_are_iso() {
        assert_eq!(iso(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
    }
}
