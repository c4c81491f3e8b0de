//! The one line of an invocation: JSON, in CloudWatch's embedded metric format.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::borrow::Cow;

use jiff::Timestamp;
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Invocation;

/// The namespace of all metrics at CloudWatch.
const NAMESPACE: &str = "Sparks";

/// The dimensions of every metric.
const DIMENSIONS: [&str; 2] = ["Function", "Stage"];

/// Formats the line of an invocation that ended at this time.
///
/// # Panics
/// Never: it is made of texts and numbers.
pub(super) fn of(invocation: &Invocation, ended: Timestamp) -> String {
    let line = Line { invocation, ended };
    serde_json::to_string(&line).expect("texts and numbers are JSON")
}

struct Line<'a> {
    invocation: &'a Invocation,
    ended: Timestamp,
}

impl Serialize for Line<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Invocation {
            function,
            call,
            began,
            account,
            answer,
            metrics,
            completed,
            ..
        } = self.invocation;
        let mut line = serializer.serialize_map(None)?;
        line.serialize_entry(DIMENSIONS[0], function.name)?;
        line.serialize_entry(DIMENSIONS[1], &function.stage)?;
        line.serialize_entry("message", &message(self.invocation))?;
        line.serialize_entry("request_id", &call.request_id)?;
        let duration_ms = self.ended.as_millisecond() - began.as_millisecond();
        line.serialize_entry("duration_ms", &duration_ms.max(0))?;
        if let Some((method, route)) = call.route() {
            line.serialize_entry("method", method)?;
            line.serialize_entry("route", route)?;
        }
        if let Some(answer) = answer {
            line.serialize_entry("status", &answer.status.as_u16())?;
            line.serialize_entry("replayed", &answer.replayed)?;
            if let Some(code) = answer.code {
                line.serialize_entry("code", code)?;
            }
        }
        if let Some(account) = account.one() {
            line.serialize_entry("account.id", account)?;
        }
        if let Some(id) = call.trace.xray_trace_id() {
            line.serialize_entry("xray_trace_id", id)?;
        }
        if let Some(traceparent) = call.trace.traceparent() {
            line.serialize_entry("traceparent", traceparent)?;
        }
        if !completed {
            line.serialize_entry("cut_short", &true)?;
        }
        let mut listed = Vec::with_capacity(metrics.len());
        for (metric, amount) in metrics {
            let name = metric.name();
            line.serialize_entry(&name, amount)?;
            let unit = metric.unit();
            listed.push(Definition { name, unit });
        }
        // A document without metrics is not valid in this format.
        if !listed.is_empty() {
            line.serialize_entry("_aws", &Instructions::of(*began, listed))?;
        }
        line.end()
    }
}

/// The instructions by which CloudWatch extracts the line's metrics.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Instructions {
    timestamp: i64,
    cloud_watch_metrics: [Directive; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    namespace: &'static str,
    dimensions: [[&'static str; 2]; 1],
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: Cow<'static, str>,
    unit: &'static str,
}

impl Instructions {
    fn of(began: Timestamp, metrics: Vec<Definition>) -> Self {
        Self {
            timestamp: began.as_millisecond(),
            cloud_watch_metrics: [Directive {
                namespace: NAMESPACE,
                dimensions: [DIMENSIONS],
                metrics,
            }],
        }
    }
}

/// Formats the message of the line.
fn message(invocation: &Invocation) -> String {
    let called = match invocation.call.route() {
        Some((method, route)) => format!("{method} {route}"),
        None => invocation.function.name.to_owned(),
    };
    match &invocation.answer {
        _ if !invocation.completed => format!("{called} was cut short"),
        Some(answer) => format!("{called} returned {}", answer.status.as_u16()),
        None => format!("{called} finished"),
    }
}
