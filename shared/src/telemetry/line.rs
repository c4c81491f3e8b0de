//! The one line of an invocation: JSON, in CloudWatch's embedded metric format.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::invocation::Invocation;

/// The namespace of all metrics at CloudWatch.
const NAMESPACE: &str = "Sparks";

/// What metrics are told apart by, besides their names.
const DIMENSIONS: [&str; 2] = ["Function", "Stage"];

/// The line of an invocation that ended at this time.
pub(super) fn of(invocation: &Invocation, ended: Timestamp) -> String {
    let Invocation {
        origin,
        call,
        began,
        account,
        answer,
        metrics,
        completed,
        ..
    } = invocation;
    let mut line = Map::new();
    let mut say = |name: &str, value: Value| line.insert(name.to_owned(), value);
    say(DIMENSIONS[0], origin.function.into());
    say(DIMENSIONS[1], origin.stage.as_str().into());
    say("message", message(invocation).into());
    say("request_id", call.request_id.as_str().into());
    let duration_ms = ended.as_millisecond() - began.as_millisecond();
    say("duration_ms", duration_ms.max(0).into());
    if let Some((method, route)) = call.route() {
        say("method", method.into());
        say("route", route.into());
    }
    if let Some(answer) = answer {
        say("status", answer.status.as_u16().into());
        say("replayed", answer.replayed.into());
        if let Some(code) = answer.code {
            say("code", code.into());
        }
    }
    if let Some(account) = account.one() {
        say("account.id", account.as_str().into());
    }
    if let Some(id) = call.trace.xray_trace_id() {
        say("xray_trace_id", id.into());
    }
    if let Some(traceparent) = call.trace.traceparent() {
        say("traceparent", traceparent.into());
    }
    if !completed {
        say("cut_short", true.into());
    }
    let mut listed = Vec::with_capacity(metrics.len());
    for (metric, amount) in metrics {
        let name = metric.name();
        say(&name, (*amount).into());
        listed.push(json!({"Name": name, "Unit": metric.unit()}));
    }
    // A document that extracts nothing is none of this format.
    if !listed.is_empty() {
        let directive =
            json!({"Namespace": NAMESPACE, "Dimensions": [DIMENSIONS], "Metrics": listed});
        let instructions =
            json!({"Timestamp": began.as_millisecond(), "CloudWatchMetrics": [directive]});
        say("_aws", instructions);
    }
    Value::Object(line).to_string()
}

/// What happened, in words.
fn message(invocation: &Invocation) -> String {
    let called = match invocation.call.route() {
        Some((method, route)) => format!("{method} {route}"),
        None => invocation.origin.function.to_owned(),
    };
    match &invocation.answer {
        _ if !invocation.completed => format!("{called} was cut short"),
        Some(answer) => format!("{called} was answered with {}", answer.status.as_u16()),
        None => format!("{called} is done"),
    }
}
