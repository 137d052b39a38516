use axum::http::{HeaderMap, HeaderValue, header};

/// The methods of web actions.
pub(super) const METHODS: &str = "OPTIONS, GET, DELETE, POST, PUT, HEAD, PATCH";

/// Tells browsers that everybody may call a web action with any method and the headers that they ask for. Whatever the
/// function says about it is replaced.
pub(crate) fn allow_all(response: &mut HeaderMap, asked: Option<HeaderValue>) {
    let usual = HeaderValue::from_static("Authorization, Origin, X-Requested-With, Content-Type, Accept, User-Agent");
    response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    response.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.unwrap_or(usual));
}
