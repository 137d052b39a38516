use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::prelude::*;

use super::keepalive::Row;

const SIZE: (u32, u32) = (900, 600);

/// Draws the trade-off: memory-time wasted against cold starts, both relative to the first policy.
pub(super) fn draw(path: &Path, rows: &[Row]) -> Result<()> {
    let failed = |error: String| anyhow!("cannot draw {}: {error}", path.display());
    let most = |of: fn(&Row) -> f64| rows.iter().map(of).fold(1.0, f64::max) * 1.15;
    let (right, top) = (most(|row| row.waste_ratio), most(|row| row.cold_ratio));
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(|error| failed(error.to_string()))?;
    let mut chart = ChartBuilder::on(&area)
        .margin(20)
        .x_label_area_size(45)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..right, 0.0..top)
        .map_err(|error| failed(error.to_string()))?;
    chart
        .configure_mesh()
        .x_desc("memory-time wasted (first policy = 1)")
        .y_desc("cold starts (first policy = 1)")
        .light_line_style(WHITE)
        .draw()
        .map_err(|error| failed(error.to_string()))?;
    let points = rows.iter().map(|row| {
        let colour = if row.policy.starts_with("adaptive") { RED } else { BLUE };
        EmptyElement::at((row.waste_ratio, row.cold_ratio))
            + Circle::new((0, 0), 5, colour.filled())
            + Text::new(row.policy.clone(), (8, -14), ("sans-serif", 14))
    });
    chart.draw_series(points).map_err(|error| failed(error.to_string()))?;
    area.present().map_err(|error| failed(error.to_string()))
}
