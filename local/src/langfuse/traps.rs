//! Traps: spans for which Langfuse returns 200 and then drops, garbles or double-counts something.
//!
//! Each is refused by name.

use serde_json::{Map, Value};

use super::span::Span;

/// The usage buckets that never overlap. Langfuse would add any other key to the total.
const BUCKETS: [&str; 5] = [
    "input",
    "input_cached_tokens",
    "input_cache_creation",
    "output",
    "output_reasoning_tokens",
];

/// The longest session id.
const MAX_SESSION_CHARACTERS: usize = 200;

const KINDS: [&str; 10] = [
    "generation",
    "span",
    "event",
    "embedding",
    "agent",
    "tool",
    "chain",
    "retriever",
    "guardrail",
    "evaluator",
];

/// Checks a span for all traps.
pub(super) fn check(span: &Span) -> Result<(), String> {
    check_ids(span)?;
    check_names(span)?;
    let usage = check_usage(span)?;
    let cost = check_cost(span)?;
    if usage && !cost {
        return Err(
            "usage_details without cost_details: Langfuse would price it by its own table, \
             or not at all"
                .to_owned(),
        );
    }
    Ok(())
}

fn check_ids(span: &Span) -> Result<(), String> {
    let hex = |id: &str, length: usize| {
        id.len() == length
            && id
                .bytes()
                .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
            && id.bytes().any(|byte| byte != b'0')
    };
    let parent = span.parent_span_id.as_deref().unwrap_or_default();
    let ids = [
        ("traceId", span.trace_id.as_str(), 32),
        ("spanId", &span.span_id, 16),
        ("parentSpanId", parent, 16),
    ];
    for (name, id, length) in ids {
        let absent = name == "parentSpanId" && id.is_empty();
        if !absent && !hex(id, length) {
            return Err(format!(
                "{name} `{id}` is not {length} lower-case hex digits: Langfuse would store it \
                 unchanged, and no search would find it"
            ));
        }
    }
    if span.trace_id.starts_with(&span.span_id) {
        return Err(
            "spanId is the beginning of traceId: derive it from a different seed".to_owned(),
        );
    }
    Ok(())
}

fn check_names(span: &Span) -> Result<(), String> {
    // An empty text is accepted, and means the same as an absent one.
    let texts = [
        ("langfuse.trace.name", &span.trace_name, true),
        ("langfuse.user.id", &span.user_id, true),
        ("langfuse.session.id", &span.session_id, false),
        ("langfuse.observation.input", &span.input, false),
        ("langfuse.observation.output", &span.output, false),
        ("langfuse.observation.model.name", &span.model, false),
    ];
    for (name, value, required) in texts {
        let missing = required && !span.attributes.contains_key(name);
        if missing || !(value.is_string() || value.is_null()) {
            return Err(format!(
                "attribute `{name}` must be a text, on every span: there is no trace record"
            ));
        }
    }
    check_session(span)?;
    let kind = span.kind.as_str().unwrap_or_default();
    if !span.kind.is_null() && !KINDS.contains(&kind) {
        return Err(format!(
            "attribute `langfuse.observation.type` {} is not a type: Langfuse would guess one",
            span.kind
        ));
    }
    let tags = span.tags.as_array();
    let listed = tags.is_some_and(|tags| tags.iter().all(Value::is_string));
    if !span.tags.is_null() && !listed {
        return Err("attribute `langfuse.trace.tags` must be a list of texts".to_owned());
    }
    for (key, value) in &span.metadata {
        if !value.is_string() {
            return Err(format!(
                "attribute `langfuse.trace.metadata.{key}` or `langfuse.observation.metadata.{key}` \
                 must be a text, or filters cannot find it"
            ));
        }
    }
    Ok(())
}

/// Checks a session's id, which Langfuse drops if it is too long or not ASCII.
/// <https://langfuse.com/docs/observability/features/sessions>
fn check_session(span: &Span) -> Result<(), String> {
    let id = span.session_id.as_str().unwrap_or_default();
    if id.len() <= MAX_SESSION_CHARACTERS && id.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(());
    }
    Err(format!(
        "attribute `langfuse.session.id` `{id}` is not at most {MAX_SESSION_CHARACTERS} visible characters of \
         ASCII: Langfuse would drop it"
    ))
}

/// Checks `usage_details`; returns whether it is present.
fn check_usage(span: &Span) -> Result<bool, String> {
    let mut keys = span.attributes.keys();
    if let Some(key) = keys.find(|key| key.starts_with("gen_ai.usage.")) {
        return Err(format!(
            "attribute `{key}` has inclusive counts, which Langfuse splits by its own rules: \
             send usage_details"
        ));
    }
    if span.usage.is_null() && !has(span, "usage_details") {
        return Ok(false);
    }
    let usage = object(span, "usage_details", &span.usage)?;
    let mut sum: u64 = 0;
    for (bucket, count) in usage {
        let Some(count) = count.as_u64() else {
            return Err(format!(
                "usage_details `{bucket}` {count} is not a whole number of at least 0: Langfuse would \
                 drop it"
            ));
        };
        if bucket == "total" {
            continue;
        }
        if !BUCKETS.contains(&bucket.as_str()) {
            return Err(format!(
                "usage_details `{bucket}` is unknown or overlaps another: Langfuse would add it \
                 to the total; the buckets are {}",
                BUCKETS.join(", ")
            ));
        }
        sum = sum.saturating_add(count);
    }
    if let Some(total) = usage.get("total").and_then(Value::as_u64)
        && total != sum
    {
        return Err(format!(
            "usage_details `total` is {total} but the buckets add up to {sum}: some bucket overlaps"
        ));
    }
    Ok(true)
}

/// Checks `cost_details`; returns whether it is present.
fn check_cost(span: &Span) -> Result<bool, String> {
    if span.cost.is_null() && !has(span, "cost_details") {
        return Ok(false);
    }
    let cost = object(span, "cost_details", &span.cost)?;
    for (part, amount) in cost {
        let amount_is_good = amount.is_number() && !amount.to_string().starts_with('-');
        if !amount_is_good {
            return Err(format!(
                "cost_details `{part}` {amount} is not a number of at least 0: Langfuse would store it \
                 as a text"
            ));
        }
    }
    if !cost.contains_key("total") {
        return Err(
            "cost_details has no `total`: a sent cost disables Langfuse's own calculation"
                .to_owned(),
        );
    }
    Ok(true)
}

fn object<'s>(span: &Span, name: &str, value: &'s Value) -> Result<&'s Map<String, Value>, String> {
    let key = format!("langfuse.observation.{name}");
    let text = span.attributes.get(&key).is_some_and(Value::is_string);
    let object = value.as_object().filter(|_| text);
    object.ok_or_else(|| {
        format!(
            "attribute `{key}` must be a text with a JSON object: Langfuse would drop all of it"
        )
    })
}

fn has(span: &Span, name: &str) -> bool {
    let key = format!("langfuse.observation.{name}");
    span.attributes.contains_key(&key)
}
