use std::fmt::Write;

use super::{Look, Visit, graph::escaped};

/// Width of the time axis, of the names' column, height of a row, in pixels.
const AXIS: f64 = 760.0;
const NAMES: f64 = 220.0;
const ROW: f64 = 22.0;
const TOP: f64 = 34.0;
const MARGIN: f64 = 12.0;
/// Into how many parts the axis is divided, about.
const PARTS: f64 = 6.0;
/// How many characters of a name there is room for.
const LETTERS: usize = 28;

/// Stays of an execution that took so many milliseconds as SVG: a row for each, its name, a bar over the time, a mark for each
/// attempt that failed; no more than so many rows.
pub fn timeline(visits: &[Visit], took: f64, rows: usize) -> String {
    let left_out = visits.len().saturating_sub(rows);
    let shown = &visits[..visits.len() - left_out];
    let height = TOP + ROW * (shown.len() + usize::from(left_out > 0)) as f64 + MARGIN;
    let width = NAMES + AXIS + 2.0 * MARGIN;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
    );
    let at = |millis: f64| NAMES + MARGIN + AXIS * millis / took.max(1.0);
    let step = step(took);
    for number in 0..=(took / step) as u32 {
        let (millis, foot) = (f64::from(number) * step, height - MARGIN);
        let x = at(millis);
        let _ = writeln!(
            svg,
            "<path d=\"M{x:.1} {TOP}V{foot:.1}\" stroke=\"#e4e7ec\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#667085\">{}</text>",
            TOP - 10.0,
            duration(millis)
        );
    }
    for (number, visit) in shown.iter().enumerate() {
        let y = TOP + ROW * number as f64;
        svg.push_str(&row(visit, y, at(visit.entered), at(visit.left.unwrap_or(took))));
        for failure in &visit.failures {
            let x = at(*failure);
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {:.1}v{:.1}\" stroke=\"#c4281c\" stroke-width=\"2\"/>",
                y + 2.0,
                ROW - 4.0
            );
        }
    }
    if left_out > 0 {
        let y = TOP + ROW * shown.len() as f64 + ROW * 0.7;
        let _ = writeln!(
            svg,
            "<text x=\"{MARGIN}\" y=\"{y:.1}\" fill=\"#667085\">and {left_out} more</text>"
        );
    }
    svg + "</svg>"
}

fn row(visit: &Visit, y: f64, from: f64, to: f64) -> String {
    let (fill, border) = Look::colours(Some(visit.look));
    let iteration = visit.iteration.map_or_else(String::new, |index| format!(" [{index}]"));
    let name = format!("{}{iteration}", visit.state);
    let until = visit
        .left
        .map_or_else(|| "goes on".to_owned(), |left| duration(left - visit.entered));
    let short: String = match name.chars().count() > LETTERS {
        true => name.chars().take(LETTERS - 1).chain(['…']).collect(),
        false => name.clone(),
    };
    format!(
        "<g><title>{}: from {} on, {until}</title><text x=\"{:.1}\" y=\"{:.1}\" fill=\"#1d2939\">{}</text>\
         <rect x=\"{from:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"3\" fill=\"{fill}\" stroke=\"{border}\"/></g>\n",
        escaped(&name),
        duration(visit.entered),
        MARGIN + 12.0 * visit.depth.min(5) as f64,
        y + ROW * 0.7,
        escaped(&short),
        y + 3.0,
        (to - from).max(1.0),
        ROW - 6.0,
    )
}

/// A round number of milliseconds that divides the axis: 1, 2 or 5 times a power of ten.
fn step(took: f64) -> f64 {
    let rough = (took / PARTS).max(1.0);
    let power = 10f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0, 10.0].into_iter().find(|factor| factor * power >= rough);
    factor.unwrap_or(10.0) * power
}

/// A time for people: `250 ms`, `2.5 s`, `3 min`, `2 h`.
fn duration(millis: f64) -> String {
    let (unit, name) = match millis {
        ..1000.0 => (1.0, "ms"),
        ..120_000.0 => (1000.0, "s"),
        ..7_200_000.0 => (60_000.0, "min"),
        _ => (3_600_000.0, "h"),
    };
    let number = (millis / unit * 100.0).round() / 100.0;
    format!("{number} {name}")
}

#[cfg(test)]
mod tests {
    use super::super::visits;
    use super::*;
    use serde_json::json;

    #[test]
    fn the_axis_is_divided_into_round_parts() {
        for (took, expected) in [(0.0, 1.0), (900.0, 200.0), (1300.0, 500.0), (3_600_000.0, 1_000_000.0)] {
            assert_eq!(step(took), expected, "{took}");
        }
        assert_eq!(
            [0.0, 250.0, 2500.0, 180_000.0, 7_200_000.0].map(duration),
            ["0 ms", "250 ms", "2.5 s", "3 min", "2 h"]
        );
    }

    #[test]
    fn a_row_for_each_stay_until_there_are_too_many() {
        let events = [
            json!({ "id": 1, "type": "ExecutionStarted", "timestamp": 1.0 }),
            json!({ "id": 2, "type": "TaskStateEntered", "timestamp": 1.0, "stateEnteredEventDetails": { "name": "A&B" } }),
            json!({ "id": 3, "previousEventId": 2, "type": "TaskFailed", "timestamp": 1.2 }),
            json!({ "id": 4, "previousEventId": 3, "type": "ExecutionFailed", "timestamp": 1.5 }),
        ];
        let (visits, took) = visits(&events);
        assert_eq!((visits[0].look, took), (Look::Failed, 500.0));
        let drawn = timeline(&visits, took, 9);
        assert!(drawn.contains("A&amp;B: from 0 ms on, 500 ms") && drawn.matches("#fddcd9").count() == 1);
        assert_eq!(drawn.matches("stroke-width=\"2\"").count(), 1, "a mark for the failure");
        assert!(timeline(&visits, took, 0).contains("and 1 more"));
    }
}
