//! Writes the report beside the build and into `docs`.

use std::fs;
use std::path::Path;

use crate::figures::Figures;
use crate::world::Failure;
use crate::{chart, report};

/// Keeps the report, the figures and the chart.
pub(crate) fn keep(figures: &Figures, out: &Path) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(figures)? + "\n";
    fs::write(out.join("report.md"), report::whole(figures))?;
    fs::write(out.join("report.json"), json)?;
    fs::write(out.join("report.svg"), chart::svg(figures))?;
    Ok(())
}

/// Writes the report and the chart to `docs`.
pub(crate) fn publish(figures: &Figures) -> Result<(), Failure> {
    let text = format!(
        "# Performance\n\n\
         `make bench` compares `record-usage` and all its calls with a bare `lambda_runtime` function and with the same\n\
         flow in Node.js and the official SDKs, and checks the goals. [benches/README.md](../benches/README.md) says how it\n\
         measures; `make bench ARGS=--publish` writes this page.\n\n\
         ![record-usage, a bare function and Node.js compared](performance.svg)\n\n{}",
        report::whole(figures)
    );
    fs::write("docs/performance.md", text)?;
    fs::write("docs/performance.svg", chart::svg(figures))?;
    Ok(())
}
