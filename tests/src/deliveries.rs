//! Runs of the outbox in a story. Also the check that Stripe and Langfuse have every usage once.

use std::collections::BTreeSet;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::answer::answer;
use crate::{METER, TRACES, World, list, text};

impl World {
    /// The events at Stripe's meter.
    pub fn meter_events(&self) -> Vec<Value> {
        self.stripe_objects("meter_events")
    }

    /// The spans in Langfuse.
    pub fn spans(&self) -> Vec<Value> {
        list(&self.stack.langfuse.state()["spans"])
    }

    /// Changes the settings of the fake Langfuse.
    pub async fn langfuse_is(&self, settings: &Value) {
        let changed = self.at_langfuse("/_local/settings", settings).await;
        changed.expect(StatusCode::OK);
    }

    /// Returns the number of reads of Langfuse, and of exports, including refused ones.
    pub fn langfuse_calls(&self) -> (usize, usize) {
        let state = self.stack.langfuse.state();
        let requests = list(&state["requests"]);
        let reads = requests.iter().filter(|request| request["method"] == "GET");
        let reads = reads.count();
        (reads, requests.len() - reads)
    }

    /// Returns the number of entries that wait for the outbox.
    pub fn pending(&self) -> usize {
        self.items("E#")
            .iter()
            .filter(|item| {
                let bucket = item["pending_bucket"]["S"].as_str();
                bucket.is_some_and(|bucket| bucket.starts_with("P#"))
            })
            .count()
    }

    /// Starts a world in which 52 usages of `acct_a` are due and proven unsent. That is enough for a parcel.
    pub async fn with_a_parcel_due() -> Self {
        let world = Self::at_noon().await;
        // One usage is delivered, so that there is a customer.
        world.record_many("acct_a", 1).await;
        world.stripe_fails(METER, "status:429", 1_000);
        world.record_many("acct_a", 53).await;
        world.stack.stripe.faults().clear();
        world.later(SignedDuration::from_secs(120)).await
    }

    /// Writes this many spans to Langfuse outside the product, at this distance.
    pub async fn crowd_langfuse(&self, from: Timestamp, apart: SignedDuration, count: i64) {
        let url = format!("{}{TRACES}", self.stack.langfuse.url());
        let numbers: Vec<i64> = (0..count).collect();
        for numbers in numbers.chunks(1_000) {
            let spans = numbers.iter().map(|number| {
                let at = from.as_nanosecond() + i128::from(*number) * apart.as_nanos();
                let at = at.to_string();
                json!({
                    "traceId": format!("ffff{number:028x}"), "spanId": format!("{:016x}", number + 7),
                    "name": "chat", "startTimeUnixNano": at, "endTimeUnixNano": at,
                    "attributes": [
                        {"key": "langfuse.environment", "value": {"stringValue": "local"}},
                        {"key": "langfuse.trace.name", "value": {"stringValue": "chat"}},
                        {"key": "langfuse.user.id", "value": {"stringValue": "somebody"}},
                    ],
                })
            });
            let spans: Vec<Value> = spans.collect();
            let body = json!({"resourceSpans": [{
                "resource": {"attributes": []}, "scopeSpans": [{"spans": spans}],
            }]});
            let request = self.http.post(&url).body(body.to_string());
            let request = request
                .basic_auth("pk-lf-local", Some("sk-lf-local"))
                .header("content-type", "application/json")
                .header("x-langfuse-ingestion-version", "4");
            answer(request).await.expect(StatusCode::OK);
        }
    }

    /// Runs the outbox once; returns its report.
    pub async fn deliver(&self) -> Value {
        let report = self.try_to_deliver().await;
        report.expect("the outbox runs")
    }

    /// Runs the outbox once; returns None if it failed or was killed.
    pub async fn try_to_deliver(&self) -> Option<Value> {
        self.gateway.run("deliver-outbox").await
    }

    /// Runs the outbox until nothing waits, an hour at a time.
    pub async fn drained(self) -> Self {
        let mut world = self;
        for _ in 0..8 {
            world = world.later(SignedDuration::from_hours(1)).await;
            world.deliver().await;
            if world.pending() == 0 {
                return world;
            }
        }
        panic!("{} entries wait", world.pending());
    }

    /// Asserts that each usage is confirmed, once in Langfuse and once at the meter. There it is alone or in a parcel.
    pub fn assert_delivered_once(&self) {
        let entries = self.items("E#use_");
        let mut sum = 0;
        for entry in &entries {
            assert_eq!(entry["langfuse"]["S"], "confirmed", "{entry}");
            assert_eq!(entry["stripe"]["S"], "confirmed", "{entry}");
            assert!(entry.get("pending_bucket").is_none(), "{entry}");
            let amount: i64 = text(&entry["amount"]["N"]).parse().expect("an amount");
            sum -= amount;
        }
        let events = self.meter_events();
        let value = |event: &Value| -> i64 {
            let value = text(&event["payload"]["value"]).parse();
            value.expect("a value")
        };
        assert_eq!(events.iter().map(value).sum::<i64>(), sum);
        let identifiers = events.iter().map(|event| text(&event["identifier"]));
        let identifiers: BTreeSet<&str> = identifiers.collect();
        assert_eq!(identifiers.len(), events.len());
        for entry in &entries {
            let event = entry.get("parcel").unwrap_or(&entry["id"]);
            assert!(identifiers.contains(text(&event["S"])), "{entry}");
        }
        let spans = self.spans();
        let traces: BTreeSet<&str> = spans.iter().map(|span| text(&span["trace_id"])).collect();
        assert_eq!((traces.len(), spans.len()), (entries.len(), entries.len()));
    }
}
