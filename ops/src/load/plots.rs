//! Plots as SVG, in colours that a page gives them: each is drawn in one that stands for a part, so that light and dark
//! are the page's choice.

use plotters::{
    coord::{
        combinators::LogCoord,
        ranged1d::{Ranged, ValueFormatter},
        types::RangedCoordf64,
    },
    prelude::*,
};

const SIZE: (u32, u32) = (960, 300);
/// Of the smallest value that a scale by powers of ten can show.
const SMALLEST: f64 = 0.5;
const FONT: &str = "sans-serif";

/// Text, lines of the grid, and what stands behind.
const INK: RGBColor = RGBColor(1, 1, 1);
const GRID: RGBColor = RGBColor(2, 2, 2);
const SHADE: RGBColor = RGBColor(3, 3, 3);

/// Lines that one plot has at most.
pub const LINES: usize = 6;

/// What the page calls the colours that stand for a part.
pub fn palette() -> Vec<(String, String)> {
    let hex = |colour: RGBColor| format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2);
    let mut palette =
        vec![(hex(INK), "ink".into()), (hex(GRID), "grid".into()), (hex(SHADE), "shade".into())];
    palette.extend((0..LINES).map(|line| (hex(colour(line)), format!("line-{line}"))));
    palette
}

fn colour(line: usize) -> RGBColor {
    RGBColor(4, 4, u8::try_from(line % LINES).unwrap_or_default())
}

/// A line of a plot.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// What it shows.
    pub name: String,
    /// Seconds and values.
    pub points: Vec<(f64, f64)>,
}

/// A plot over the seconds of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct Plot {
    /// What the values are, with their unit.
    pub unit: &'static str,
    /// Whether values go by powers of ten.
    pub powers: bool,
    /// A stretch of time that stands out.
    pub shaded: Option<(f64, f64)>,
    /// What is shown, at most [`LINES`] of them.
    pub lines: Vec<Line>,
}

impl Plot {
    /// As SVG; nothing if there is nothing to show.
    pub fn svg(&self) -> Option<String> {
        let points = || self.lines.iter().flat_map(|line| &line.points);
        let seconds = points().map(|(second, _)| *second).fold(0.0, f64::max).max(1.0);
        let most = points().map(|(_, value)| *value).fold(0.0, f64::max);
        points().next()?;
        let mut svg = String::new();
        let drawn = if self.powers {
            let most = 10_f64.powf(most.max(1.0).log10().ceil());
            self.draw(&mut svg, seconds, LogCoord::from((SMALLEST..most).log_scale()), SMALLEST)
        } else {
            let most = if most > 0.0 { most * 1.08 } else { 1.0 };
            self.draw(&mut svg, seconds, RangedCoordf64::from(0.0..most), 0.0)
        };
        drawn.ok().map(|()| svg)
    }

    fn draw<Y>(
        &self,
        svg: &mut String,
        seconds: f64,
        values: Y,
        floor: f64,
    ) -> Result<(), Box<dyn std::error::Error>>
    where
        Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
    {
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        let mut chart = ChartBuilder::on(&area)
            .margin(8)
            .x_label_area_size(44)
            .y_label_area_size(72)
            .build_cartesian_2d(0.0..seconds, values)?;
        let text = TextStyle::from((FONT, 15)).color(&INK);
        if let Some((from, to)) = self.shaded {
            let top = chart.y_range().end;
            let corners = [(from.min(seconds), floor), (to.min(seconds), top)];
            chart.draw_series([Rectangle::new(corners, SHADE.filled())])?;
        }
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(GRID)
            .axis_style(GRID)
            .label_style(text.clone())
            .axis_desc_style(text)
            .x_desc("seconds after the first request")
            .y_desc(self.unit)
            .x_label_formatter(&|second| number(*second))
            .y_label_formatter(&|value| number(*value))
            .draw()?;
        for (number, line) in self.lines.iter().take(LINES).enumerate() {
            let points = line.points.iter().map(|(second, value)| (*second, value.max(floor)));
            chart.draw_series(LineSeries::new(points, colour(number).stroke_width(2)))?;
        }
        area.present()?;
        Ok(())
    }
}

/// As short as it can be told.
pub fn number(value: f64) -> String {
    if value >= 10.0 || value.fract().abs() < 1e-9 { format!("{value:.0}") } else { format!("{value:.1}") }
}
