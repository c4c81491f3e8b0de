//! The body of an export: OpenTelemetry's traces in JSON, split into spans.

use serde_json::Value;

use super::attributes::Attributes;
use super::span::Span;
use super::traps;

/// Reads an export. One bad span refuses the whole export, with a message that names the trap.
pub(super) fn spans(body: &[u8]) -> Result<Vec<Span>, String> {
    let export: Value = serde_json::from_slice(body)
        .map_err(|error| format!("Failed to parse OTel JSON Trace: {error}"))?;
    let mut raw = Vec::new();
    for resource_spans in list(&export, "resourceSpans")? {
        let resource = Attributes::read(&resource_spans["resource"]["attributes"])?;
        for scope_spans in list(resource_spans, "scopeSpans")? {
            for span in list(scope_spans, "spans")? {
                raw.push((span, resource.clone()));
            }
        }
    }
    if raw.is_empty() {
        return Err(
            "the export has no span: Langfuse would return 200 and store nothing".to_owned(),
        );
    }
    let count = raw.len();
    raw.into_iter()
        .map(|(span, resource)| {
            let span = Span::read(span, &resource)?;
            traps::check(&span)?;
            Ok(span)
        })
        .collect::<Result<_, String>>()
        .map_err(|trap| {
            format!(
                "Invalid OTLP trace export: {trap}. \
                 The entire export of {count} span(s) was rejected"
            )
        })
}

fn list<'v>(value: &'v Value, name: &str) -> Result<&'v [Value], String> {
    match &value[name] {
        Value::Array(list) => Ok(list),
        _ => Err(format!(
            "Failed to parse OTel JSON Trace: `{name}` is not a list"
        )),
    }
}
