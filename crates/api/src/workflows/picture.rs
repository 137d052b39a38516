use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use serde_json::Value;
use wisp_control::workflows::{Picture, drawing};
use wisp_core::{Code, Error, Result};

use crate::reply::{Reply, ok, raw};

const SVG: &str = "image/svg+xml";
const JSON: &str = "application/json";

/// A drawing as SVG, or what it is drawn of for those who take JSON only.
pub(super) fn shown(headers: &HeaderMap, draw: impl FnOnce() -> String, told: impl FnOnce() -> Value) -> Reply {
    match wanted(headers)? {
        SVG => Ok(svg(draw())),
        _ => ok(&told()),
    }
}

/// The states of a machine, coloured as they are.
pub(super) fn graph(headers: &HeaderMap, picture: &Picture) -> Reply {
    let Picture { definition, looks } = picture;
    shown(
        headers,
        || drawing::graph(definition, looks),
        || serde_json::json!({ "definition": definition, "states": looks }),
    )
}

/// Which of the two a caller takes: a drawing if it takes any.
fn wanted(headers: &HeaderMap) -> Result<&'static str> {
    let accepted: Vec<&str> = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .collect();
    let takes = |media: [&str; 2]| accepted.iter().any(|range| media.contains(range));
    match () {
        () if accepted.is_empty() || takes([SVG, "image/*"]) => Ok(SVG),
        () if takes([JSON, "application/*"]) => Ok(JSON),
        () if takes(["*/*", "*"]) => Ok(SVG),
        () => {
            let message = format!("The resource can be had as {SVG} or as {JSON}.");
            Err(Error::new(Code::NotAcceptable, message))
        }
    }
}

fn svg(text: String) -> Response {
    let mut response = raw(StatusCode::OK, text);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(SVG));
    // Names in it are the caller's: nothing in it is ever run.
    let policy = HeaderValue::from_static("default-src 'none'");
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_for_those_who_take_one() {
        for (accept, expected) in [
            (None, Some(SVG)),
            (Some("*/*"), Some(SVG)),
            (Some("text/html, image/*;q=0.8, */*;q=0.5"), Some(SVG)),
            (Some("application/json"), Some(JSON)),
            (Some("application/json, */*"), Some(JSON)),
            (Some("text/html"), None),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(accept) = accept {
                headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
            }
            assert_eq!(wanted(&headers).ok(), expected, "{accept:?}");
        }
    }
}
