use axum::http::{HeaderMap, header};

/// The type and subtype of a content type, in lower case; none if it is none.
pub(super) fn essence(content_type: &str) -> Option<String> {
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    let token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && !b"/,;()<>@\"[]?={}".contains(&byte))
    };
    let (kind, subtype) = essence.split_once('/')?;
    (token(kind) && token(subtype)).then(|| essence.to_ascii_lowercase())
}

/// Whether a media type is JSON, or based on it.
pub(super) fn is_json(essence: &str) -> bool {
    essence == "application/json" || essence.ends_with("+json")
}

/// Whether content of this type is text. Types that nobody knows are, if they name a character set.
pub(super) fn is_text(content_type: &str, essence: &str) -> bool {
    const TEXTS: [&str; 8] = [
        "application/ecmascript",
        "application/graphql",
        "application/javascript",
        "application/sql",
        "application/x-javascript",
        "application/x-www-form-urlencoded",
        "application/xml",
        "application/yaml",
    ];
    is_json(essence)
        || essence.starts_with("text/")
        || (essence.ends_with("+xml") && !essence.starts_with("image/"))
        || TEXTS.contains(&essence)
        || content_type.to_ascii_lowercase().contains("charset=")
}

/// Whether a caller takes content of this type. Who does not say takes all.
pub(super) fn accepts(headers: &HeaderMap, essence: &str) -> bool {
    let mut ranges = headers
        .get_all(header::ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|range| !range.is_empty())
        .peekable();
    if ranges.peek().is_none() {
        return true;
    }
    // The most specific range decides.
    let best = ranges
        .filter_map(|range| matched(range, essence))
        .max_by_key(|(rank, _)| *rank);
    best.is_some_and(|(_, wanted)| wanted)
}

/// How specifically a range matches a type, and whether its quality is above zero.
fn matched(range: &str, essence: &str) -> Option<(u8, bool)> {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next()?.to_ascii_lowercase();
    let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok());
    let rank = match name.split_once('/')? {
        ("*", "*") => 0,
        (kind, "*") if essence.split('/').next() == Some(kind) => 1,
        _ if name == essence => 2,
        _ => return None,
    };
    Some((rank, quality.unwrap_or(1.0) > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_specific_range_decides() {
        for (accept, essence, expected) in [
            ("", "text/html", true),
            ("*/*", "text/html", true),
            ("text/*", "text/html", true),
            ("application/json, text/plain", "text/html", false),
            ("text/html;q=0, */*", "text/html", false),
            ("*/*;q=0, text/html;level=1;q=0.1", "text/html", true),
            ("application/JSON", "application/json", true),
            ("nonsense", "text/html", false),
        ] {
            let mut headers = HeaderMap::new();
            if !accept.is_empty() {
                headers.insert(header::ACCEPT, accept.parse().unwrap());
            }
            assert_eq!(accepts(&headers, essence), expected, "{accept}");
        }
    }

    #[test]
    fn families_of_types() {
        let text = |content_type: &str| essence(content_type).is_some_and(|essence| is_text(content_type, &essence));
        for (content_type, expected) in [
            ("text/plain; charset=utf-8", true),
            ("application/ld+json", true),
            ("application/atom+xml", true),
            ("application/x-own; charset=UTF-8", true),
            ("image/png", false),
            ("image/svg+xml", false),
            ("application/octet-stream", false),
            ("multipart/form-data; boundary=x", false),
            ("application/x-own", false),
        ] {
            assert_eq!(text(content_type), expected, "{content_type}");
        }
        for none in ["", "text", "text/", "/html", "a b/c", "xyz/(bar)"] {
            assert_eq!(essence(none), None, "{none}");
        }
    }
}
