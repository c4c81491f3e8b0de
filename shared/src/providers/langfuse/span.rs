//! A usage as one OpenTelemetry span with Langfuse's attributes. Pure.
//!
//! <https://langfuse.com/integrations/native/opentelemetry#property-mapping>

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write;

use ring::digest;
use serde::Serialize;

use super::labels;
use super::otlp::{Attribute, Export, Span};
use crate::ledger::UsageEntry;
use crate::pricing::price_book::{AttoUsd, UnitPrice, value_of};
use crate::words::hex;
use crate::words::meter::{Line, Meter, Tokens};
use crate::words::sparks::Sparks;

/// The longest input, and the longest output, that is sent.
pub const MAX_CONTENT_BYTES: usize = 256 * 1024;

/// The usual size of a span without its content, so that the buffer rarely grows.
const ROOM_BYTES: usize = 3 * 1024;

/// The maximum number of attributes of a span, apart from its metadata.
const ATTRIBUTES: usize = 19;

/// A usage to trace.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    /// The recorded usage.
    pub entry: &'a UsageEntry,
    /// The model's input and output.
    pub content: Content<'a>,
}

/// The input and output of a model. They go to Langfuse and nowhere else.
#[derive(Clone, Copy, Default)]
pub struct Content<'a> {
    /// The input.
    pub input: Option<&'a str>,
    /// The output.
    pub output: Option<&'a str>,
}

impl std::fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Content(..)")
    }
}

/// The id of a usage's trace: 32 lower-case hexadecimal digits, the same at every attempt.
pub fn trace_id(usage: &str) -> String {
    hex::print(&seeded(usage)[..16])
}

/// The id of its span. It has a seed of its own, or it would be the beginning of the trace id.
pub(super) fn span_id(usage: &str) -> String {
    hex::print(&seeded(&format!("{usage}:usage"))[..8])
}

/// Hashes a seed as Langfuse's SDKs do. So they can find the trace by the usage id.
fn seeded(seed: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, seed.as_bytes()).as_ref());
    hash
}

/// The OTLP export of some traces, as JSON.
///
/// # Panics
/// Never: it is made of texts and numbers.
pub(super) fn export(traces: &[Trace<'_>], environment: &str) -> Vec<u8> {
    let export = Export::of(traces.iter().map(|trace| span(trace, environment)));
    let contents = traces.iter().map(|trace| trace.content);
    let contents: usize = contents
        .flat_map(|content| [content.input, content.output])
        .map(|text| text.map_or(0, |text| text.len().min(MAX_CONTENT_BYTES)))
        .sum();
    let mut json = Vec::with_capacity(ROOM_BYTES * traces.len() + contents);
    serde_json::to_writer(&mut json, &export).expect("texts and numbers are JSON");
    json
}

fn span<'a>(trace: &Trace<'a>, environment: &'a str) -> Span<'a> {
    let entry = trace.entry;
    let name = entry.trace.name.as_deref().and_then(labels::name);
    let name = name.unwrap_or("usage".into());
    // Langfuse keeps milliseconds; the start time is part of a span's identity there.
    let nanoseconds = format!("{}000000", entry.occurred_at.as_millisecond());
    Span::new(
        trace_id(entry.id.as_str()),
        span_id(entry.id.as_str()),
        name.clone(),
        nanoseconds,
        attributes(trace, name, environment),
    )
}

fn attributes<'a>(
    trace: &Trace<'a>,
    name: Cow<'a, str>,
    environment: &'a str,
) -> Vec<Attribute<'a>> {
    let entry = trace.entry;
    let user = entry
        .member
        .as_ref()
        .map_or(entry.account.as_str(), |member| member.as_str());
    let tokens = tokens(entry);
    let kind = match tokens {
        Some(_) => "generation",
        None => "span",
    };
    let mut attributes = Vec::with_capacity(ATTRIBUTES + entry.trace.metadata.len());
    attributes.extend([
        Attribute::text("langfuse.trace.name", name),
        Attribute::text("langfuse.user.id", user),
        Attribute::text("langfuse.environment", environment),
        Attribute::text("langfuse.observation.type", kind),
        Attribute::text("langfuse.observation.cost_details", cost_details(entry)),
        Attribute::text(
            "langfuse.observation.metadata.sparks",
            entry.sparks.to_string(),
        ),
        Attribute::text("langfuse.observation.metadata.usage_id", entry.id.as_str()),
        Attribute::text(
            "langfuse.observation.metadata.account",
            entry.account.as_str(),
        ),
        Attribute::text(
            "langfuse.observation.metadata.price_version",
            entry.price_version.as_str(),
        ),
        Attribute::text("langfuse.observation.metadata.lines", lines(entry)),
    ]);
    if let Some(tokens) = tokens {
        let details = usage_details(&tokens);
        attributes.push(Attribute::text(
            "langfuse.observation.usage_details",
            details,
        ));
    }
    if let Some(model) = only_model(entry) {
        attributes.push(Attribute::text("langfuse.observation.model.name", model));
    }
    extend_with_labels(&mut attributes, entry);
    attributes.extend(content(trace.content));
    let sent = trace.content.input.is_some() || trace.content.output.is_some();
    if entry.trace.content && !sent {
        // Content is not stored, so a trace that is sent again has none.
        attributes.push(Attribute::text(
            "langfuse.observation.metadata.sparks.content",
            "dropped",
        ));
    }
    attributes
}

/// Appends the session, tags and metadata that the caller has given.
fn extend_with_labels<'a>(attributes: &mut Vec<Attribute<'a>>, entry: &'a UsageEntry) {
    let session = entry.trace.session_id.as_deref();
    if let Some(session) = session.and_then(labels::session_id) {
        attributes.push(Attribute::text("langfuse.session.id", session));
    }
    let tags = entry.trace.tags.iter();
    let tags: Vec<_> = tags.filter_map(|tag| labels::name(tag)).collect();
    if !tags.is_empty() {
        attributes.push(Attribute::texts("langfuse.trace.tags", tags));
    }
    for (key, value) in labels::metadata(&entry.trace.metadata) {
        let key = format!("langfuse.trace.metadata.{key}");
        attributes.push(Attribute::text(key, value));
    }
}

/// The model's input and output, cut to size. Each that was cut has a mark.
fn content(content: Content<'_>) -> Vec<Attribute<'_>> {
    let sides = [
        (
            "langfuse.observation.input",
            "langfuse.observation.metadata.input_cut_at_bytes",
            content.input,
        ),
        (
            "langfuse.observation.output",
            "langfuse.observation.metadata.output_cut_at_bytes",
            content.output,
        ),
    ];
    let mut attributes = Vec::new();
    for (side, mark, text) in sides {
        let Some(text) = text else { continue };
        let beginning = cut(text);
        let Some(sent) = labels::text(beginning) else {
            continue;
        };
        attributes.push(Attribute::text(side, sent));
        if beginning.len() < text.len() {
            attributes.push(Attribute::text(mark, beginning.len().to_string()));
        }
    }
    attributes
}

/// The beginning of a text that is sent, cut between two characters.
fn cut(content: &str) -> &str {
    &content[..content.floor_char_boundary(MAX_CONTENT_BYTES)]
}

/// Returns the sum of the usage's tokens; None if no line counts tokens.
fn tokens(entry: &UsageEntry) -> Option<Tokens> {
    let lines = entry.lines.iter().filter_map(|priced| match &priced.line {
        Line::AiTokens { tokens, .. } => Some(tokens),
        Line::Compute { .. } | Line::Storage { .. } => None,
    });
    lines.copied().reduce(|a, b| Tokens {
        input_tokens: a.input_tokens + b.input_tokens,
        cached_input_tokens: a.cached_input_tokens + b.cached_input_tokens,
        cache_write_tokens: a.cache_write_tokens + b.cache_write_tokens,
        output_tokens: a.output_tokens + b.output_tokens,
        reasoning_tokens: a.reasoning_tokens + b.reasoning_tokens,
    })
}

/// Formats Langfuse's buckets: whole numbers that do not overlap. Langfuse silently drops anything else.
fn usage_details(tokens: &Tokens) -> String {
    let buckets = [
        ("input", tokens.input_tokens),
        ("input_cached_tokens", tokens.cached_input_tokens),
        ("input_cache_creation", tokens.cache_write_tokens),
        ("output", tokens.output_tokens),
        ("output_reasoning_tokens", tokens.reasoning_tokens),
    ];
    let mut text = String::from("{");
    for (bucket, count) in buckets.into_iter().filter(|(_, count)| *count > 0) {
        let _ = write!(text, "\"{bucket}\":{count},");
    }
    let _ = write!(text, "\"total\":{}}}", tokens.total());
    text
}

/// Formats the cost of the usage in dollars, as exact JSON numbers.
///
/// Lines with a model count the provider's price; others count the selling price of their Sparks.
fn cost_details(entry: &UsageEntry) -> String {
    let names = [
        "input",
        "input_cached_tokens",
        "input_cache_creation",
        "output",
        "output_reasoning_tokens",
    ];
    let mut classes = [0_u128; 5];
    let mut total = 0_u128;
    for priced in &entry.lines {
        total += priced
            .provider_cost()
            .unwrap_or_else(|| value_of(priced.sparks))
            .0;
        if let (UnitPrice::Model { rates, .. }, Line::AiTokens { tokens, .. }) =
            (&priced.unit_price, &priced.line)
        {
            for (sum, cost) in classes.iter_mut().zip(rates.costs(tokens)) {
                *sum += cost.unwrap_or(0);
            }
        }
    }
    let mut text = String::from("{");
    for (name, cost) in names.iter().zip(classes).filter(|(_, cost)| *cost > 0) {
        let _ = write!(text, "\"{name}\":{},", AttoUsd(cost));
    }
    let _ = write!(text, "\"total\":{}}}", AttoUsd(total));
    text
}

/// Returns the model if the usage has only one.
fn only_model(entry: &UsageEntry) -> Option<&str> {
    let models: BTreeSet<&str> = entry
        .lines
        .iter()
        .filter_map(|priced| priced.line.model())
        .collect();
    if models.len() == 1 {
        models.into_iter().next()
    } else {
        None
    }
}

/// Meter, model and Sparks of each line, as JSON.
fn lines(entry: &UsageEntry) -> String {
    #[derive(Serialize)]
    struct Shown<'a> {
        meter: Meter,
        model: Option<&'a str>,
        sparks: Sparks,
    }
    let lines = entry.lines.iter();
    let lines: Vec<Shown<'_>> = lines
        .map(|priced| Shown {
            meter: priced.line.meter(),
            model: priced.line.model(),
            sparks: priced.sparks,
        })
        .collect();
    serde_json::to_string(&lines).expect("texts are JSON")
}
