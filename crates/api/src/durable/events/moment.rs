use prost_types::Timestamp;
use wisp_control::orchestrations::core::Micros;

/// A moment, in the protocol's seconds and nanoseconds.
pub(in crate::durable) fn timestamp(at: Micros) -> Timestamp {
    Timestamp {
        seconds: at.div_euclid(1_000_000),
        nanos: i32::try_from(at.rem_euclid(1_000_000) * 1000).unwrap_or_default(),
    }
}

/// A moment in microseconds. Finer parts are dropped.
pub(in crate::durable) fn micros(at: &Timestamp) -> Micros {
    at.seconds
        .saturating_mul(1_000_000)
        .saturating_add(i64::from(at.nanos) / 1000)
}
