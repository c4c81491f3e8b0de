//! Self-hosted Langfuse 3, and Langfuse 4 that does not write as version 4. Both take traces but do not list them.

use jiff::SignedDuration;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{TRACES, World, tokens};

/// The mode of each server, the status of its reads, and its version.
const UNREADABLE: [(&str, u16, &str); 2] = [("v3", 501, "3."), ("v4_legacy", 404, "4.")];

async fn world(mode: &str) -> World {
    let world = World::at_noon().await;
    world.langfuse_is(&json!({ "mode": mode })).await;
    world.grant("acct_a", "100").await;
    world
}

/// Records a usage while exports meet a fault. Returns its id and the status of its trace.
async fn record(world: &World, key: &str, fault: Option<&str>) -> (String, String) {
    if let Some(fault) = fault {
        world.langfuse_fails(TRACES, fault, 1);
    }
    let body = tokens(10);
    let body = world.charged("acct_a", key, &body).await.body;
    world.stack.langfuse.faults().clear();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (
        text(&body["usage_id"]),
        text(&body["delivery"]["langfuse"]["status"]),
    )
}

fn entry(world: &World, id: &str) -> Value {
    world.items(&format!("E#{id}")).remove(0)
}

/// Runs the outbox `hours` times, an hour apart.
async fn hours(world: World, hours: usize) -> World {
    let mut world = world;
    for _ in 0..hours {
        world = world.later(SignedDuration::from_hours(1)).await;
        world.deliver().await;
    }
    world
}

#[tokio::test]
async fn traces_that_may_exist_are_parked_after_six_hours_and_all_others_are_delivered() {
    for (mode, ..) in UNREADABLE {
        let world = world(mode).await;
        assert_eq!(record(&world, "k1", None).await.1, "confirmed", "{mode}");
        let (unclear, state) = record(&world, "k2", Some("lost_reply")).await;
        assert_eq!(state, "pending");
        let (unsent, _) = record(&world, "k3", Some("status:429")).await;

        let world = world.later(SignedDuration::from_mins(3)).await;
        let report = world.deliver().await;
        assert_eq!(
            (&report["traces"], &report["waiting"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(entry(&world, &unsent)["langfuse"]["S"], "confirmed");
        let world = hours(world, 5).await;
        assert_eq!(entry(&world, &unclear)["langfuse"]["S"], "pending");
        let world = hours(world, 2).await;
        let parked = entry(&world, &unclear);
        assert_eq!(parked["langfuse"]["S"], "parked", "{mode}");
        let why = parked["langfuse_parked"]["S"].as_str().unwrap();
        assert!(why.contains("within 6 hours"), "{why}");
        assert_eq!((world.pending(), world.spans().len()), (0, 3));
    }
}

#[tokio::test]
async fn a_redrive_reads_again_and_resends_no_trace_that_may_exist() {
    let world = world("v3").await;
    let (id, _) = record(&world, "k1", Some("lost_reply")).await;
    let world = hours(world, 8).await;
    assert_eq!(entry(&world, &id)["langfuse"]["S"], "parked");

    let redrive = ["outbox", "redrive", &id];
    let printed = world.sparks(&redrive).await.unwrap();
    assert!(printed.contains("Langfuse is queried again"), "{printed}");
    let world = hours(world, 4).await;
    assert_eq!(entry(&world, &id)["langfuse"]["S"], "pending");
    let world = hours(world, 3).await;
    assert_eq!(entry(&world, &id)["langfuse"]["S"], "parked", "again");

    // The server has been upgraded to version 4.
    world.langfuse_is(&json!({ "mode": "v4" })).await;
    world.sparks(&["outbox", "redrive", "--all"]).await.unwrap();
    world.sparks(&["outbox", "run"]).await.unwrap();
    world.assert_delivered_once();
}

#[tokio::test]
async fn an_untraced_redrive_sends_the_trace_without_a_read() {
    let world = world("v3").await;
    let (id, _) = record(&world, "k1", Some("refuse")).await;
    let world = hours(world, 8).await;
    assert!(world.spans().is_empty());

    let redrive = ["outbox", "redrive", &id, "--untraced"];
    let printed = world.sparks(&redrive).await.unwrap();
    assert_eq!(printed, format!("{id} is sent again with the next run\n"));
    world.sparks(&["outbox", "run"]).await.unwrap();
    world.assert_delivered_once();
}

#[tokio::test]
async fn doctor_names_the_cause() {
    for (mode, status, version) in UNREADABLE {
        let world = world(mode).await;
        let printed = world.sparks(&["doctor"]).await.unwrap();
        let said = printed.lines().find(|line| line.contains(" langfuse: "));
        let said = said.unwrap();
        assert!(said.starts_with("warn "), "{said}");
        for part in [
            format!("version {version}"),
            format!("status {status}"),
            "parked after 6 hours".to_owned(),
        ] {
            assert!(said.contains(&part), "{part}: {said}");
        }
    }
    let world = world("v4").await;
    world.langfuse_fails("/api/public", "status:404", 2);
    let (printed, outcome) = world.sparks_printing(&["doctor"]).await;
    assert!(
        outcome.is_err() && printed.contains("is not Langfuse"),
        "{printed}"
    );
    world.langfuse_is(&json!({ "reads_per_minute": 0 })).await;
    let printed = world.sparks(&["doctor"]).await.unwrap();
    assert!(printed.contains("too many reads right now"), "{printed}");
}

/// The comparison with Stripe is reported all the same.
#[tokio::test]
async fn reconcile_reports_the_traces_it_cannot_compare() {
    let world = world("v3").await;
    record(&world, "k1", None).await;
    let next_day = "2026-11-23T12:00:00Z".parse().unwrap();
    let world = world.at(Clock::skipping_from(next_day)).await;
    let day = ["reconcile", "--day", "2026-11-22"];
    let (report, outcome) = world.report(&day).await;
    outcome.unwrap();
    assert_eq!(report["ok"], true);
    assert_eq!(report["notes"][0]["kind"], "unclear");
    let detail = report["notes"][0]["detail"].as_str().unwrap();
    assert!(detail.contains("1 traces were not compared"), "{detail}");
    assert!(
        detail.contains("cannot list its traces: status 501"),
        "{detail}"
    );
    assert_eq!(report["checked"]["traces"], 0);
    assert_eq!(report["checked"]["usages"], 1);

    let settings = json!({ "mode": "v4", "reads_per_minute": 0 });
    world.langfuse_is(&settings).await;
    let (report, outcome) = world.report(&day).await;
    assert!(matches!(outcome, Err(cli::Error::NotInOrder)));
    assert_eq!(report["differences"][0]["kind"], "unclear", "{report}");
    assert_eq!(report["differences"].as_array().unwrap().len(), 1);
    assert_eq!(report["checked"]["usages"], 1);
}
