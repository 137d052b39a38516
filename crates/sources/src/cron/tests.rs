#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{alarm::Alarm, feeds::FEEDS, schedule::Schedule};
use crate::Config;

fn at(text: &str) -> u64 {
    text.parse::<Timestamp>().unwrap().as_millisecond().try_into().unwrap()
}

fn schedule(feed: &str, settings: &Value) -> Schedule {
    Schedule::new(feed, settings.as_object().unwrap()).unwrap()
}

#[track_caller]
fn check(feed: &str, settings: Value, after: &str, expected: &[&str]) {
    let schedule = schedule(feed, &settings);
    let times = std::iter::successors(schedule.next(at(after)), |time| schedule.next(*time));
    let times: Vec<u64> = times.take(expected.len().max(1)).collect();
    let expected: Vec<u64> = expected.iter().map(|time| at(time)).collect();
    assert_eq!(times, expected, "{settings}");
    for pair in expected.windows(2) {
        assert_eq!(schedule.previous(pair[1]), Some(pair[0]), "backwards");
    }
}

#[test]
fn patterns_have_five_or_six_fields() {
    check(
        "alarm",
        json!({"cron": "30 6 * * *"}),
        "2026-11-21T06:30:00Z",
        &["2026-11-22T06:30:00Z", "2026-11-23T06:30:00Z"],
    );
    check(
        "alarm",
        json!({"cron": "*/20 * * * * *"}),
        "2026-11-21T06:30:01Z",
        &["2026-11-21T06:30:20Z", "2026-11-21T06:30:40Z", "2026-11-21T06:31:00Z"],
    );
    check(
        "alarm",
        json!({"cron": "0 0 29 2 *"}),
        "2026-11-21T06:30:01Z",
        &["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"],
    );
    check(
        "alarm",
        json!({"cron": "0 12 * * MON-FRI"}),
        "2026-11-20T12:00:00Z",
        &["2026-11-23T12:00:00Z", "2026-11-24T12:00:00Z"],
    );
    check("alarm", json!({"cron": "0 0 30 2 *"}), "2026-11-21T06:30:01Z", &[]);
}

#[test]
fn patterns_follow_the_zone_through_summer_time() {
    let daily = json!({"cron": "0 9 * * *", "timezone": "Europe/Vienna"});
    check(
        "alarm",
        daily,
        "2026-03-27T12:00:00Z",
        &["2026-03-28T08:00:00Z", "2026-03-29T07:00:00Z", "2026-03-30T07:00:00Z"],
    );
    // Half past two comes twice that night, and an alarm for it fires once.
    let night = json!({"cron": "30 2 * * *", "timezone": "Europe/Vienna"});
    let schedule = schedule("alarm", &night);
    let first = schedule.next(at("2026-10-24T12:00:00Z")).unwrap();
    assert!([at("2026-10-25T00:30:00Z"), at("2026-10-25T01:30:00Z")].contains(&first));
    assert_eq!(schedule.next(first), Some(at("2026-10-26T01:30:00Z")));
}

#[test]
fn start_and_stop_bound_all_schedules() {
    let bounds = json!({"cron": "0 * * * *", "startDate": "2026-11-21T10:00:00Z", "stopDate": "2026-11-21T11:00:00Z"});
    let alarm = schedule("alarm", &bounds);
    assert_eq!(alarm.next(at("2026-11-20T00:00:00Z")), Some(at("2026-11-21T10:00:00Z")));
    assert_eq!(alarm.next(at("2026-11-21T11:00:00Z")), None);
    assert_eq!(alarm.previous(at("2026-11-21T10:00:00Z")), None);
    assert_eq!(
        alarm.previous(at("2027-11-21T10:00:00Z")),
        Some(at("2026-11-21T11:00:00Z"))
    );
    check(
        "interval",
        json!({"minutes": 90, "startDate": "2026-11-21T10:00:00Z"}),
        "2026-11-21T09:00:00Z",
        &["2026-11-21T10:00:00Z", "2026-11-21T11:30:00Z", "2026-11-21T13:00:00Z"],
    );
    check(
        "interval",
        json!({"minutes": 90, "startDate": "2026-11-21T10:00:00Z"}),
        "2026-11-21T11:30:00Z",
        &["2026-11-21T13:00:00Z"],
    );
    let once = schedule("once", &json!({"date": at("2026-11-21T10:00:00Z").to_string()}));
    assert_eq!(once.next(0), Some(at("2026-11-21T10:00:00Z")));
    assert_eq!(once.next(at("2026-11-21T10:00:00Z")), None);
}

#[test]
fn missed_fires_go_by_the_policy() {
    let due = |missed: &str, last: &str, since: &str, now: &str| {
        let settings = json!({"cron": "0 * * * *", "missed": missed});
        let config = Config {
            missed_limit: 3,
            ..Config::default()
        };
        let alarm = Alarm::new(&FEEDS[0], settings.as_object().unwrap(), &config).unwrap();
        alarm.due(at(last), at(since), at(now))
    };
    let (last, since, now) = ("2026-11-21T01:00:00Z", "2026-11-21T06:30:00Z", "2026-11-21T06:30:00Z");
    assert!(due("skip", last, since, now).is_empty());
    assert_eq!(due("once", last, since, now), [at("2026-11-21T06:00:00Z")]);
    let all = ["2026-11-21T04:00:00Z", "2026-11-21T05:00:00Z", "2026-11-21T06:00:00Z"];
    assert_eq!(due("all", last, since, now), all.map(at), "as many as the limit allows");
    let later = "2026-11-21T07:00:00Z";
    assert_eq!(
        due("skip", last, since, later),
        [at(later)],
        "what comes due while it listens is not missed"
    );
    assert_eq!(
        due("once", last, since, "2026-11-21T09:30:00Z"),
        [at("2026-11-21T09:00:00Z")],
        "a machine that slept has missed"
    );
    assert!(due("all", later, since, later).is_empty(), "nothing fires twice");
}
