//! Writes the table as Rust, one line per model or row of prices.

use std::fmt::Write;

use ring::digest::{SHA256, digest};

use crate::pattern;
use crate::rows::{Provider, Row};
use crate::source::Rule;

/// Start of the rows; the text before it is not part of the digest.
pub const ROWS: &str = "#[rustfmt::skip]\n";

/// Writes the whole file.
pub fn write(version: &str, providers: &[Provider<'_>]) -> String {
    let rows = rows(providers);
    let digest = content_digest(&rows);
    format!(
        "//! The prices of AI models, in pico-dollars per million tokens. Made by `make prices`, not by hand.
//!
//! From the data of genai-prices {version}, Copyright (c) 2025 to present Pydantic Services Inc., MIT licence.
//! The parts of that data that these rows leave out are listed in `prices/left-out.txt`.

use jiff::civil::date;

use super::listing::{{Listing, NONE, Price, Provider}};
use super::pattern::Class::{{Any, Digit, In, NotIn}};
use super::pattern::Part::{{Either, End, Not, Run, Text}};
use super::pattern::Rule::{{AllOf, AnyOf, Contains, EndsWith, Equals, Matches, StartsWith}};

/// The data the prices come from.
pub const SOURCE: &str = \"genai-prices {version}\";

/// The start of the SHA-256 of the rows, in hexadecimal. Other rows are another price version.
pub const DIGEST: &str = \"{digest}\";

{rows}"
    )
}

/// Returns the digest of the rows in `text`, a whole file or its rows alone.
pub fn content_digest(text: &str) -> String {
    let rows = text.find(ROWS).map_or(text, |start| &text[start..]);
    let mut hexadecimal = String::new();
    for byte in &digest(&SHA256, rows.as_bytes()).as_ref()[..4] {
        write!(hexadecimal, "{byte:02x}").expect("a string takes every write");
    }
    hexadecimal
}

fn rows(providers: &[Provider<'_>]) -> String {
    let mut lines = vec!["pub(super) static PROVIDERS: &[Provider] = &[".to_owned()];
    for provider in providers {
        lines.push(format!(
            "    Provider {{ id: {:?}, rule: {}, fallbacks: &{:?}, listings: &[",
            provider.id,
            rule(provider.rule),
            provider.fallbacks,
        ));
        for model in &provider.models {
            let rule = rule(&model.source.rule);
            lines.push(format!(
                "        Listing {{ id: {:?}, rule: {rule}, prices: &[",
                model.id
            ));
            lines.extend(
                model
                    .rows
                    .iter()
                    .map(|row| format!("            {},", price(row))),
            );
            lines.push("        ] },".to_owned());
        }
        lines.push("    ] },".to_owned());
    }
    lines.push("];\n".to_owned());
    format!("{ROWS}{}", lines.join("\n"))
}

fn price(row: &Row) -> String {
    let mut fields = Vec::new();
    if let Some(date) = row.from {
        fields.push(format!(
            "from: date({}, {}, {})",
            date.year(),
            date.month(),
            date.day()
        ));
    }
    if let Some((start, end)) = row.during {
        fields.push(format!(
            "during: {}..{}",
            grouped(start.into()),
            grouped(end.into())
        ));
    }
    if let Some(above) = row.above {
        fields.push(format!("above: Some({})", grouped(above)));
    }
    for (name, price) in &row.prices {
        fields.push(format!("{name}: Some({})", grouped(*price)));
    }
    if fields.is_empty() {
        return "NONE".to_owned();
    }
    // No row has all eight fields, because no constraint is both a day and hours.
    format!("Price {{ {}, ..NONE }}", fields.join(", "))
}

fn rule(rule: &Rule) -> String {
    // Names are compared in lower case.
    match rule {
        Rule::Equals(text) => format!("Equals({:?})", text.to_lowercase()),
        Rule::StartsWith(text) => format!("StartsWith({:?})", text.to_lowercase()),
        Rule::EndsWith(text) => format!("EndsWith({:?})", text.to_lowercase()),
        Rule::Contains(text) => format!("Contains({:?})", text.to_lowercase()),
        Rule::Regex(pattern) => format!("Matches({})", pattern::list(&pattern.parts)),
        Rule::Or(rules) => format!("AnyOf(&[{}])", list(rules)),
        Rule::And(rules) => format!("AllOf(&[{}])", list(rules)),
    }
}

fn list(rules: &[Rule]) -> String {
    let rules: Vec<_> = rules.iter().map(rule).collect();
    rules.join(", ")
}

/// Writes a number with its thousands separated.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('_');
        }
        text.push(digit);
    }
    text
}
