use jiff::Timestamp;
use serde_json::Value;
use wisp_core::{
    Error, Result,
    model::Millis,
    ports::{Feed, FeedParameter, FeedSettings},
};

use super::schedule::Schedule;
use crate::setting::number;

const fn parameter(name: &'static str, description: &'static str) -> FeedParameter {
    FeedParameter {
        name,
        description,
        required: false,
        secret: false,
    }
}

const fn required(name: &'static str, description: &'static str) -> FeedParameter {
    FeedParameter {
        required: true,
        ..parameter(name, description)
    }
}

const PAYLOAD: FeedParameter = parameter(
    "trigger_payload",
    "What the trigger is fired with: an object, or a text",
);
const START: FeedParameter = parameter("startDate", "First time: an ISO 8601 date, or milliseconds");
const STOP: FeedParameter = parameter("stopDate", "Last time: an ISO 8601 date, or milliseconds");
const MISSED: FeedParameter = parameter(
    "missed",
    "What becomes of fires missed while the server was down: skip, once or all",
);

/// The feeds of alarms.
pub(super) const FEEDS: &[Feed] = &[
    Feed {
        package: "alarms",
        name: "alarm",
        description: "Fires a trigger as a cron pattern says",
        parameters: &[
            required("cron", "Pattern of five fields, or of six with seconds first"),
            parameter(
                "timezone",
                "Time zone of the pattern, such as Europe/Vienna; UTC if there is none",
            ),
            PAYLOAD,
            START,
            STOP,
            parameter("maxTriggers", "Fires at most"),
            parameter("strict", "Stored and shown; every alarm fires at its second"),
            MISSED,
        ],
    },
    Feed {
        package: "alarms",
        name: "interval",
        description: "Fires a trigger every so many minutes",
        parameters: &[
            required("minutes", "Minutes between fires"),
            PAYLOAD,
            START,
            STOP,
            MISSED,
        ],
    },
    Feed {
        package: "alarms",
        name: "once",
        description: "Fires a trigger once, at a date",
        parameters: &[
            required("date", "When: an ISO 8601 date, or milliseconds"),
            PAYLOAD,
            parameter(
                "deleteAfterFire",
                "What is deleted then: false, true (the trigger) or rules (its rules, too)",
            ),
            MISSED,
        ],
    },
];

/// Milliseconds from now to the first fire of an interval that has no start date.
const FIRST_INTERVAL: Millis = 30_000;

/// The settings of an alarm, in OpenWhisk's words if they are wrong. Dates that are given must be in the future; what is
/// there from before may have passed.
pub(super) fn check(
    feed: &Feed,
    given: &FeedSettings,
    before: Option<&FeedSettings>,
    now: Millis,
) -> Result<FeedSettings> {
    let mut settings = feed.merge(given, before).map_err(|_| missing(feed))?;
    match settings.get("trigger_payload") {
        Some(Value::Object(_)) | None => {}
        Some(other) => {
            let payload = serde_json::json!({ "payload": other });
            settings.insert("trigger_payload".into(), payload);
        }
    }
    for name in ["startDate", "stopDate", "date"] {
        if let Some(value) = given.get(name).filter(|_| settings.contains_key(name)) {
            let at = date(name, value)?;
            if at <= now {
                return Err(Error::bad_request(format!(
                    "{name} parameter '{}' must be in the future",
                    plain(value)
                )));
            }
        }
    }
    if feed.name == "interval" {
        match number(&settings, "minutes")? {
            Some(minutes) if minutes > 0 => {}
            _ => {
                return Err(Error::bad_request(
                    "the minutes parameter must be an integer greater than zero",
                ));
            }
        }
        let first = settings.entry("startDate").or_insert(Value::Null);
        if first.is_null() {
            *first = Value::from(now + FIRST_INTERVAL);
        }
    }
    if let (Some(start), Some(stop)) = (settings.get("startDate"), settings.get("stopDate"))
        && date("stopDate", stop)? <= date("startDate", start)?
    {
        return Err(Error::bad_request(format!(
            "stopDate parameter '{}' must be greater than the startDate parameter '{}'",
            plain(stop),
            plain(start)
        )));
    }
    check_end(feed, &settings, now)?;
    Ok(settings)
}

/// Refuses alarms that would never fire, and two ways to end.
fn check_end(feed: &Feed, settings: &FeedSettings, now: Millis) -> Result<()> {
    let most = number(settings, "maxTriggers")?.filter(|most| *most > 0);
    if most.is_some() && settings.contains_key("stopDate") {
        return Err(Error::bad_request(
            "maxTriggers is not allowed when the stopDate parameter is specified",
        ));
    }
    if let Some(value) = settings.get("deleteAfterFire")
        && !["false", "true", "rules"].contains(&plain(value).as_str())
    {
        return Err(Error::bad_request(
            "deleteAfterFire parameter must be one of [false, true, rules].",
        ));
    }
    let schedule = Schedule::new(feed.name, settings)?;
    if schedule.next(now.saturating_sub(1)).is_none() && settings.contains_key("stopDate") {
        let message = "the first scheduled trigger fire is not until after the stop date";
        return Err(Error::bad_request(message));
    }
    Ok(())
}

/// A feed that lacks a parameter says so in OpenWhisk's words.
fn missing(feed: &Feed) -> Error {
    Error::bad_request(match feed.name {
        "alarm" => "alarms trigger feed is missing the cron parameter",
        "interval" => "interval trigger feed is missing the minutes parameter",
        _ => "alarms once trigger feed is missing the date parameter",
    })
}

/// A date as clients give it: milliseconds, or ISO 8601.
pub(super) fn date(name: &str, value: &Value) -> Result<Millis> {
    let millis = match value {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => match text.trim().parse::<u64>() {
            Ok(millis) => Some(millis),
            Err(_) => parse(text.trim()),
        },
        _ => None,
    };
    millis.ok_or_else(|| Error::bad_request(format!("{name} parameter '{}' is not a valid Date", plain(value))))
}

/// ISO 8601 with a zone, or without one, which is then UTC; a date alone is its midnight.
fn parse(text: &str) -> Option<Millis> {
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        civil
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    });
    u64::try_from(time?.as_millisecond()).ok()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
