//! The part of OpenTelemetry's JSON trace export that Sparks sends. Pure.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>

use std::borrow::Cow;

use serde::Serialize;

/// The sender's name and version, in the resource and in the scope.
const NAME: &str = "sparks";
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// A span of no particular kind.
const INTERNAL: u8 = 1;

/// The status of a successful span.
const OK: u8 = 1;

/// An export of spans, all of one resource and scope.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Export<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: [Attribute<'a>; 2],
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<Span<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
    version: &'static str,
}

/// One span.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span<'a> {
    trace_id: String,
    #[serde(rename = "spanId")]
    id: String,
    name: Cow<'a, str>,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute<'a>>,
    status: Status,
}

#[derive(Serialize)]
struct Status {
    code: u8,
}

/// An attribute of a span or a resource.
#[derive(Serialize)]
pub(super) struct Attribute<'a> {
    key: Cow<'a, str>,
    value: Value<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Value<'a> {
    StringValue(Cow<'a, str>),
    ArrayValue { values: Vec<Value<'a>> },
}

impl<'a> Export<'a> {
    /// An export of these spans, sent by Sparks.
    pub(super) fn of(spans: impl Iterator<Item = Span<'a>>) -> Self {
        let attributes = [
            Attribute::text("service.name", NAME),
            Attribute::text("service.version", VERSION),
        ];
        let scope_spans = ScopeSpans {
            scope: Scope {
                name: NAME,
                version: VERSION,
            },
            spans: spans.collect(),
        };
        Self {
            resource_spans: [ResourceSpans {
                resource: Resource { attributes },
                scope_spans: [scope_spans],
            }],
        }
    }
}

impl<'a> Span<'a> {
    /// A successful span without duration, at `nanoseconds` since 1970.
    pub(super) fn new(
        trace_id: String,
        id: String,
        name: Cow<'a, str>,
        nanoseconds: String,
        attributes: Vec<Attribute<'a>>,
    ) -> Self {
        Self {
            trace_id,
            id,
            name,
            kind: INTERNAL,
            start_time_unix_nano: nanoseconds.clone(),
            end_time_unix_nano: nanoseconds,
            attributes,
            status: Status { code: OK },
        }
    }
}

impl<'a> Attribute<'a> {
    /// One text.
    pub(super) fn text(key: impl Into<Cow<'a, str>>, value: impl Into<Cow<'a, str>>) -> Self {
        Self {
            key: key.into(),
            value: Value::StringValue(value.into()),
        }
    }

    /// Several texts.
    pub(super) fn texts(key: &'a str, values: Vec<Cow<'a, str>>) -> Self {
        Self {
            key: key.into(),
            value: Value::ArrayValue {
                values: values.into_iter().map(Value::StringValue).collect(),
            },
        }
    }
}
