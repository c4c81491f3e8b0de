//! Reads the data of the `genai-prices` crate that cargo has locked.
//!
//! Fields that could change a price are all named here: an unknown one stops the generation.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use jiff::civil::Date;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::Error;
use crate::pattern::{self, Part};

const NAME: &str = "genai-prices";

/// Folder and version of the source.
#[derive(Debug)]
pub struct Location {
    folder: PathBuf,
    version: String,
}

/// The source's data.
#[derive(Debug)]
pub struct Source {
    /// The version of the crate.
    pub version: String,
    /// Every provider, in the source's order.
    pub providers: Vec<Provider>,
}

/// A provider of models.
#[derive(Debug, Deserialize)]
pub struct Provider {
    /// Its id.
    pub id: String,
    /// Rule for the names that mean one of its models without naming the provider.
    pub model_match: Option<Rule>,
    /// The providers whose models are tried after its own.
    #[serde(default)]
    pub fallback_model_providers: Vec<String>,
    /// Its models, in the order they are tried.
    pub models: Vec<Model>,
}

/// A model and its prices.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// Its id, unique within the provider.
    pub id: String,
    /// Rule for the names that mean it.
    #[serde(rename = "match")]
    pub rule: Rule,
    prices: Box<RawValue>,
    /// Prices for requests of a kind, such as batches.
    #[serde(default)]
    pub price_variants: Vec<Variant>,
    #[serde(rename = "name")]
    _name: Option<IgnoredAny>,
    #[serde(rename = "description")]
    _description: Option<IgnoredAny>,
    #[serde(rename = "context_window")]
    _context_window: Option<IgnoredAny>,
    #[serde(rename = "price_comments")]
    _price_comments: Option<IgnoredAny>,
    #[serde(rename = "deprecated")]
    _deprecated: Option<IgnoredAny>,
}

/// A condition on a name.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// This name.
    Equals(String),
    /// A name with this start.
    StartsWith(String),
    /// A name with this end.
    EndsWith(String),
    /// A name with this in it.
    Contains(String),
    /// A name in which this pattern finds a match.
    Regex(Pattern),
    /// A name that one of these accepts.
    Or(Vec<Rule>),
    /// A name that all of these accept.
    And(Vec<Rule>),
}

/// A regular expression that the lookup understands.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct Pattern {
    /// As the source writes it.
    pub expression: String,
    /// As the lookup follows it.
    pub parts: Vec<Part>,
}

impl TryFrom<String> for Pattern {
    type Error = String;

    fn try_from(expression: String) -> Result<Self, String> {
        let parts = pattern::translate(&expression)
            .map_err(|error| format!("the expression `{expression}` has {error}"))?;
        Ok(Self { expression, parts })
    }
}

/// Prices that hold under a condition.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditional {
    /// The condition; without one they always hold.
    pub constraint: Option<Constraint>,
    /// The price of each unit, as JSON text.
    pub prices: BTreeMap<String, Box<RawValue>>,
}

/// The time in which prices hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Constraint {
    /// From this day on, in UTC.
    pub start_date: Option<Date>,
    /// From this time of each day on.
    pub start_time: Option<String>,
    /// Up to this time of each day.
    pub end_time: Option<String>,
    #[serde(rename = "type")]
    _type: Option<IgnoredAny>,
}

/// Prices for requests of a kind.
#[derive(Debug, Deserialize)]
pub struct Variant {
    /// The condition on the request.
    pub when: BTreeMap<String, String>,
    /// The prices that differ from the standard ones.
    pub prices: BTreeMap<String, Box<RawValue>>,
}

/// A price that depends on the length of the request.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tiered {
    /// The price up to the first start.
    pub base: Box<RawValue>,
    /// The prices above.
    pub tiers: Vec<Tier>,
}

/// The price of a request with more input tokens than `start`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tier {
    /// The number of input tokens the request must exceed.
    pub start: u64,
    /// The price of such a request.
    pub price: Box<RawValue>,
}

impl Rule {
    /// Returns the texts that names are compared with, without expressions.
    pub fn texts(&self) -> Vec<&str> {
        match self {
            Self::Equals(text)
            | Self::StartsWith(text)
            | Self::EndsWith(text)
            | Self::Contains(text) => vec![text],
            Self::Regex(_) => Vec::new(),
            Self::Or(rules) | Self::And(rules) => rules.iter().flat_map(Self::texts).collect(),
        }
    }
}

impl Model {
    /// Returns its prices, in the source's order. The last ones whose condition holds are in force.
    pub fn conditionals(&self) -> Result<Vec<Conditional>, serde_json::Error> {
        if self.prices.get().starts_with('[') {
            return serde_json::from_str(self.prices.get());
        }
        Ok(vec![Conditional {
            constraint: None,
            prices: serde_json::from_str(self.prices.get())?,
        }])
    }
}

/// Locates the source with cargo. Nothing is downloaded.
pub fn locate() -> Result<Location, Error> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
        manifest_path: PathBuf,
    }
    // Without a platform, cargo needs the packages of every platform, which were never downloaded.
    let about = cargo(&["--version", "--verbose"])?;
    let host = about
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .ok_or_else(|| Error::NotLocated("`cargo --version` names no host".into()))?;
    let metadata = cargo(&[
        "metadata",
        "--offline",
        "--format-version=1",
        "--filter-platform",
        host,
    ])?;
    let metadata: Metadata = serde_json::from_str(&metadata)
        .map_err(|error| Error::Shape("cargo's metadata".into(), error))?;
    let package = metadata
        .packages
        .into_iter()
        .find(|package| package.name == NAME)
        .ok_or_else(|| Error::NotLocated("it is not a dependency".into()))?;
    let folder = package
        .manifest_path
        .parent()
        .map(Path::to_path_buf)
        .ok_or_else(|| Error::NotLocated("its manifest has no folder".into()))?;
    Ok(Location {
        folder,
        version: package.version,
    })
}

fn cargo(arguments: &[&str]) -> Result<String, Error> {
    let output = Command::new("cargo")
        .args(arguments)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(Error::Cargo)?;
    if !output.status.success() {
        return Err(Error::NotLocated(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    String::from_utf8(output.stdout).map_err(|error| Error::NotLocated(error.to_string()))
}

/// Reads the source.
pub fn read(location: &Location) -> Result<Source, Error> {
    let path = location.folder.join("data/prices.json");
    let text = fs::read_to_string(&path).map_err(|error| Error::Read(path, error))?;
    let providers = serde_json::from_str(&text)
        .map_err(|error| Error::Shape(format!("the data of {NAME}"), error))?;
    Ok(Source {
        version: location.version.clone(),
        providers,
    })
}
