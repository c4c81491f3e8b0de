//! Events that Stripe took and did not count, or that failed for good, are parked. The operator lists and redrives
//! them.

use http::StatusCode;
use jiff::SignedDuration;
use local::faults::Fault;
use serde_json::{Value, json};
use tests::{METER, TRACES, World};

async fn world() -> World {
    let world = World::at_noon().await;
    world.grant("acct_a", "100000").await;
    world
}

fn stripe_state(world: &World, usage: &str) -> (String, String) {
    let items = world.items(&format!("E#{usage}"));
    let text = |name: &str| items[0][name]["S"].as_str().unwrap_or_default().to_owned();
    (text("stripe"), text("stripe_parked"))
}

async fn outbox(world: &World) -> Value {
    let (listed, outcome) = world.report(&["outbox"]).await;
    outcome.unwrap();
    listed
}

async fn report(world: &World, identifiers: &[&str], code: &str) {
    let body = json!({ "identifiers": identifiers, "code": code });
    world.control("/_local/meter_errors", &body).await;
    world.webhooks_settled().await;
}

/// Returns how many deliveries to Stripe were parked, according to the log.
fn parked_and_counted(world: &World) -> i64 {
    let lines = world.lines();
    let counted = lines.iter().map(|line| &line["DeliveryParked.stripe"]);
    counted.filter_map(Value::as_i64).sum()
}

#[tokio::test]
async fn an_event_that_stripe_reports_as_not_counted_is_parked() {
    let world = world().await;
    let (first, second) = (
        world.spend("acct_a", "k1", 1).await,
        world.spend("acct_a", "k2", 1).await,
    );
    for code in ["meter_event_customer_not_found", "no_meter"] {
        let usage = if code == "no_meter" { &second } else { &first };
        assert_eq!(stripe_state(&world, usage).0, "confirmed");
        report(&world, &[usage, "use_of_somebody_else"], code).await;
        let (state, why) = stripe_state(&world, usage);
        assert_eq!(state, "parked", "{code}");
        assert!(why.starts_with("reported by stripe"), "{why}");
    }
    assert_eq!(parked_and_counted(&world), 2);
    // Each report also names an event that is unknown here, which is an incident.
    let kept = world.items("INCIDENTS");
    assert_eq!(kept.len(), 2);
    assert_eq!(kept[0]["code"]["S"], "meter_errors");
    let listed = outbox(&world).await;
    assert_eq!(listed["pending"], 0);
    let parked = listed["parked"].as_array().unwrap();
    assert_eq!(parked.len(), 2);
    assert_eq!(parked[0]["provider"], "stripe");
    // Stripe may treat the identifier as a duplicate and count nothing, so a redrive is refused.
    let (printed, refused) = world.sparks_printing(&["outbox", "redrive", &first]).await;
    assert!(
        refused.is_err() && printed.contains("sparks reconcile"),
        "{printed}"
    );
    assert_eq!(stripe_state(&world, &first).0, "parked");
}

#[tokio::test]
async fn a_forged_or_unknown_report_parks_nothing() {
    let world = world().await;
    let usage = world.spend("acct_a", "k1", 1).await;
    let event = json!({
        "id": "evt_none", "object": "v2.core.event", "type": "v1.billing.meter.error_report_triggered", "livemode": false,
    });
    let forged = world.webhook(Some("t=1,v1=00"), event.to_string()).await;
    assert_eq!(forged.refusal(), (400, "invalid_signature"));
    // This one is signed, but Stripe does not have the event.
    let unknown = world.signed_webhook(&event).await;
    assert_eq!(unknown.refusal(), (503, "unavailable"));
    assert_eq!(stripe_state(&world, &usage).0, "confirmed");
}

#[tokio::test]
async fn a_parcel_that_stripe_reports_parks_its_members() {
    let world = World::with_a_parcel_due().await;
    world.deliver().await;
    let parcel = world.items("B#")[0]["id"]["S"].as_str().unwrap().to_owned();
    report(&world, &[&parcel], "archived_meter").await;
    assert_eq!(world.items("B#")[0]["stripe"]["S"], "parked");
    let entries = world.items("E#use_");
    let parked = entries
        .iter()
        .filter(|entry| entry["stripe"]["S"] == "parked");
    assert_eq!(parked.count(), 52);
    assert_eq!(parked_and_counted(&world), 1, "it is one event");
    assert!(world.items("INCIDENTS").is_empty(), "all are known here");
    let member = entries
        .iter()
        .find(|entry| entry.get("parcel").is_some())
        .unwrap();
    let member = member["id"]["S"].as_str().unwrap();
    let (printed, _) = world.sparks_printing(&["outbox", "redrive", member]).await;
    assert!(printed.contains("is in a parcel"), "{printed}");
}

#[tokio::test]
async fn a_redrive_sends_an_event_again_that_stripe_refused() {
    let world = world().await;
    world.spend("acct_a", "first", 1).await;
    world.stripe_fails(METER, "status:400", 1);
    let usage = world.spend("acct_a", "k1", 1).await;
    assert_eq!(stripe_state(&world, &usage).0, "parked");
    let again = world.sparks(&["outbox", "redrive", &usage]).await.unwrap();
    assert_eq!(again, format!("{usage} is sent again with the next run\n"));
    let ran = world.sparks(&["outbox", "run"]).await.unwrap();
    assert!(ran.starts_with("0 traces and 1 usages confirmed"), "{ran}");
    assert_eq!(stripe_state(&world, &usage).0, "confirmed");
    assert_eq!(world.meter_events().len(), 2);
    let (printed, _) = world.sparks_printing(&["outbox", "redrive", &usage]).await;
    assert!(printed.contains("is not parked"), "{printed}");
    let (printed, _) = world
        .sparks_printing(&["outbox", "redrive", "use_none"])
        .await;
    assert!(printed.contains("is not in the table"), "{printed}");
}

#[tokio::test]
async fn an_event_that_is_too_old_is_redriven_only_once_it_is_shown_absent() {
    let world = world().await;
    world.spend("acct_a", "first", 1).await;
    world.stripe_fails(METER, "status:503", 100);
    let usage = world.spend("acct_a", "k1", 1).await;
    world.stack.stripe.faults().clear();
    let world = world.later(SignedDuration::from_secs(24 * 3_600)).await;
    world.deliver().await;
    let (printed, _) = world.report(&["outbox", "redrive", "--all"]).await;
    assert_eq!(
        printed["redriven"][0],
        json!({"id": usage, "result": "not_shown_absent"})
    );
}

#[tokio::test]
async fn the_outbox_lists_the_pending_count_and_the_oldest_age() {
    let world = world().await;
    world.spend("acct_a", "first", 1).await;
    assert_eq!(
        world.sparks(&["outbox"]).await.unwrap(),
        "nothing is pending\n"
    );
    world.stripe_fails(METER, "status:503", 100);
    world.spend("acct_a", "k1", 1).await;
    world.spend("acct_a", "k2", 1).await;
    let world = world.later(SignedDuration::from_secs(90)).await;
    let listed = outbox(&world).await;
    assert_eq!(
        (&listed["pending"], &listed["parked"]),
        (&json!(2), &json!([]))
    );
    let age = listed["oldest_age_s"].as_i64().unwrap();
    assert!((90..120).contains(&age), "{age}");
}

/// The first attempt may have arrived. Stripe knows its identifier for a day from then. A redrive changes neither.
#[tokio::test]
async fn a_redrive_does_not_reset_the_age_of_an_event() {
    let world = world().await;
    world.spend("acct_a", "first", 1).await;
    world.stripe_fails(METER, "status:400", 2);
    let usage = world.spend("acct_a", "k1", 1).await;
    let world = world.later(SignedDuration::from_hours(20)).await;
    let redrive = ["outbox", "redrive", &usage];
    world.sparks(&redrive).await.unwrap();
    world.sparks(&["outbox", "run"]).await.unwrap();
    assert_eq!(stripe_state(&world, &usage).0, "parked");
    let world = world.later(SignedDuration::from_hours(20)).await;
    let (printed, refused) = world.sparks_printing(&redrive).await;
    assert!(
        refused.is_err() && printed.contains("sparks reconcile"),
        "{printed}"
    );
    assert_eq!(stripe_state(&world, &usage).0, "parked");
}

/// Stripe would treat the event as a duplicate if it were sent again. It would confirm it without counting it.
#[tokio::test]
async fn a_report_of_an_event_that_is_already_parked_is_kept() {
    let world = world().await;
    world.spend("acct_a", "first", 1).await;
    world.stripe_fails(METER, "status:400", 1);
    let usage = world.spend("acct_a", "k1", 1).await;
    report(&world, &[&usage], "meter_event_customer_not_found").await;
    let (printed, refused) = world.sparks_printing(&["outbox", "redrive", &usage]).await;
    assert!(
        refused.is_err() && printed.contains("sparks reconcile"),
        "{printed}"
    );
}

/// Stripe delivers a report again until it is acknowledged, and sometimes after that.
#[tokio::test]
async fn a_report_that_is_delivered_again_does_not_park_an_event_redriven_since() {
    let world = world().await;
    let usage = world.spend("acct_a", "k1", 1).await;
    world.spend("acct_a", "k2", 1).await;
    report(&world, &[&usage], "meter_event_customer_not_found").await;
    let thin = world.stack.stripe.state()["thin_events"][0].clone();
    let world = world.later(SignedDuration::from_hours(26)).await;
    let day = ["reconcile", "--day", "2026-11-22"];
    world.sparks_printing(&day).await.1.unwrap_err();
    let redrive = ["outbox", "redrive", &usage];
    world.sparks(&redrive).await.unwrap();
    world.sparks(&["outbox", "run"]).await.unwrap();
    assert_eq!(stripe_state(&world, &usage).0, "confirmed");
    world.signed_webhook(&thin).await.expect(StatusCode::OK);
    assert_eq!(stripe_state(&world, &usage).0, "confirmed");
}

/// Langfuse refused the trace, and Stripe may have the event.
#[tokio::test]
async fn a_trace_is_redriven_alone_if_its_event_must_not_be() {
    let world = world().await;
    world.spend("acct_a", "first", 1).await;
    let (stripe, langfuse) = (world.stack.stripe.faults(), world.stack.langfuse.faults());
    stripe.add(Fault::new(METER, "status:503").unwrap().times(100));
    langfuse.add(Fault::new(TRACES, "status:400").unwrap());
    let usage = world.spend("acct_a", "k1", 1).await;
    stripe.clear();
    let world = world.later(SignedDuration::from_hours(24)).await;
    world.deliver().await;
    let (printed, outcome) = world
        .sparks_printing(&["outbox", "redrive", &usage, "--json"])
        .await;
    outcome.unwrap();
    assert!(printed.contains("trace_alone"), "{printed}");
    assert_eq!(world.deliver().await["traces"], 1);
    assert_eq!(stripe_state(&world, &usage).0, "parked");
    assert_eq!(world.spans().len(), 2);
    let (printed, refused) = world.sparks_printing(&["outbox", "redrive", &usage]).await;
    assert!(
        refused.is_err() && printed.contains("sparks reconcile"),
        "{printed}"
    );
}

#[tokio::test]
async fn a_trace_refused_in_its_own_export_is_parked_and_not_sent_again() {
    let world = world().await;
    world.spend("acct_a", "first", 1).await;
    let langfuse = world.stack.langfuse.faults();
    let traces = TRACES;
    langfuse.add(Fault::new(traces, "status:429").unwrap());
    let usage = world.spend("acct_a", "k1", 1).await;
    langfuse.clear();
    let world = world.later(SignedDuration::from_secs(600)).await;
    let langfuse = world.stack.langfuse.faults();
    langfuse.add(Fault::new(traces, "status:400").unwrap());
    world.deliver().await;
    let entry = world.items(&format!("E#{usage}")).remove(0);
    assert_eq!(entry["langfuse"]["S"], "parked", "{entry}");
    assert_eq!(world.spans().len(), 1);
    // Stripe has the event, so the trace can be redriven at any age.
    let world = world.later(SignedDuration::from_hours(24)).await;
    let redrive = ["outbox", "redrive", &usage, "--json"];
    let (printed, outcome) = world.sparks_printing(&redrive).await;
    outcome.unwrap();
    assert!(!printed.contains("trace_alone"), "{printed}");
    world.deliver().await;
    assert_eq!(world.spans().len(), 2);
}

#[tokio::test]
async fn a_parked_parcel_is_redriven_with_all_its_members() {
    let world = World::with_a_parcel_due().await;
    world.stripe_fails(METER, "status:400", 1);
    world.deliver().await;
    let parcel = world.items("B#")[0]["id"]["S"].as_str().unwrap().to_owned();
    assert_eq!(world.items("B#")[0]["stripe"]["S"], "parked");
    world.sparks(&["outbox", "redrive", &parcel]).await.unwrap();
    assert_eq!(world.pending(), 52);
    world.sparks(&["outbox", "run"]).await.unwrap();
    assert_eq!(world.pending(), 0);
    world.assert_delivered_once();
}

/// Has Stripe report the latest event of a usage by its idempotency key. Asserts that it is parked.
async fn assert_a_report_by_key_parks(world: &World, usage: &str) {
    let body = json!({
        "identifiers": [usage], "code": "meter_event_customer_not_found", "as": "idempotency_key"
    });
    world.control("/_local/meter_errors", &body).await;
    world.webhooks_settled().await;

    assert_eq!(stripe_state(world, usage).0, "parked");
    assert!(world.items("INCIDENTS").is_empty());
}

#[tokio::test]
async fn a_report_that_names_events_by_idempotency_key_parks_them() {
    let world = world().await;
    let usage = world.spend("acct_a", "k1", 1).await;
    assert_a_report_by_key_parks(&world, &usage).await;
}

/// The key of a later attempt is the identifier with the attempt's number. That of the first is the identifier.
#[tokio::test]
async fn a_report_that_names_a_retried_event_by_its_key_parks_it() {
    let world = world().await;
    world.spend("acct_a", "first", 1).await;
    world.stripe_fails(METER, "status:503", 1);
    let usage = world.spend("acct_a", "k1", 1).await;
    assert_eq!(stripe_state(&world, &usage).0, "pending");
    let world = world.drained().await;
    assert_eq!(stripe_state(&world, &usage).0, "confirmed");
    assert_a_report_by_key_parks(&world, &usage).await;
}
