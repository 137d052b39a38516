use jiff::{Timestamp, tz::TimeZone};

/// To the second.
pub const SECONDS: &str = "%Y-%m-%d %H:%M:%S";
/// To the millisecond.
pub const MILLISECONDS: &str = "%Y-%m-%d %H:%M:%S%.3f";

/// A time, in milliseconds since 1970, as the clocks of a zone show it.
pub fn clock(milliseconds: i64, zone: &TimeZone, form: &str) -> String {
    let time = Timestamp::from_millisecond(milliseconds).unwrap_or_default();
    time.to_zoned(zone.clone()).strftime(form).to_string()
}
