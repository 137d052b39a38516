use base64::{Engine, prelude::BASE64_STANDARD};
use hyper::Method;
use serde_json::{Map, Value, json};
use wisp_core::{model::Outcome, ports::Run};

use super::{
    super::outcome::of_result,
    exchange::{Answer, Ask},
    reply::{message, raw},
};

/// Headers of a web request that are about its own connection, not the one to the container.
const OWN: &[&str] = &["connection", "content-length", "host", "transfer-encoding", "upgrade"];

/// The request that a plain web server gets: the parameters as JSON, posted to `/`. An invocation that was a web request
/// becomes that request again, with its method, path and headers.
pub fn request(run: &Run) -> Ask {
    let mut ask = Ask {
        body: run.value.get().to_owned().into(),
        ..Ask::default()
    };
    if let Ok(Value::Object(mut parameters)) = serde_json::from_str(run.value.get())
        && let Some(Value::String(method)) = parameters.remove("__ow_method")
    {
        ask = web_request(&method, parameters);
    }
    for (key, value) in &run.context {
        let name = match *key {
            "activation_id" => "x-openwhisk-activation-id",
            "transaction_id" => "x-request-id",
            _ => continue,
        };
        ask.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        ask.headers.push((name.into(), value.clone()));
    }
    ask
}

fn web_request(method: &str, mut parameters: Map<String, Value>) -> Ask {
    let mut take = |name: &str| parameters.remove(name);
    let (path, query, body) = (take("__ow_path"), take("__ow_query"), take("__ow_body"));
    let headers = take("__ow_headers");
    let _ = (take("__ow_user"), take("__ow_isBase64Encoded"));
    let text = |value: Option<Value>| {
        value
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    };
    let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap_or(Method::POST);
    let (mut path, query) = (text(path), text(query));
    if !path.starts_with('/') {
        path.insert(0, '/');
    }
    if !query.is_empty() {
        path = format!("{path}?{query}");
    }
    let headers = headers.as_ref().and_then(Value::as_object).into_iter().flatten();
    let headers = headers.filter_map(|(name, value)| Some((name.to_lowercase(), value.as_str()?.to_owned())));
    let mut headers: Vec<_> = headers.filter(|(name, _)| !OWN.contains(&name.as_str())).collect();
    let body = match body {
        // A raw web action: the body as it came, binary in base64.
        Some(Value::String(body)) => BASE64_STANDARD.decode(&body).unwrap_or_else(|_| body.into_bytes()),
        _ if method == Method::GET || method == Method::HEAD => Vec::new(),
        _ => {
            headers.retain(|(name, _)| name != "content-type");
            Value::Object(parameters).to_string().into_bytes()
        }
    };
    Ask {
        method,
        path,
        headers,
        body: body.into(),
        again: false,
    }
}

/// What a plain web server's answer means: an object or array is the result; anything else becomes what a web action
/// would return for it. A status from 400 on is the application's error.
pub fn outcome(answer: Answer, limit: u64) -> Outcome {
    if answer.size > limit {
        return of_result(message(answer), limit);
    }
    let parsed: Option<Value> = serde_json::from_slice(&answer.body).ok();
    let fine = answer.status < 400;
    if fine && matches!(parsed, Some(Value::Object(_) | Value::Array(_))) {
        return of_result(message(answer), limit);
    }
    let body = parsed.unwrap_or_else(|| text(&answer.body));
    let mut reply = json!({ "statusCode": answer.status, "body": body });
    if let Some(content_type) = &answer.content_type {
        reply["headers"] = json!({ "content-type": content_type });
    }
    let reply = if fine { reply } else { json!({ "error": reply }) };
    match raw(&reply.to_string()) {
        Some(json) if fine => Outcome::Success(json),
        Some(json) => Outcome::ApplicationError(json),
        None => Outcome::InvalidResult(reply.to_string()),
    }
}

/// Text, or base64 of what is none.
fn text(body: &[u8]) -> Value {
    match std::str::from_utf8(body) {
        Ok(text) => text.into(),
        Err(_) => BASE64_STANDARD.encode(body).into(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]
    use super::*;

    fn run(value: Value) -> Run {
        Run {
            value: raw(&value.to_string()).unwrap(),
            context: vec![("activation_id", "0123".into()), ("namespace", "guest".into())],
            timeout: Default::default(),
            log_limit: 0,
            result_limit: 0,
            pieces: None,
        }
    }

    #[test]
    fn parameters_are_posted_and_web_requests_are_what_they_were() {
        let ask = request(&run(json!({ "a": 1 })));
        assert_eq!((ask.method, ask.path.as_str()), (Method::POST, "/"));
        assert_eq!(ask.body, r#"{"a":1}"#);
        assert_eq!(ask.headers, [("x-openwhisk-activation-id".into(), "0123".into())]);
        let ask = request(&run(json!({
            "__ow_method": "get", "__ow_path": "/x/y", "__ow_query": "q=1", "__ow_headers": { "Accept": "text/plain", "host": "h" },
        })));
        assert_eq!(
            (ask.method, ask.path.as_str(), ask.body.len()),
            (Method::GET, "/x/y?q=1", 0)
        );
        assert_eq!(ask.headers[0], ("accept".into(), "text/plain".into()));
        let ask = request(&run(
            json!({ "__ow_method": "put", "__ow_body": "aGk=", "__ow_path": "" }),
        ));
        assert_eq!(
            (ask.method, ask.path.as_str(), &ask.body[..]),
            (Method::PUT, "/", &b"hi"[..])
        );
    }

    #[test]
    fn answers_become_results() {
        let told = |status, body: &str| {
            let answer = Answer {
                status,
                content_type: Some("text/plain".into()),
                size: body.len() as u64,
                body: body.into(),
            };
            match outcome(answer, 1000) {
                Outcome::Success(json) => format!("success {json}"),
                Outcome::ApplicationError(json) => format!("error {json}"),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(told(200, r#"{"a":1}"#), r#"success {"a":1}"#);
        assert_eq!(
            told(200, "hello"),
            r#"success {"statusCode":200,"body":"hello","headers":{"content-type":"text/plain"}}"#
        );
        assert_eq!(
            told(404, r#"{"no":1}"#),
            r#"error {"error":{"statusCode":404,"body":{"no":1},"headers":{"content-type":"text/plain"}}}"#
        );
    }
}
