//! Each invocation logs one line with its route, outcome and metrics. It has none of the request's content.

use jiff::SignedDuration;
use local::faults::Fault;
use local::stripe::signature;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{CARD, METER, TRACES, World, event, tokens};

const TRACEPARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Returns the lines of one route, oldest first.
fn of(world: &World, route: &str) -> Vec<Value> {
    let lines = world.lines().into_iter();
    lines.filter(|line| line["route"] == route).collect()
}

/// Returns the names of the metrics that CloudWatch extracts from a line.
fn metrics(line: &Value) -> Vec<&str> {
    let directives = line["_aws"]["CloudWatchMetrics"].as_array();
    let metrics = directives.into_iter().flatten().flat_map(|directive| {
        assert_eq!(directive["Namespace"], "Sparks");
        assert_eq!(directive["Dimensions"], json!([["Function", "Stage"]]));
        directive["Metrics"].as_array().unwrap()
    });
    metrics
        .map(|metric| metric["Name"].as_str().unwrap())
        .inspect(|name| assert!(line[name].is_i64() || line[name].is_u64(), "{name}: {line}"))
        .collect()
}

#[tokio::test]
async fn a_usage_counts_its_sparks_deliveries_and_steps() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    world.spend("acct_a", "k1", 1).await;

    let lines = world.lines();
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = &lines[0];
    for (name, value) in [
        ("Function", json!("record-usage")),
        ("Stage", json!("local")),
        ("method", json!("POST")),
        ("route", json!("/v1/usage")),
        ("status", json!(201)),
        ("replayed", json!(false)),
        ("account.id", json!("acct_a")),
        ("UsageRecorded", json!(1)),
        ("SparksBurned", json!(1_000)),
        ("DeliveryConfirmed.langfuse", json!(1)),
        ("DeliveryConfirmed.stripe", json!(1)),
    ] {
        assert_eq!(line[name], value, "{name}: {line}");
    }
    assert!(!line["request_id"].as_str().unwrap().is_empty());
    assert!(line["duration_ms"].is_u64(), "{line}");
    let metrics = metrics(line);
    for step in ["price", "commit", "langfuse", "stripe", "mark", "read"] {
        let name = format!("StepDurationMs.{step}");
        assert!(metrics.contains(&name.as_str()), "{name}: {line}");
    }
}

#[tokio::test]
async fn a_replay_is_marked_and_counts_nothing() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    world.record("acct_a", "k1", &tokens(10)).await;
    world.record("acct_a", "k1", &tokens(10)).await;

    let line = world.lines().remove(1);
    assert_eq!(line["replayed"], true);
    for name in ["UsageRecorded", "SparksBurned", "DeliveryConfirmed.stripe"] {
        assert_eq!(line.get(name), None, "{line}");
    }
}

#[tokio::test]
async fn refusals_of_requests_and_items_are_counted_by_code() {
    let world = World::start().await;
    world.grant("acct_a", "1").await;
    let too_much = tokens(1_000_000_000);
    let refused = world.record("acct_a", "k1", &too_much).await;
    assert_eq!(refused.refusal(), (402, "insufficient_sparks"));
    let item = |key: &str, mut usage: Value| {
        usage["idempotency_key"] = key.into();
        usage
    };
    let unknown = json!({"usage": [{"meter": "ai_tokens", "model": "no-such", "input_tokens": 1}]});
    let items = [
        item("k2", too_much.clone()),
        item("k3", tokens(10)),
        item("k4", too_much),
        item("k5", unknown),
    ];
    world.batched("acct_a", &items).await;

    let line = of(&world, "/v1/usage").remove(0);
    assert_eq!(line["status"], 402);
    assert_eq!(line["code"], "insufficient_sparks");
    assert_eq!(metrics(&line).first(), Some(&"StepDurationMs.price"));
    assert_eq!(line["Refusals.insufficient_sparks"], 1);
    assert_eq!(line.get("UsageRecorded"), None);
    let line = of(&world, "/v1/usage/batch").remove(0);
    assert_eq!(line["status"], 200);
    assert_eq!(line.get("code"), None);
    assert_eq!(line["Refusals.insufficient_sparks"], 2);
    assert_eq!(line["Refusals.unknown_model"], 1);
    assert_eq!(line["UsageRecorded"], 1);
}

#[tokio::test]
async fn pending_and_parked_deliveries_are_counted_by_provider() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let traces = Fault::new(TRACES, "status:400");
    world.stack.langfuse.faults().add(traces.unwrap());
    let events = Fault::new(METER, "status:429");
    world.stack.stripe.faults().add(events.unwrap().times(9));
    world.record("acct_a", "k1", &tokens(10)).await;

    let line = world.lines().remove(0);
    assert_eq!(line["DeliveryParked.langfuse"], 1, "{line}");
    assert_eq!(line["DeliveryPending.stripe"], 1, "{line}");
}

#[tokio::test]
async fn a_payment_and_its_refund_are_each_counted_once() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await;
    world.verify("acct_a", &session).await;
    world.webhooks_settled().await;
    let payment = world.stripe_id("payment_intents", 0);
    let refund = format!("payment_intent={payment}");
    world.post_to_stripe("/v1/refunds", &refund).await;
    world.webhooks_settled().await;

    let lines = world.lines();
    let sum = |name: &str| -> i64 { lines.iter().filter_map(|line| line[name].as_i64()).sum() };
    assert_eq!(sum("CreditsGranted"), 1);
    assert_eq!(sum("SparksCredited"), 500_000_000);
    assert_eq!(sum("ClawBacks"), 1);
    assert_eq!(sum("SparksTakenBack"), 500_000_000);
    assert_eq!(sum("WebhookFailures"), 0);
    let verified = of(&world, "/v1/checkout/{session_id}/verify").remove(0);
    assert_eq!(verified["Function"], "verify-payment");
    assert_eq!(verified["account.id"], "acct_a");
    let booked = lines.iter().find(|line| line.get("ClawBacks").is_some());
    assert_eq!(booked.unwrap()["account.id"], "acct_a");
    assert!(!json!(lines).to_string().contains(&session));
}

#[tokio::test]
async fn a_webhook_that_needs_a_retry_is_a_failure_and_a_forged_one_is_not() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.webhook(Some("t=1,v1=forged"), "{}").await;
    let path = format!("/v1/checkout/sessions/{session}");
    world.stripe_fails(&path, "status:503", 100);
    let completed = event(
        "evt_1",
        "checkout.session.completed",
        &json!({"id": session, "object": "checkout.session"}),
    );
    let answer = world.signed_webhook(&completed).await;
    assert_eq!(answer.refusal(), (503, "unavailable"));

    let lines = of(&world, "/v1/webhooks/stripe");
    assert_eq!(lines[0]["Refusals.invalid_signature"], 1);
    assert_eq!(lines[0].get("WebhookFailures"), None);
    assert_eq!(lines[1]["WebhookSignatureKnown"], 1);
    assert_eq!(lines[1]["Refusals.unavailable"], 1);
    assert_eq!(lines[1]["WebhookFailures"], 1);
}

/// The alarm on the webhook secrets reads `WebhookSignatureKnown`. It must not count scanners, which do not sign as
/// Stripe does.
#[tokio::test]
async fn only_webhooks_signed_as_stripe_signs_count_for_the_secrets_alarm() {
    let world = World::start().await;
    let body = json!({"id": "evt_1", "object": "event", "type": "customer.created"}).to_string();
    let (now, secret) = (world.now().as_second(), world.webhook_secret());
    for (header, status, known) in [
        (None, 400, None),
        (Some("t=1,v1=forged".to_owned()), 400, None),
        (Some(signature(&secret, now - 301, &body)), 400, None),
        (Some(signature("whsec_other", now, &body)), 400, Some(0)),
        (Some(signature(&secret, now, &body)), 200, Some(1)),
    ] {
        let answer = world.webhook(header.as_deref(), body.clone()).await;
        assert_eq!(answer.status, status, "{header:?}");
        let line = of(&world, "/v1/webhooks/stripe").pop().unwrap();
        let counted = line.get("WebhookSignatureKnown").and_then(Value::as_i64);
        assert_eq!(counted, known, "{header:?}");
    }
}

#[tokio::test]
async fn a_line_names_its_traces_and_nothing_that_was_sent() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let mut usage = tokens(10);
    usage["member_id"] = "canary-member".into();
    usage["trace"] = json!({
        "name": "canary-name", "session_id": "canary-session", "metadata": {"canary": "canary"},
        "input": "canary prompt", "output": "canary answer",
    });
    let send = |path: &str, traceparent: &str, body: &Value| {
        let request = local::client::plain().post(format!("{}{path}?canary=1", world.origin()));
        request
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", world.token("acct_a")))
            .header("idempotency-key", "canary-key")
            .header(
                "x-amzn-trace-id",
                "Root=1-5759e988-bd862e3fe1be46a994272793",
            )
            .header("traceparent", traceparent.to_owned())
            .body(body.to_string())
            .send()
    };
    send("/v1/usage", TRACEPARENT, &usage).await.unwrap();
    send("/v1/checkout", "00-canary", &world.order("pack_500k"))
        .await
        .unwrap();
    let url =
        json!({"item": "pack_500k", "success_url": "https://canary.test", "cancel_url": "canary"});
    send("/v1/checkout", "canary", &url).await.unwrap();
    send("/v1/usage", "canary", &json!({"canary": "canary"}))
        .await
        .unwrap();

    let lines = world.lines();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert_eq!(lines[0]["traceparent"], TRACEPARENT);
    assert_eq!(
        lines[0]["xray_trace_id"],
        "1-5759e988-bd862e3fe1be46a994272793"
    );
    assert_eq!(lines[1].get("traceparent"), None);
    let text = json!(lines).to_string();
    for variable in [
        "STRIPE_SECRET_KEY",
        "STRIPE_WEBHOOK_SECRETS",
        "LANGFUSE_PUBLIC_KEY",
        "LANGFUSE_SECRET_KEY",
        "ALLOWED_ORIGINS",
    ] {
        let value = &world.environment()[variable];
        assert!(!value.is_empty() && !text.contains(value), "{variable}");
    }
    for never in [
        "canary",
        "http",
        "Bearer",
        "cs_test_",
        &world.token("acct_a"),
    ] {
        assert!(!text.contains(never), "{never}: {text}");
    }
}

#[tokio::test]
async fn every_field_and_metric_is_documented() {
    let file = |name: &str| {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        std::fs::read_to_string(path.join(name)).unwrap()
    };
    let page = file("docs/metrics.md");
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    world.record("acct_a", "k1", &tokens(10)).await;
    world.record("acct_a", "k1", &tokens(20)).await;
    let fields = world.lines().into_iter().flat_map(|line| match line {
        Value::Object(line) => line.into_iter().map(|(name, _)| name),
        line => panic!("{line}"),
    });
    let lower = |name: &String| name.starts_with(|first: char| first.is_ascii_lowercase());
    let metric = regex_lite::Regex::new(r#""([A-Z][a-zA-Z]+)[."]"#).unwrap();
    let source = file("shared/src/process/telemetry/metric.rs");
    let (names, _) = source.split_once("fn unit").unwrap();
    let metrics = metric.captures_iter(names);
    let metrics: Vec<String> = metrics.map(|found| found[1].to_owned()).collect();
    assert!(metrics.len() > 10, "{metrics:?}");
    for name in fields.filter(lower).chain(metrics) {
        assert!(
            page.contains(&format!("`{name}")),
            "docs/metrics.md lacks {name}"
        );
    }
}

#[tokio::test]
async fn an_outbox_run_reports_the_number_and_age_of_pending_deliveries() {
    let start = "2026-11-22T12:00:00Z".parse().unwrap();
    let world = World::start_with(&[], Clock::starting_at(start)).await;
    world.grant("acct_a", "100").await;
    let faults = world.stack.langfuse.faults();
    faults.add(Fault::new("/", "refuse").unwrap().times(1_000));
    world.spend("acct_a", "k1", 1).await;
    let later = |minutes| Clock::starting_at(start + SignedDuration::from_mins(minutes));

    let world = world.at(later(5)).await;
    world.deliver().await;
    let lines = world.lines();
    let line = lines.last().unwrap();
    assert_eq!(line["Function"], "deliver-outbox");
    assert_eq!(line["OutboxPending"], 1, "{line}");
    let age = line["OutboxAgeSeconds"].as_i64().unwrap();
    assert!((290..=310).contains(&age), "{line}");
    assert!(line.get("DeliveryConfirmed.langfuse").is_none(), "{line}");

    world.stack.langfuse.faults().clear();
    // The trace is sent again once two reads have not found it.
    let world = world.at(later(30)).await;
    world.deliver().await;
    let world = world.at(later(46)).await;
    world.deliver().await;
    let lines = world.lines();
    let line = lines.last().unwrap();
    assert_eq!(line["DeliveryConfirmed.langfuse"], 1, "{line}");
    assert_eq!(line["OutboxPending"], 0, "{line}");
    assert!(metrics(line).contains(&"OutboxPending"));
}
