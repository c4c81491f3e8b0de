//! Reading back: `GET /api/public/v2/observations`, newest first, a page at a time.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::span::Span;

const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 1000;

#[derive(Debug)]
struct Query {
    trace_id: Option<String>,
    user_id: Option<String>,
    session_id: Option<String>,
    name: Option<String>,
    environments: Vec<String>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    fields: Vec<String>,
    limit: usize,
    /// How many observations earlier pages had.
    skip: usize,
}

/// Answers a query, or says what is wrong with it.
pub(super) fn read(spans: &[Span], query: Option<&str>) -> Result<Value, String> {
    let query = Query::read(query.unwrap_or_default())?;
    let mut found: Vec<&Span> = spans.iter().filter(|span| query.matches(span)).collect();
    found.sort_by_key(|span| std::cmp::Reverse(start(span)));
    let more = found.len() > query.skip.saturating_add(query.limit);
    let page = found.iter().skip(query.skip).take(query.limit);
    let data: Vec<Value> = page.map(|span| observation(span, &query.fields)).collect();
    let mut meta = Map::new();
    if more {
        let next = query.skip + query.limit;
        meta.insert(
            "cursor".to_owned(),
            STANDARD.encode(next.to_string()).into(),
        );
    }
    Ok(json!({ "data": data, "meta": meta }))
}

impl Query {
    fn read(encoded: &str) -> Result<Self, String> {
        let mut query = Self {
            trace_id: None,
            user_id: None,
            session_id: None,
            name: None,
            environments: Vec::new(),
            from: None,
            to: None,
            fields: vec!["basic".to_owned()],
            limit: DEFAULT_LIMIT,
            skip: 0,
        };
        for (name, value) in form_urlencoded::parse(encoded.as_bytes()) {
            let bad = || format!("Invalid request data: `{name}` cannot be `{value}`");
            match name.as_ref() {
                "traceId" => query.trace_id = Some(value.into_owned()),
                "userId" => query.user_id = Some(value.into_owned()),
                "sessionId" => query.session_id = Some(value.into_owned()),
                "name" => query.name = Some(value.into_owned()),
                "environment" => query.environments.push(value.into_owned()),
                "fromStartTime" => query.from = Some(value.parse().map_err(|_| bad())?),
                "toStartTime" => query.to = Some(value.parse().map_err(|_| bad())?),
                "fields" => query.fields = value.split(',').map(str::to_owned).collect(),
                "limit" => {
                    let limit = value.parse().map_err(|_| bad())?;
                    if !(1..=MAX_LIMIT).contains(&limit) {
                        return Err(bad());
                    }
                    query.limit = limit;
                }
                "cursor" => {
                    let decoded = STANDARD.decode(value.as_bytes()).map_err(|_| bad())?;
                    let text = String::from_utf8(decoded).map_err(|_| bad())?;
                    query.skip = text.parse().map_err(|_| bad())?;
                }
                _ => return Err(format!("this fake does not know the parameter `{name}`")),
            }
        }
        Ok(query)
    }

    fn matches(&self, span: &Span) -> bool {
        let same = |wanted: &Option<String>, value: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == value)
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        same(&self.trace_id, &span.trace_id)
            && same(&self.user_id, &text(&span.user_id))
            && same(&self.session_id, &text(&span.session_id))
            && same(&self.name, &span.name)
            && (self.environments.is_empty() || self.environments.contains(&span.environment))
            && self.from.is_none_or(|from| start(span) >= from)
            && self.to.is_none_or(|to| start(span) < to)
    }
}

fn start(span: &Span) -> Timestamp {
    span.start
        .parse()
        .expect("a stored span was taken with a time")
}

/// Langfuse's observation, with the groups of fields asked for; `core` is always there.
fn observation(span: &Span, groups: &[String]) -> Value {
    let kind = span.kind.as_str().unwrap_or("span").to_uppercase();
    let mut observation = json!({
        "id": span.span_id,
        "traceId": span.trace_id,
        "startTime": span.start,
        "endTime": span.end,
        "projectId": "local",
        "parentObservationId": span.parent_span_id,
        "type": kind,
    });
    for group in groups {
        let fields = match group.as_str() {
            "basic" => json!({
                "name": span.name,
                "level": "DEFAULT",
                "statusMessage": null,
                "version": null,
                "environment": span.environment,
                "bookmarked": false,
                "public": false,
                "userId": span.user_id,
                "sessionId": span.session_id,
                "isRootObservation": span.parent_span_id.is_none(),
            }),
            "io" => json!({ "input": span.input, "output": span.output }),
            "metadata" => json!({ "metadata": span.metadata }),
            "model" => json!({ "providedModelName": span.model }),
            "usage" => json!({
                "usageDetails": span.usage,
                "costDetails": span.cost,
                "totalCost": span.cost["total"],
            }),
            "trace_context" => json!({ "tags": span.tags, "traceName": span.trace_name }),
            _ => Value::Null,
        };
        if let (Value::Object(fields), Some(observation)) = (fields, observation.as_object_mut()) {
            observation.extend(fields);
        }
    }
    observation
}
