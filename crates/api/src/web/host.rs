use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, Uri, header},
};
use tower::ServiceExt;

use crate::transaction::WEB;

/// Wraps a router so that `{namespace}.{suffix}/{package}/{action}` reaches a web action too, and
/// `{namespace}.{suffix}/` the page `public/index.html`.
pub(crate) fn by_host(router: Router, suffix: &str) -> Router {
    let suffix = format!(".{}", suffix.trim_start_matches('.').to_ascii_lowercase());
    Router::new().fallback(move |mut request: Request| {
        if let Some(uri) = rewritten(request.uri(), request.headers(), &suffix) {
            *request.uri_mut() = uri;
        }
        let router = router.clone();
        async move { router.oneshot(request).await }
    })
}

/// The address of the web action that a request to a namespace's own host means.
fn rewritten(uri: &Uri, headers: &HeaderMap, suffix: &str) -> Option<Uri> {
    let host = match uri.host() {
        Some(host) => host,
        None => headers.get(header::HOST)?.to_str().ok()?,
    };
    let host = host
        .rsplit_once(':')
        .map_or(host, |(name, _)| name)
        .to_ascii_lowercase();
    let namespace = host.strip_suffix(suffix)?;
    if namespace.is_empty() || namespace.contains('.') {
        return None;
    }
    let path = match uri.path() {
        "" | "/" => "/public/index.html",
        path => path,
    };
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    format!("{WEB}/{namespace}{path}{query}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_names_the_namespace() {
        let mut headers = HeaderMap::new();
        for (host, path, expected) in [
            (
                "guest.example.org:8080",
                "/pkg/a.json/x?y=1",
                Some("/api/v1/web/guest/pkg/a.json/x?y=1"),
            ),
            ("Guest.Example.org", "/", Some("/api/v1/web/guest/public/index.html")),
            ("example.org", "/pkg/a", None),
            ("a.b.example.org", "/pkg/a", None),
            ("elsewhere.net", "/pkg/a", None),
        ] {
            headers.insert(header::HOST, host.parse().unwrap());
            let uri = rewritten(&path.parse().unwrap(), &headers, ".example.org");
            assert_eq!(uri.map(|uri| uri.to_string()).as_deref(), expected, "{host}{path}");
        }
    }
}
