//! Draws the comparison as bars on a logarithmic scale, in SVG.

use std::fmt::Write;

use crate::figures::Figures;
use crate::goal::shown;
use crate::speed::Speed;
use crate::statistics::{number, size};

const WIDTH: f64 = 760.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 90.0;
const BAR: f64 = 14.0;
const GROUP: f64 = 64.0;
const TOP: f64 = 54.0;

/// The programs, with their names and colours: readable for the colour-blind.
const PROGRAMS: [(&str, &str, &str); 3] = [
    ("hello", "bare hello", "#999999"),
    ("record-usage", "record-usage", "#0072b2"),
    ("node", "Node.js, official SDKs", "#e69f00"),
];

/// Draws the chart of the comparison.
pub(crate) fn svg(figures: &Figures) -> String {
    let speed = |of: fn(&Speed) -> f64| PROGRAMS.map(|(name, ..)| figures.speeds.get(name).map(of));
    let zip = |name| {
        figures
            .zips
            .get(name)
            .or_else(|| figures.other_zips.get(name))
    };
    let zips = PROGRAMS.map(|(name, ..)| zip(name).map(|bytes| number(*bytes) / 1e6));
    let groups = [
        (
            "CPU of a start, ms",
            speed(|speed| speed.init_cpu_ms.median),
        ),
        (
            "time of a start, ms",
            speed(|speed| speed.init_wall_ms.median),
        ),
        (
            "CPU of a warm call, µs",
            speed(|speed| speed.warm_cpu_us.median),
        ),
        ("memory, MB", speed(|speed| speed.rss_kb / 1024.0)),
        ("zip, MB", zips),
    ];
    let height = TOP + GROUP * size(groups.len()) + 10.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"sans-serif\" font-size=\"13\">\n\
         <title>record-usage compared with a bare function and with Node.js</title>\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (index, (_, name, colour)) in PROGRAMS.iter().enumerate() {
        let x = 14.0 + 190.0 * size(index);
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"14\" width=\"12\" height=\"12\" fill=\"{colour}\"/>\
             <text x=\"{}\" y=\"25\">{name}</text>",
            x + 18.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{}\" y=\"25\" fill=\"#666666\">logarithmic scale</text>",
        WIDTH - 130.0
    );
    for (index, (what, values)) in groups.iter().enumerate() {
        svg.push_str(&group(TOP + GROUP * size(index), what, *values));
    }
    svg.push_str("</svg>\n");
    svg
}

/// Draws the bars of one figure; the scale starts at half of the smallest value.
fn group(top: f64, what: &str, values: [Option<f64>; 3]) -> String {
    let known = values
        .iter()
        .flatten()
        .copied()
        .filter(|value| *value > 0.0);
    let least = known.clone().fold(f64::INFINITY, f64::min) / 2.0;
    let most = known.fold(0.0, f64::max).max(least * 2.0);
    let scale = (WIDTH - LEFT - RIGHT) / (most / least).log10();
    let mut svg = format!("<text x=\"14\" y=\"{}\">{what}</text>\n", top + 28.0);
    for (index, (value, (.., colour))) in values.iter().zip(PROGRAMS).enumerate() {
        let Some(value) = value.filter(|value| *value > 0.0) else {
            continue;
        };
        let y = top + (BAR + 2.0) * size(index);
        let length = (value / least).log10() * scale;
        let _ = writeln!(
            svg,
            "<rect x=\"{LEFT}\" y=\"{y:.0}\" width=\"{length:.1}\" height=\"{BAR}\" fill=\"{colour}\"/>\
             <text x=\"{:.1}\" y=\"{:.0}\">{}</text>",
            LEFT + length + 6.0,
            y + 11.0,
            shown(value)
        );
    }
    svg
}
