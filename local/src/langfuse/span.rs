//! A span as Langfuse stores it: the attributes that it interprets, and all of them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::attributes::Attributes;

/// One stored span. A value that Langfuse finds in no attribute is null.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(
    clippy::struct_field_names,
    reason = "`span_id` is OpenTelemetry's name"
)]
pub(super) struct Span {
    pub(super) trace_id: String,
    pub(super) span_id: String,
    pub(super) parent_span_id: Option<String>,
    pub(super) name: String,
    pub(super) trace_name: Value,
    #[serde(rename = "type")]
    pub(super) kind: Value,
    pub(super) user_id: Value,
    pub(super) session_id: Value,
    pub(super) tags: Value,
    /// The observation's metadata, overridden by the trace's, as in version 4.
    pub(super) metadata: Map<String, Value>,
    pub(super) input: Value,
    pub(super) output: Value,
    pub(super) model: Value,
    /// The JSON of `usage_details`; the text itself if it is not JSON.
    pub(super) usage: Value,
    /// The JSON of `cost_details`.
    pub(super) cost: Value,
    /// The start in RFC 3339, cut to the millisecond as Langfuse does.
    pub(super) start: String,
    pub(super) end: String,
    pub(super) start_unix_nano: String,
    pub(super) end_unix_nano: String,
    pub(super) environment: String,
    /// `DEBUG`, `WARNING` and so on; null means the default level.
    #[serde(default)]
    pub(super) level: Value,
    #[serde(default)]
    pub(super) status_message: Value,
    #[serde(default)]
    pub(super) version: Value,
    /// The time it was taken; absent in spans stored before this field existed.
    #[serde(default)]
    pub(super) taken_at: Option<Timestamp>,
    pub(super) attributes: Map<String, Value>,
}

impl Span {
    /// Reads a span; [`super::traps`] checks its attributes.
    pub(super) fn read(span: &Value, resource: &Attributes) -> Result<Self, String> {
        let attributes = Attributes::read(&span["attributes"])?;
        let text = |name: &str| span[name].as_str().unwrap_or_default().to_owned();
        let get = |keys: &[&str]| attributes.first(keys).cloned().unwrap_or_default();
        // Langfuse uses the first of these that is not empty.
        let given = |keys: &[&str]| attributes.given(keys).cloned().unwrap_or_default();
        let failed = [json!(2), json!("STATUS_CODE_ERROR")].contains(&span["status"]["code"]);
        if !span["name"].is_string() {
            return Err("name is missing".to_owned());
        }
        let (start, start_unix_nano) = time(span, "startTimeUnixNano")?;
        let (end, end_unix_nano) = time(span, "endTimeUnixNano")?;
        if end < start {
            return Err("endTimeUnixNano is before startTimeUnixNano".to_owned());
        }
        Ok(Self {
            trace_id: text("traceId"),
            span_id: text("spanId"),
            parent_span_id: span["parentSpanId"]
                .as_str()
                .filter(|id| !id.is_empty())
                .map(str::to_owned),
            name: text("name"),
            trace_name: get(&["langfuse.trace.name"]),
            kind: get(&["langfuse.observation.type"]),
            user_id: given(&["langfuse.user.id", "user.id"]),
            session_id: given(&[
                "langfuse.session.id",
                "session.id",
                "gen_ai.conversation.id",
                "langfuse.trace.metadata.langfuse_session_id",
            ]),
            tags: get(&["langfuse.trace.tags"]),
            metadata: metadata(&attributes),
            input: get(&["langfuse.observation.input"]),
            output: get(&["langfuse.observation.output"]),
            model: given(&[
                "langfuse.observation.model.name",
                "gen_ai.response.model",
                "gen_ai.request.model",
            ]),
            usage: details(attributes.get("langfuse.observation.usage_details")),
            cost: details(attributes.get("langfuse.observation.cost_details")),
            start: format!("{start:.3}"),
            end: format!("{end:.3}"),
            start_unix_nano,
            end_unix_nano,
            environment: environment(&attributes, resource)?,
            level: match get(&["langfuse.observation.level"]) {
                Value::Null if failed => "ERROR".into(),
                level => level,
            },
            status_message: match get(&["langfuse.observation.status_message"]) {
                Value::Null if failed => span["status"]["message"].clone(),
                message => message,
            },
            version: attributes
                .first(&["langfuse.version"])
                .or_else(|| resource.first(&["service.version"]))
                .cloned()
                .unwrap_or_default(),
            taken_at: None,
            attributes: attributes.into_map(),
        })
    }
}

impl Span {
    /// Returns its start, to the millisecond.
    pub(super) fn started(&self) -> Timestamp {
        stored(&self.start)
    }

    /// Returns its end, to the millisecond.
    pub(super) fn ended(&self) -> Timestamp {
        stored(&self.end)
    }

    /// Returns its type as Langfuse shows it.
    pub(super) fn shown_kind(&self) -> String {
        self.kind.as_str().unwrap_or("span").to_uppercase()
    }

    /// Returns its level as Langfuse shows it.
    pub(super) fn shown_level(&self) -> &str {
        self.level.as_str().unwrap_or("DEFAULT")
    }

    /// Returns whether it is the root of its trace, or of its application's part.
    pub(super) fn is_root(&self) -> bool {
        let marked = self.attributes.get("langfuse.internal.is_app_root");
        self.parent_span_id.is_none() || marked == Some(&Value::Bool(true))
    }
}

fn stored(time: &str) -> Timestamp {
    time.parse()
        .expect("the times were checked when the span was taken")
}

fn metadata(attributes: &Attributes) -> Map<String, Value> {
    let mut metadata = attributes.below("langfuse.observation.metadata.");
    metadata.extend(attributes.below("langfuse.trace.metadata."));
    metadata
}

/// Reads a time, which must be a decimal text of nanoseconds.
fn time(span: &Value, name: &str) -> Result<(Timestamp, String), String> {
    let text = match &span[name] {
        Value::String(text) => text,
        Value::Null if name.starts_with("end") => {
            return Err(format!("{name} is missing: Langfuse would take the start"));
        }
        Value::Null => return Err(format!("{name} is missing")),
        _ => return Err(format!("{name} must be a decimal text, not a number")),
    };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let time = digits.then(|| text.parse::<i128>().ok()).flatten();
    let time =
        time.and_then(|time| Timestamp::from_millisecond((time / 1_000_000).try_into().ok()?).ok());
    let time =
        time.ok_or_else(|| format!("{name} `{text}` is not a decimal text of nanoseconds"))?;
    if time < Timestamp::constant(EPOCH_OF_SPARKS_SECOND, 0) {
        return Err(format!(
            "{name} `{text}` lies before 2020: it must be in nanoseconds"
        ));
    }
    Ok((time, text.clone()))
}

/// 2020-01-01T00:00:00Z
const EPOCH_OF_SPARKS_SECOND: i64 = 1_577_836_800;

fn details(attribute: Option<&Value>) -> Value {
    let Some(attribute) = attribute else {
        return Value::Null;
    };
    let text = attribute.as_str();
    let read = text.and_then(|text| serde_json::from_str(text).ok());
    read.unwrap_or_else(|| attribute.clone())
}

/// Returns the environment of the span or its resource. Langfuse would silently turn a bad one into `default`.
fn environment(attributes: &Attributes, resource: &Attributes) -> Result<String, String> {
    let keys = [
        "langfuse.environment",
        "deployment.environment.name",
        "deployment.environment",
    ];
    let Some(environment) = attributes.first(&keys).or_else(|| resource.first(&keys)) else {
        return Ok("default".to_owned());
    };
    let text = environment.as_str().unwrap_or_default();
    let alphabet = |byte: u8| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
    };
    let valid = (1..=40).contains(&text.len())
        && text.bytes().all(alphabet)
        && !text.starts_with("langfuse");
    if !valid {
        return Err(format!(
            "environment {environment} is not 1 to 40 of a-z, 0-9, - and _, or begins with \
             `langfuse`: Langfuse would store it as `default`"
        ));
    }
    Ok(text.to_owned())
}
