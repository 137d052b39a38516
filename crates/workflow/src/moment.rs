//! Moments as text: RFC 3339 in UTC with milliseconds, as the context object shows them.

use jiff::Timestamp;

use crate::query::timestamp;

/// `2026-01-31T09:00:00.000Z`.
pub(crate) fn text(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(moment) => format!("{moment:.3}"),
        Err(_) => ms.to_string(),
    }
}

/// Milliseconds since 1970 of a date and time of RFC 3339; `None` of any other text.
pub(crate) fn parse(text: &str) -> Option<i64> {
    timestamp::parse(text).map(Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_and_read() {
        assert_eq!(text(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(text(1_767_225_600_250), "2026-01-01T00:00:00.250Z");
        assert_eq!(parse("2026-01-01T00:00:00.250Z"), Some(1_767_225_600_250));
        assert_eq!(parse("2026-01-01T01:00:00+01:00"), Some(1_767_225_600_000));
        for text in [
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T25:00:00Z",
            "now",
            "",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
