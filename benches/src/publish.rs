//! Where a report goes: beside the build, and into the documents.

use std::fs;
use std::path::Path;

use crate::figures::Figures;
use crate::world::Failure;
use crate::{chart, report};

/// What the README's table stands between.
const MARKS: [&str; 2] = ["<!-- make bench -->\n", "<!-- /make bench -->"];

/// Keeps the report, the figures and the chart.
pub(crate) fn keep(figures: &Figures, out: &Path) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(figures)? + "\n";
    fs::write(out.join("report.md"), report::whole(figures))?;
    fs::write(out.join("report.json"), json)?;
    fs::write(out.join("report.svg"), chart::svg(figures))?;
    Ok(())
}

/// Writes the report and the chart to `docs`, and the comparison into the README.
pub(crate) fn publish(figures: &Figures) -> Result<(), Failure> {
    let text = format!(
        "# Performance\n\n\
         `make bench ARGS=--publish` has written this; [benches/README.md](../benches/README.md) says how it measures.\n\n\
         ![record-usage, a bare function and Node.js compared](performance.svg)\n\n{}",
        report::whole(figures)
    );
    fs::write("docs/performance.md", text)?;
    fs::write("docs/performance.svg", chart::svg(figures))?;
    let readme = fs::read_to_string("README.md")?;
    let table = format!("{}\n{}", report::origin(figures), report::compared(figures));
    fs::write("README.md", between_marks(&readme, &table)?)?;
    Ok(())
}

/// A text with what is between the marks replaced.
fn between_marks(text: &str, by: &str) -> Result<String, Failure> {
    let [begin, end] = MARKS;
    let (before, rest) = text
        .split_once(begin)
        .ok_or("the README has no place for it")?;
    let (_, after) = rest
        .split_once(end)
        .ok_or("the README's place for it does not end")?;
    Ok(format!("{before}{begin}{by}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_marks_is_replaced() {
        let text = format!("a\n{}old{}\nb\n", MARKS[0], MARKS[1]);
        let new = between_marks(&text, "new\n").unwrap();
        assert_eq!(new, format!("a\n{}new\n{}\nb\n", MARKS[0], MARKS[1]));
    }
}
