use std::time::Duration;

/// A workload: functions, and how often each was invoked in each minute.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// The functions.
    pub functions: Vec<Function>,
}

/// A function of a trace.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Whether a timer fires it.
    pub timer: bool,
    /// Invocations by minute.
    pub minutes: Vec<u32>,
    /// How long a run takes.
    pub run: Duration,
    /// What an instance occupies, in MB.
    pub memory: f64,
}

impl Function {
    /// The arrivals, in order: those of a minute spread evenly over it.
    pub fn arrivals(&self) -> impl Iterator<Item = Duration> + '_ {
        self.minutes.iter().enumerate().flat_map(|(minute, count)| {
            let from = Duration::from_secs(60 * minute as u64);
            (0..*count).map(move |index| from + Duration::from_secs(60) * index / *count)
        })
    }
}

impl Trace {
    /// How long the trace is.
    pub fn length(&self) -> Duration {
        let minutes = self.functions.iter().map(|function| function.minutes.len()).max();
        Duration::from_secs(60 * minutes.unwrap_or(0) as u64)
    }
}
