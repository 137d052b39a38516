use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::json;
use wisp_core::{
    Result,
    model::Millis,
    ports::{Clock, Ended, EventSink, Listener},
};

use super::alarm::Alarm;

/// The longest sleep: a clock that is set anew is noticed after it.
const LONGEST_SLEEP: u64 = 30_000;

/// Waits for an alarm's times.
pub(super) struct Timer {
    pub alarm: Alarm,
    pub clock: Arc<dyn Clock>,
}

/// What an alarm knows after a restart.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Position {
    /// The time that it last fired for, or was made.
    last: Millis,
    /// How often it has fired.
    fired: u64,
}

#[async_trait]
impl Listener for Timer {
    async fn listen(&self, sink: &dyn EventSink) -> Result<Ended> {
        let since = self.clock.now();
        let kept = sink.position().await?;
        let kept = kept.and_then(|position| serde_json::from_value(position).ok());
        let mut position = match kept {
            Some(position) => position,
            None => {
                let begun = Position {
                    last: since.saturating_sub(1),
                    fired: 0,
                };
                sink.keep(json!(begun)).await?;
                begun
            }
        };
        loop {
            let now = self.clock.now();
            for at in self.alarm.due(position.last, since, now) {
                if self.is_spent(position) {
                    break;
                }
                sink.deliver(vec![self.alarm.event(at)]).await?;
                position = Position {
                    last: at,
                    fired: position.fired + 1,
                };
                sink.keep(json!(position)).await?;
            }
            let next = self
                .alarm
                .schedule
                .next(position.last.max(now))
                .filter(|_| !self.is_spent(position));
            sink.expect(next);
            let Some(next) = next else {
                return Ok(Ended {
                    reason: "Automatically disabled after its last scheduled fire".into(),
                    remove: self.alarm.remove,
                });
            };
            // The wall clock may be set while this sleeps.
            let left = next.saturating_sub(self.clock.now()).min(LONGEST_SLEEP);
            self.clock.sleep(Duration::from_millis(left)).await;
        }
    }
}

impl Timer {
    /// Whether it has fired as often as it may.
    fn is_spent(&self, position: Position) -> bool {
        self.alarm.most.is_some_and(|most| position.fired >= most)
    }
}
