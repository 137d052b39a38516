//! State machines as SVG: states in rows by their distance from the start, what a Parallel or a Map holds inside of it.

use std::{
    collections::{HashMap, VecDeque},
    fmt::Write,
};

use serde_json::{Map, Value};

use super::Look;

/// Height of a state without states inside, and least width, in pixels.
const HEIGHT: f64 = 40.0;
const WIDTH: f64 = 110.0;
/// Width of a character of a name.
const CHARACTER: f64 = 7.6;
/// Space between states, and around those in a state.
const GAP: f64 = 36.0;
const MARGIN: f64 = 18.0;
/// Height of the name of a state with states inside.
const TITLE: f64 = 22.0;

/// Something that is drawn, from its own upper left corner.
struct Piece {
    width: f64,
    height: f64,
    svg: String,
}

/// A definition as SVG, its states coloured as they are.
pub fn graph(definition: &Value, looks: &HashMap<String, Look>) -> String {
    let flow = flow(definition, looks);
    let (width, height) = (flow.width + 2.0 * MARGIN, flow.height + 2.0 * MARGIN);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n<defs><marker id=\"a\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" \
         markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\" fill=\"#667085\"/></marker></defs>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\">\n{}</g>\n</svg>",
        flow.svg
    )
}

/// The states of a flow and the arrows between them.
fn flow(definition: &Value, looks: &HashMap<String, Look>) -> Piece {
    let empty = Map::new();
    let states = definition["States"].as_object().unwrap_or(&empty);
    let rows = rows(definition["StartAt"].as_str().unwrap_or_default(), states);
    let pieces: HashMap<&str, Piece> = states
        .iter()
        .map(|(name, state)| (name.as_str(), state_piece(name, state, looks)))
        .collect();
    let row_width = |row: &Vec<&str>| {
        let widths: f64 = row.iter().map(|name| pieces[name].width).sum();
        widths + GAP * (row.len().saturating_sub(1)) as f64
    };
    let width = rows.iter().map(row_width).fold(0.0, f64::max);
    let (mut svg, mut places, mut y) = (String::new(), HashMap::new(), 0.0);
    for row in &rows {
        let mut x = (width - row_width(row)) / 2.0;
        let height = row.iter().map(|name| pieces[name].height).fold(0.0, f64::max);
        for name in row {
            let piece = &pieces[name];
            let _ = writeln!(svg, "<g transform=\"translate({x:.1} {y:.1})\">{}</g>", piece.svg);
            places.insert(*name, (x, y, piece.width, piece.height));
            x += piece.width + GAP;
        }
        y += height + GAP;
    }
    for (name, state) in states {
        for target in targets(state) {
            if let (Some(from), Some(to)) = (places.get(name.as_str()), places.get(target)) {
                svg.push_str(&arrow(*from, *to));
            }
        }
    }
    Piece {
        width,
        height: (y - GAP).max(0.0),
        svg,
    }
}

/// The states by their distance from the first; those that nothing leads to come last.
fn rows<'a>(start: &'a str, states: &'a Map<String, Value>) -> Vec<Vec<&'a str>> {
    let mut distance: HashMap<&str, usize> = HashMap::new();
    let mut queue = VecDeque::from([(start, 0)]);
    while let Some((name, depth)) = queue.pop_front() {
        let Some(state) = states.get(name) else { continue };
        if distance.contains_key(name) {
            continue;
        }
        distance.insert(name, depth);
        queue.extend(targets(state).into_iter().map(|target| (target, depth + 1)));
    }
    let last = distance.values().max().map_or(0, |depth| depth + 1);
    let mut rows = vec![Vec::new(); last + 1];
    for name in states.keys() {
        rows[distance.get(name.as_str()).copied().unwrap_or(last)].push(name.as_str());
    }
    rows.retain(|row| !row.is_empty());
    rows
}

/// The states that one leads to.
fn targets(state: &Value) -> Vec<&str> {
    let rules = ["Choices", "Catch"].into_iter();
    let rules = rules.filter_map(|field| state[field].as_array()).flatten();
    let nexts = rules
        .map(|rule| &rule["Next"])
        .chain([&state["Next"], &state["Default"]]);
    nexts.filter_map(Value::as_str).collect()
}

fn state_piece(name: &str, state: &Value, looks: &HashMap<String, Look>) -> Piece {
    let (fill, border) = Look::colours(looks.get(name).copied());
    let inner: Vec<Piece> = match (
        state["Branches"].as_array(),
        state.get("ItemProcessor").or(state.get("Iterator")),
    ) {
        (Some(branches), _) => branches.iter().map(|branch| flow(branch, looks)).collect(),
        (_, Some(processor)) => vec![flow(processor, looks)],
        _ => Vec::new(),
    };
    let label = (name.chars().count() as f64 * CHARACTER + 24.0).max(WIDTH);
    let (width, height) = match inner.is_empty() {
        true => (label, HEIGHT),
        false => {
            let widths: f64 = inner.iter().map(|piece| piece.width).sum();
            let width = widths + GAP * (inner.len() - 1) as f64 + 2.0 * MARGIN;
            let height = inner.iter().map(|piece| piece.height).fold(0.0, f64::max);
            (width.max(label), height + TITLE + 2.0 * MARGIN)
        }
    };
    let middle = if inner.is_empty() {
        height / 2.0 + 4.5
    } else {
        TITLE - 4.0
    };
    let dash = if inner.is_empty() {
        ""
    } else {
        " stroke-dasharray=\"5 3\""
    };
    let kind = state["Type"].as_str().unwrap_or_default();
    let mut svg = format!(
        "<rect width=\"{width:.1}\" height=\"{height:.1}\" rx=\"7\" fill=\"{fill}\" stroke=\"{border}\" stroke-width=\"1.5\"{dash}/>\
         <text x=\"{:.1}\" y=\"{middle:.1}\" text-anchor=\"middle\" fill=\"#1d2939\">{}</text><title>{}: {}</title>",
        width / 2.0,
        escaped(name),
        escaped(name),
        escaped(kind),
    );
    let mut x = MARGIN;
    for piece in inner {
        let _ = write!(
            svg,
            "<g transform=\"translate({x:.1} {:.1})\">{}</g>",
            TITLE + MARGIN,
            piece.svg
        );
        x += piece.width + GAP;
    }
    Piece { width, height, svg }
}

/// From the foot of a state to the head of another; round the side when that is above.
fn arrow(from: (f64, f64, f64, f64), to: (f64, f64, f64, f64)) -> String {
    let (x1, y1) = (from.0 + from.2 / 2.0, from.1 + from.3);
    let (x2, y2) = (to.0 + to.2 / 2.0, to.1);
    let path = if y2 >= y1 {
        let middle = (y1 + y2) / 2.0;
        format!("M{x1:.1} {y1:.1}C{x1:.1} {middle:.1} {x2:.1} {middle:.1} {x2:.1} {y2:.1}")
    } else {
        let (right, y1, y2) = (from.0 + from.2, from.1 + from.3 / 2.0, to.1 + to.3 / 2.0);
        let (end, side) = (to.0 + to.2, right.max(to.0 + to.2) + GAP);
        format!("M{right:.1} {y1:.1}C{side:.1} {y1:.1} {side:.1} {y2:.1} {end:.1} {y2:.1}")
    };
    format!("<path d=\"{path}\" fill=\"none\" stroke=\"#667085\" marker-end=\"url(#a)\"/>\n")
}

/// A text as it stands in SVG.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_state_is_drawn_once_in_its_colour() {
        let inner = json!({ "StartAt": "I", "States": { "I": { "Type": "Pass", "End": true } } });
        let definition = json!({
            "StartAt": "A<b>",
            "States": {
                "A<b>": { "Type": "Choice", "Choices": [{ "Next": "M" }], "Default": "A<b>" },
                "M": { "Type": "Map", "ItemProcessor": inner, "Next": "End" },
                "End": { "Type": "Succeed" },
            },
        });
        let looks = HashMap::from([("M".to_owned(), Look::Running)]);
        let svg = graph(&definition, &looks);
        assert_eq!(svg.matches("<rect").count(), 4);
        assert_eq!(
            svg.matches("<path d=\"M").count(),
            4,
            "an arrow each, and the head of all"
        );
        assert!(svg.contains("A&lt;b&gt;") && !svg.contains("A<b>"));
        assert_eq!(svg.matches("#d6e9ff").count(), 1);
    }

    #[test]
    fn states_stand_in_rows_by_their_distance() {
        let definition = json!({ "States": {
            "C": { "End": true }, "B": { "Next": "C" }, "A": { "Next": "B", "Catch": [{ "Next": "C" }] }, "Lost": {},
        } });
        let states = definition["States"].as_object().cloned().unwrap_or_default();
        assert_eq!(rows("A", &states), [vec!["A"], vec!["C", "B"], vec!["Lost"]]);
    }
}
