//! Tests of the lines of log events.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tracing::{error, info, info_span, trace, warn};

use super::super::{Call, Function, Lines, invocation, logs};
use crate::process::clock::Clock;
use crate::process::config::Environment;

/// Returns the lines that `work` logs.
async fn lines(work: impl Future<Output = ()>) -> Vec<Value> {
    let written = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&written);
    let write = move |line: &[u8]| kept.lock().unwrap().push(line.to_vec());
    let logs = logs(Environment::from_lookup(&|_| None), write).unwrap();
    let subscribed = tracing::subscriber::set_default(logs);
    work.await;
    drop(subscribed);
    let lines = written.lock().unwrap();
    lines
        .iter()
        .map(|line| {
            let end = line.len() - 1;
            assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(end));
            serde_json::from_slice(line).unwrap()
        })
        .collect()
}

#[tokio::test]
async fn an_event_is_one_flat_line_with_level_and_message() {
    let told = lines(async {
        info!(usage.id = %"use_1", count = 3, negative = -3, replayed = true, "charged usage `{}`", "use_1");
        warn!(error = "no\n\"answer\"", shape = ?Some("a\tb"), "could not");
        error!(error = &std::io::Error::other("broken") as &(dyn std::error::Error + 'static));
    });
    assert_eq!(
        told.await,
        [
            json!({"level": "INFO", "message": "charged usage `use_1`", "usage.id": "use_1", "count": 3,
                "negative": -3, "replayed": true}),
            json!({"level": "WARN", "message": "could not", "error": "no\n\"answer\"",
                "shape": "Some(\"a\\tb\")"}),
            json!({"level": "ERROR", "error": "broken"}),
        ]
    );
}

#[tokio::test]
async fn events_in_an_invocation_carry_its_request_id() {
    let function = Function::new("read-account", "prod", &Clock::system());
    let call = Call {
        request_id: "req_1".to_owned(),
        ..Call::default()
    };
    let told = lines(async {
        let work = invocation(&function, call, async { info!("within") });
        Lines::default().keep(work).await;
        info!("after");
    });
    assert_eq!(
        told.await,
        [
            json!({"level": "INFO", "message": "within", "request_id": "req_1"}),
            json!({"level": "INFO", "message": "after"}),
        ]
    );
}

#[tokio::test]
async fn spans_and_filtered_events_write_no_lines() {
    let told = lines(async {
        let span = info_span!("Lambda runtime invoke", secret = "none of ours");
        assert!(span.is_disabled());
        let _within = span.entered();
        trace!("too much");
        info!("told");
    });
    assert_eq!(told.await, [json!({"level": "INFO", "message": "told"})]);
}
