//! Moments as state machines write them.

use jiff::Timestamp;

/// The moment that an RFC 3339 text names: `2016-03-14T01:59:00Z`, with a `T`, seconds and a zone.
pub fn parse(text: &str) -> Option<Timestamp> {
    let shape = |c: char| match c {
        '0'..='9' => 'd',
        c => c,
    };
    let shape: String = text.chars().map(shape).collect();
    let rest = shape.strip_prefix("dddd-dd-ddTdd:dd:dd")?;
    let zone = match rest.strip_prefix(".d") {
        Some(fraction) => fraction.trim_start_matches('d'),
        None => rest,
    };
    if !matches!(zone, "Z" | "+dd:dd" | "-dd:dd") {
        return None;
    }
    text.parse().ok()
}
