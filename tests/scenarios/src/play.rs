use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use serde_json::Value;

use crate::{
    case::{Case, Expect, Form, Step},
    http::{self, Reply},
    matching::{differences, equal},
    server::Server,
    values::{Variables, evaluate, expand},
};

/// Pause between two tries of a step that has time.
const PAUSE: Duration = Duration::from_millis(50);

/// Takes a case's steps, in namespaces made for it.
pub fn play(case: &Case, server: &Server) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (guest, other) = (server.subject(&case.limits)?, server.subject(&Default::default())?);
    let mut variables = Variables::from([
        ("ns".into(), guest.namespace),
        ("key".into(), guest.key),
        ("other".into(), other.namespace),
        ("otherkey".into(), other.key),
        ("http".into(), server.http.clone()),
    ]);
    for (index, step) in case.steps.iter().enumerate() {
        for turn in 1..=step.times {
            variables.insert("turn".into(), turn.to_string());
            runtime
                .block_on(take(step, server, &mut variables))
                .with_context(|| format!("step {}: {}", index + 1, step.request))?;
        }
    }
    Ok(())
}

/// Takes one step, again and again while it has time and the reply is not as expected.
async fn take(step: &Step, server: &Server, variables: &mut Variables) -> Result<()> {
    let end = Instant::now() + Duration::from_secs(step.within);
    loop {
        let address = if matches!(step.form, Form::Tls | Form::H2Tls) {
            &server.https
        } else {
            &server.http
        };
        let reply = http::send(address, step.form, request(step, address, variables)?).await?;
        let mut found = unexpected(&step.expect, &reply, variables)?;
        found.extend(broken(&step.request, &reply));
        if found.is_empty() {
            return save(step, &reply, variables);
        }
        if Instant::now() >= end {
            bail!("{}\n--- the reply was\n{}", found.join("\n"), shown(&reply));
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn request(step: &Step, address: &str, variables: &Variables) -> Result<Request<Full<Bytes>>> {
    let line = expand(&step.request, variables)?;
    let (method, target) = line.split_once(' ').context("must be a method and a target")?;
    let path = if target.starts_with('/') {
        target.to_owned()
    } else {
        format!("/api/v1/namespaces/{target}")
    };
    let path = escaped(&path);
    let uri = if matches!(step.form, Form::Absolute | Form::H2 | Form::H2Tls) {
        format!("http://{address}{path}")
    } else {
        path
    };
    let mut request = Request::builder().method(method).uri(uri);
    if !step.headers.contains_key("host") && !matches!(step.form, Form::H2 | Form::H2Tls) {
        request = request.header("host", address);
    }
    if let Some(key) = credentials(step.caller.as_deref().unwrap_or("guest"), variables)? {
        request = request.header("authorization", format!("Basic {}", BASE64_STANDARD.encode(key)));
    }
    let typed = step
        .headers
        .keys()
        .any(|name| name.eq_ignore_ascii_case("content-type"));
    if step.body.is_some() && !typed {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in &step.headers {
        request = request.header(name, expand(value, variables)?);
    }
    let body = match (&step.body, &step.text) {
        (Some(_), Some(_)) => bail!("has both 'body' and 'text'"),
        (Some(body), None) => evaluate(body, variables)?.to_string(),
        (None, Some(text)) => expand(text, variables)?,
        (None, None) => String::new(),
    };
    Ok(request.body(Full::from(body))?)
}

/// A path as it is written in a case, without the characters that no target may have.
fn escaped(path: &str) -> String {
    let mut escaped = String::new();
    for character in path.chars() {
        match character {
            ' ' | '"' | '<' | '>' | '{' | '}' => escaped.push_str(&format!("%{:02X}", u32::from(character))),
            other => escaped.push(other),
        }
    }
    escaped
}

/// `uuid:key` of a caller; none for nobody.
fn credentials(caller: &str, variables: &Variables) -> Result<Option<String>> {
    match caller {
        "nobody" => Ok(None),
        "guest" => expand("${key}", variables).map(Some),
        "other" => expand("${otherkey}", variables).map(Some),
        literal => expand(literal, variables).map(Some),
    }
}

/// What of a reply is not as expected.
fn unexpected(expect: &Expect, reply: &Reply, variables: &Variables) -> Result<Vec<String>> {
    let mut found = Vec::new();
    match expect.status {
        Some(status) if status != reply.status => {
            found.push(format!("status: expected {status}, found {}", reply.status))
        }
        None if !(200..300).contains(&reply.status) => {
            found.push(format!("status: expected 2xx, found {}", reply.status))
        }
        _ => {}
    }
    for (name, pattern) in &expect.headers {
        let value = reply.header(&name.to_lowercase()).map(Value::from);
        differences(
            &evaluate(pattern, variables)?,
            value.as_ref(),
            &format!("header {name}"),
            &mut found,
        );
    }
    if let Some(pattern) = &expect.text {
        let pattern = Value::String(expand(pattern, variables)?);
        differences(&pattern, Some(&Value::from(reply.text.as_str())), "text", &mut found);
    }
    if expect.body.is_none() && expect.exactly.is_none() && expect.error.is_none() {
        return Ok(found);
    }
    let Ok(body) = serde_json::from_str::<Value>(&reply.text) else {
        found.push("body: expected JSON".into());
        return Ok(found);
    };
    if let Some(pattern) = &expect.body {
        differences(&evaluate(pattern, variables)?, Some(&body), "body", &mut found);
    }
    if let Some(error) = &expect.error {
        let pattern = Value::String(expand(error, variables)?);
        differences(&pattern, body.get("error"), "body/error", &mut found);
    }
    if let Some(exactly) = &expect.exactly {
        let exactly = evaluate(exactly, variables)?;
        if !equal(&exactly, &body) {
            found.push(format!("body: expected exactly {exactly}"));
        }
    }
    Ok(found)
}

/// What is wrong with a reply whatever was asked: each has a transaction id, each refusal the error body with that
/// id, and each below `/api/v1` the headers for browsers.
fn broken(request: &str, reply: &Reply) -> Vec<String> {
    let mut found = Vec::new();
    let transaction = reply.header("x-request-id");
    if transaction.is_none() {
        found.push("header x-request-id: missing".into());
    }
    let (method, target) = request.split_once(' ').unwrap_or_default();
    // Web actions and APIs speak for themselves once they have run.
    let own = reply.header("x-openwhisk-activation-id").is_some() || reply.status == 406;
    if (400..500).contains(&reply.status) && method != "HEAD" && !own {
        let body: Value = serde_json::from_str(&reply.text).unwrap_or_default();
        if !body["error"].is_string() || body["code"].as_str() != transaction {
            found.push("body: a refusal must be an object with 'error', and the transaction id as 'code'".into());
        }
    }
    let in_api = !target.starts_with('/') || target.starts_with("/api/v1/") && !target.starts_with("/api/v1/web/");
    if in_api && reply.header("access-control-allow-origin") != Some("*") {
        found.push("header access-control-allow-origin: missing".into());
    }
    found
}

/// Sets the variables that a step takes from its reply.
fn save(step: &Step, reply: &Reply, variables: &mut Variables) -> Result<()> {
    for (name, place) in &step.save {
        let value = match place.strip_prefix("header:") {
            Some(header) => reply.header(header).map(str::to_owned),
            None => serde_json::from_str::<Value>(&reply.text)?
                .pointer(place)
                .map(|value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                }),
        };
        let value = value.ok_or_else(|| anyhow!("nothing at '{place}' to save as '{name}'; {}", shown(reply)))?;
        ensure!(name != "ns" && name != "key", "'{name}' is taken");
        variables.insert(name.clone(), value);
    }
    Ok(())
}

/// A reply for a message.
fn shown(reply: &Reply) -> String {
    let headers: Vec<String> = reply
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let text: String = reply.text.chars().take(2000).collect();
    format!("{}\n{}\n\n{text}", reply.status, headers.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn reply() -> Reply {
        let headers = vec![("x-id".into(), "7".into())];
        Reply {
            status: 404,
            headers,
            text: r#"{"error":"no","code":"7"}"#.into(),
        }
    }

    fn check(expect: Value, expected: &[&str]) {
        let expect: Expect = serde_json::from_value(expect).unwrap();
        let headers = vec![("x-id".into(), "7".into())];
        let reply = Reply {
            status: 404,
            headers,
            text: r#"{"error":"no","code":"7"}"#.into(),
        };
        let variables = Variables::from([("id".into(), "7".into())]);
        assert_eq!(unexpected(&expect, &reply, &variables).unwrap(), expected);
    }

    #[test]
    fn a_reply_is_held_against_all_that_is_expected() {
        check(
            json!({"status": 404, "headers": {"X-Id": "${id}"}, "body": {"code": "${id}"}}),
            &[],
        );
        check(
            json!({"status": 404, "headers": {"X-No": "$absent"}, "exactly": {"code": "7", "error": "no"}}),
            &[],
        );
        check(json!({}), &["status: expected 2xx, found 404"]);
        check(
            json!({"status": 404, "text": "$re ^no"}),
            &[r#"text: expected "$re ^no", found "{\"error\":\"no\",\"code\":\"7\"}""#],
        );
        check(
            json!({"status": 404, "exactly": {"error": "no"}}),
            &[r#"body: expected exactly {"error":"no"}"#],
        );
        check(
            json!({"status": 404, "body": {"error": "yes"}}),
            &[r#"body/error: expected "yes", found "no""#],
        );
    }

    #[test]
    fn every_reply_keeps_what_all_have_in_common() {
        assert_eq!(broken("GET _/actions", &reply()).len(), 3);
        let mut good = reply();
        good.headers.push(("x-request-id".into(), "7".into()));
        assert_eq!(broken("GET /ping", &good), [""; 0]);
        good.text = r#"{"error":"no"}"#.into();
        assert_eq!(broken("GET /ping", &good).len(), 1);
    }
}
