use serde::Serialize;
use serde_json::Value;

use crate::cli::Out;

/// Columns of the longest bar.
const BAR: f64 = 40.0;
/// What an activation waits for, in order.
const PHASES: [&str; 6] = ["wait", "sandbox", "runtime", "code", "init", "run"];

/// Where an activation's time went.
#[derive(Serialize)]
pub struct Breakdown {
    /// How it came by its instance: `warm`, `stem` or `cold`; none if nothing ran.
    start: Option<String>,
    /// What it waited for, in order.
    phases: Vec<Phase>,
    /// What had been done before it came.
    ahead: Vec<Phase>,
}

#[derive(Serialize)]
struct Phase {
    name: &'static str,
    milliseconds: f64,
}

impl Breakdown {
    /// Reads it from a record.
    pub fn of(record: &Value) -> Self {
        let annotation = |key: &str| {
            let annotations = record["annotations"].as_array()?;
            Some(&annotations.iter().find(|annotation| annotation["key"] == key)?["value"])
        };
        if let Some(start) = annotation("start").filter(|start| start.is_object()) {
            return Self {
                start: start["type"].as_str().map(str::to_owned),
                phases: phases(start),
                ahead: phases(&start["ahead"]),
            };
        }
        // Of a warm run, and of the records of other platforms, whole milliseconds are known.
        let known = |value: Option<&Value>| value.and_then(Value::as_f64);
        let (wait, init) = (known(annotation("waitTime")), known(annotation("initTime")));
        let run = known(record.get("duration")).map(|duration| duration - init.unwrap_or(0.0));
        let phases = [("wait", wait), ("init", init), ("run", run)]
            .into_iter()
            .filter_map(|(name, took)| {
                Some(Phase {
                    name,
                    milliseconds: took?,
                })
            })
            .collect();
        Self {
            start: wait.map(|_| if init.is_some() { "cold" } else { "warm" }.to_owned()),
            phases,
            ahead: Vec::new(),
        }
    }

    /// Prints it: as a picture for people, as a document for programs.
    pub fn print(&self, out: Out) -> anyhow::Result<()> {
        if !out.for_people() {
            return out.document(self);
        }
        out.line(&format!("start      {}", self.start.as_deref().unwrap_or("none")))?;
        let most = self.phases.iter().map(|phase| phase.milliseconds).fold(0.0, f64::max);
        for phase in &self.phases {
            out.line(phase.row(&bar(phase.milliseconds, most)).trim_end())?;
        }
        self.ahead
            .iter()
            .try_for_each(|phase| out.line(&phase.row("before the request")))
    }
}

impl Phase {
    fn row(&self, picture: &str) -> String {
        format!("{:<8}{:>11.3} ms  {picture}", self.name, self.milliseconds)
    }
}

fn phases(parts: &Value) -> Vec<Phase> {
    PHASES
        .into_iter()
        .filter_map(|name| {
            Some(Phase {
                name,
                milliseconds: parts[name].as_f64()?,
            })
        })
        .collect()
}

/// A bar in eighths of a column; whatever took time has one.
fn bar(value: f64, most: f64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if most <= 0.0 || value <= 0.0 {
        return String::new();
    }
    let eighths = ((value / most * BAR * 8.0).round() as usize).max(1);
    "█".repeat(eighths / 8) + EIGHTHS[eighths % 8]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(record: &Value) -> Value {
        serde_json::to_value(Breakdown::of(record)).unwrap()
    }

    #[test]
    fn a_start_is_read_from_its_annotation() {
        let start = json!({
            "type": "stem", "wait": 0.5, "code": 0.25, "init": 1.5, "run": 4.0,
            "ahead": { "runtime": 20.0, "sandbox": 2.0 },
        });
        let record = json!({ "duration": 6, "annotations": [{ "key": "start", "value": start }] });
        let phase = |name, milliseconds: f64| json!({ "name": name, "milliseconds": milliseconds });
        assert_eq!(
            read(&record),
            json!({
                "start": "stem",
                "phases": [phase("wait", 0.5), phase("code", 0.25), phase("init", 1.5), phase("run", 4.0)],
                "ahead": [phase("sandbox", 2.0), phase("runtime", 20.0)],
            })
        );
    }

    #[test]
    fn other_records_tell_less() {
        let annotations = |init: bool| {
            let init = init.then(|| json!({ "key": "initTime", "value": 30 }));
            [json!({ "key": "waitTime", "value": 2 })]
                .into_iter()
                .chain(init)
                .collect::<Vec<_>>()
        };
        for (record, start, phases) in [
            (
                json!({ "duration": 5, "annotations": annotations(false) }),
                json!("warm"),
                vec![("wait", 2.0), ("run", 5.0)],
            ),
            (
                json!({ "duration": 35, "annotations": annotations(true) }),
                json!("cold"),
                vec![("wait", 2.0), ("init", 30.0), ("run", 5.0)],
            ),
            (json!({ "annotations": [] }), json!(null), vec![]),
        ] {
            let read = read(&record);
            assert_eq!(read["start"], start);
            let found: Vec<_> = read["phases"]
                .as_array()
                .unwrap()
                .iter()
                .map(|phase| (phase["name"].as_str().unwrap(), phase["milliseconds"].as_f64().unwrap()))
                .collect();
            assert_eq!(found, phases);
        }
    }

    #[test]
    fn bars_are_to_scale_and_never_vanish() {
        assert_eq!(bar(10.0, 10.0).chars().count(), 40);
        assert_eq!(bar(5.0, 10.0).chars().count(), 20);
        assert_eq!(bar(0.001, 1000.0), "▏");
        assert_eq!(bar(0.0, 0.0), "");
    }
}
