use std::time::Duration;

/// What a decision about one action needs to know.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Invocations that wait for an instance.
    pub waiting: usize,
    /// Instances that are being started.
    pub starting: usize,
    /// Instances that serve, each with [`concurrency`](Self::concurrency) places.
    pub live: usize,
    /// Places of one instance.
    pub concurrency: usize,
    /// Mean duration of the latest runs; none before the first has ended.
    pub mean_run: Option<Duration>,
    /// For how long the queue has not moved: since the latest run ended or instance came, or the first waiting one.
    pub stalled: Duration,
    /// What a start costs: the mean of the latest, or an estimate.
    pub start_cost: Duration,
    /// Instances that the action may have at most.
    pub most: usize,
    /// Instances that may be starting at the same time.
    pub most_starting: usize,
}

/// How many instances to start now.
///
/// Another instance pays only if a waiting invocation would wait longer for those that exist than for a new one. The
/// wait for those that exist is taken as the queue's length times the mean run over their places, and at least as the
/// time for which the queue has not moved: so a burst of short runs is served by few instances, a burst of long ones by
/// one each.
pub fn to_start(view: &View) -> usize {
    let View {
        waiting,
        starting,
        live,
        concurrency,
        mean_run,
        stalled,
        start_cost,
        most,
        most_starting,
    } = *view;
    let coming = starting * concurrency;
    let room = most
        .saturating_sub(live + starting)
        .min(most_starting.saturating_sub(starting));
    let lacking = waiting.saturating_sub(coming).div_ceil(concurrency.max(1)).min(room);
    if lacking == 0 || live + starting == 0 {
        return lacking;
    }
    let places = ((live + starting) * concurrency) as f64;
    let expected = mean_run.unwrap_or_default().mul_f64(waiting as f64 / places);
    if expected.max(stalled) > start_cost { lacking } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: View = View {
        waiting: 1,
        starting: 0,
        live: 0,
        concurrency: 1,
        mean_run: None,
        stalled: Duration::ZERO,
        start_cost: Duration::from_millis(20),
        most: 100,
        most_starting: 4,
    };

    #[test]
    fn starts_what_pays() {
        let ms = Duration::from_millis;
        for (view, expected, why) in [
            (BASE, 1, "the first"),
            (View { starting: 1, ..BASE }, 0, "one is coming"),
            (View { waiting: 10, ..BASE }, 4, "a burst, as many as may start at once"),
            (
                View {
                    waiting: 64,
                    live: 1,
                    mean_run: Some(Duration::from_micros(100)),
                    ..BASE
                },
                0,
                "short runs queue",
            ),
            (
                View {
                    waiting: 3,
                    live: 1,
                    mean_run: Some(ms(1000)),
                    ..BASE
                },
                3,
                "long runs get an instance each",
            ),
            (
                View {
                    waiting: 2,
                    live: 1,
                    stalled: ms(30),
                    ..BASE
                },
                2,
                "unknown runs that already take longer",
            ),
            (
                View {
                    waiting: 5,
                    concurrency: 10,
                    ..BASE
                },
                1,
                "one instance has places for all",
            ),
            (
                View {
                    waiting: 5,
                    most: 0,
                    ..BASE
                },
                0,
                "the action may have no more",
            ),
        ] {
            assert_eq!(to_start(&view), expected, "{why}");
        }
    }
}
