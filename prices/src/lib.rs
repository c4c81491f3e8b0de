//! Makes the committed table of model prices from the data of the `genai-prices` crate.
//!
//! The generator adds nothing to the source. Prices are read as decimal text and become whole pico-dollars (10⁻¹² USD)
//! per million tokens; one with more than 12 decimals is rounded to 12, halves up. A price without a quantity on a
//! usage line is left out and reported; anything that the generator does not understand stops it.

pub mod decimal;
pub mod pattern;
pub mod report;
pub mod rows;
pub mod source;
pub mod table;

use std::path::{Path, PathBuf};

/// Failure to make the table.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Cargo could not be run.
    #[error("failed to run cargo")]
    Cargo(#[source] std::io::Error),
    /// Cargo does not know the source, or failed.
    #[error("cargo did not locate genai-prices: {0}")]
    NotLocated(String),
    /// The source could not be read.
    #[error("failed to read `{}`", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    /// A file could not be written.
    #[error("failed to write `{}`", .0.display())]
    Write(PathBuf, #[source] std::io::Error),
    /// The source is not of the shape this generator knows.
    #[error("failed to read {0}")]
    Shape(String, #[source] serde_json::Error),
    /// The source says something this generator does not understand.
    #[error("{0}: {1}")]
    NotUnderstood(String, String),
}

/// A file the generator makes.
#[derive(Debug)]
pub struct File {
    /// Path from the root of the repository.
    pub path: &'static str,
    /// Content of the file.
    pub text: String,
}

/// Returns the repository's root.
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Makes every file from the source cargo has locked.
pub fn files() -> Result<[File; 2], Error> {
    let source = source::read(&source::locate()?)?;
    let providers = rows::providers(&source)?;
    Ok([
        File {
            path: "shared/src/pricing/price_book/table.rs",
            text: table::write(&source.version, &providers),
        },
        File {
            path: "prices/left-out.txt",
            text: report::write(&source, &providers),
        },
    ])
}
