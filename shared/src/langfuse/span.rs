//! What a usage looks like in Langfuse: one OpenTelemetry span with Langfuse's attributes. Pure.
//!
//! <https://langfuse.com/integrations/native/opentelemetry#property-mapping>

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write;

use ring::digest;
use serde_json::{Value, json};

use crate::id::hex;
use crate::ledger::UsageEntry;
use crate::meter::{Line, Tokens};
use crate::price_book::{AttoUsd, UnitPrice, value_of};

/// How much of a trace's input, and of its output, is sent.
pub const MAX_CONTENT_BYTES: usize = 256 * 1024;

/// A usage as it is to be traced.
#[derive(Clone, Copy, Debug)]
pub struct Trace<'a> {
    /// The recorded usage.
    pub entry: &'a UsageEntry,
    /// What went into and came out of the model.
    pub content: Content<'a>,
}

/// What went into and came out of a model. It goes to Langfuse and nowhere else.
#[derive(Clone, Copy, Default)]
pub struct Content<'a> {
    /// What went in.
    pub input: Option<&'a str>,
    /// What came out.
    pub output: Option<&'a str>,
}

impl std::fmt::Debug for Content<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Content(..)")
    }
}

/// The id of a usage's trace: 32 lower-case hexadecimal digits, the same at every attempt.
pub fn trace_id(usage: &str) -> String {
    hex(&seeded(usage)[..16])
}

/// The id of its span. It has a seed of its own, or it would be the beginning of the trace id.
pub(super) fn span_id(usage: &str) -> String {
    hex(&seeded(&format!("{usage}:usage"))[..8])
}

/// Langfuse's own way from a seed to an id, so that its SDKs can find the trace by the usage id.
fn seeded(seed: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, seed.as_bytes()).as_ref());
    hash
}

/// The OTLP export of some traces, as JSON.
pub(super) fn export(traces: &[Trace<'_>], environment: &str) -> String {
    let spans: Vec<Value> = traces
        .iter()
        .map(|trace| span(trace, environment))
        .collect();
    let version = env!("CARGO_PKG_VERSION");
    let resource = [
        attribute("service.name", "sparks"),
        attribute("service.version", version),
    ];
    let scope = json!({"name": "sparks", "version": version});
    json!({"resourceSpans": [{"resource": {"attributes": resource}, "scopeSpans": [{"scope": scope, "spans": spans}]}]})
        .to_string()
}

fn span(trace: &Trace<'_>, environment: &str) -> Value {
    let entry = trace.entry;
    let name = entry.trace.name.as_deref().unwrap_or("usage");
    // Langfuse keeps milliseconds; the start time is part of a span's identity there.
    let nanoseconds = format!("{}000000", entry.occurred_at.as_millisecond());
    json!({
        "traceId": trace_id(entry.id.as_str()),
        "spanId": span_id(entry.id.as_str()),
        "name": name,
        "kind": 1,
        "startTimeUnixNano": nanoseconds,
        "endTimeUnixNano": nanoseconds,
        "attributes": attributes(trace, name, environment),
        "status": {"code": 1},
    })
}

fn attributes(trace: &Trace<'_>, name: &str, environment: &str) -> Vec<Value> {
    let entry = trace.entry;
    let user = entry
        .member
        .as_ref()
        .map_or(entry.account.as_str(), |member| member.as_str());
    let tokens = tokens(entry);
    let mut attributes = vec![
        attribute("langfuse.trace.name", name),
        attribute("langfuse.user.id", user),
        attribute("langfuse.environment", environment),
        attribute(
            "langfuse.observation.type",
            if tokens.is_some() {
                "generation"
            } else {
                "span"
            },
        ),
        attribute("langfuse.observation.cost_details", cost_details(entry)),
        attribute(
            "langfuse.observation.metadata.sparks",
            entry.sparks.to_string(),
        ),
        attribute("langfuse.observation.metadata.usage_id", entry.id.as_str()),
        attribute(
            "langfuse.observation.metadata.account",
            entry.account.as_str(),
        ),
        attribute(
            "langfuse.observation.metadata.price_version",
            entry.price_version.as_str(),
        ),
        attribute("langfuse.observation.metadata.lines", lines(entry)),
    ];
    if let Some(tokens) = tokens {
        attributes.push(attribute(
            "langfuse.observation.usage_details",
            usage_details(&tokens),
        ));
    }
    if let Some(model) = only_model(entry) {
        attributes.push(attribute("langfuse.observation.model.name", model));
    }
    if let Some(session) = &entry.trace.session_id {
        attributes.push(attribute("langfuse.session.id", session.as_str()));
    }
    if !entry.trace.tags.is_empty() {
        let tags: Vec<Value> = entry
            .trace
            .tags
            .iter()
            .map(|tag| json!({"stringValue": tag}))
            .collect();
        attributes
            .push(json!({"key": "langfuse.trace.tags", "value": {"arrayValue": {"values": tags}}}));
    }
    for (key, value) in &entry.trace.metadata {
        attributes.push(attribute(
            &format!("langfuse.trace.metadata.{key}"),
            value.as_str(),
        ));
    }
    attributes.extend(content(trace.content));
    let sent = trace.content.input.is_some() || trace.content.output.is_some();
    if entry.trace.content && !sent {
        // It is not stored, so a trace that is sent again is without it.
        attributes.push(attribute(
            "langfuse.observation.metadata.sparks.content",
            "dropped",
        ));
    }
    attributes
}

/// What went into and came out of the model, cut to size and marked where it was cut.
fn content(content: Content<'_>) -> Vec<Value> {
    let mut attributes = Vec::new();
    for (side, text) in [("input", content.input), ("output", content.output)] {
        let Some(text) = text else { continue };
        let sent = cut(text);
        attributes.push(attribute(&format!("langfuse.observation.{side}"), sent));
        if sent.len() < text.len() {
            attributes.push(attribute(
                &format!("langfuse.observation.metadata.{side}_cut_at_bytes"),
                sent.len().to_string(),
            ));
        }
    }
    attributes
}

fn attribute<'a>(key: &str, value: impl Into<Cow<'a, str>>) -> Value {
    json!({"key": key, "value": {"stringValue": value.into()}})
}

/// The beginning of a text that is sent, cut between two characters.
fn cut(content: &str) -> &str {
    &content[..content.floor_char_boundary(MAX_CONTENT_BYTES)]
}

/// All tokens of the usage; nothing when it has none to do with a model.
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

/// Langfuse's buckets: whole numbers that exclude each other. Anything else it drops without a word.
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

/// What the usage cost in dollars, as JSON numbers written out exactly.
///
/// Lines with a model count what the provider charges; others what their Sparks are sold for.
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

/// The model, when the usage is of one only.
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
    let lines: Vec<Value> = entry
        .lines
        .iter()
        .map(|priced| json!({"meter": priced.line.meter(), "model": priced.line.model(), "sparks": priced.sparks}))
        .collect();
    Value::from(lines).to_string()
}
