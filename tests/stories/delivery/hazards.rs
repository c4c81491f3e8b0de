//! Hazards that must not make the outbox lose, duplicate or delay a delivery.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{METER, TRACES, World};
use tokio::task::yield_now;

/// Another run has changed the parcel meanwhile, so this run's outcome is not written.
#[tokio::test]
async fn members_stay_pending_if_their_parcels_outcome_was_not_written() {
    let world = World::with_a_parcel_due().await;
    world.stripe_fails(METER, "slow:300", 1);
    let meanwhile = async {
        while world.meter_events().len() < 2 {
            yield_now().await;
        }
        let mut parcel = world.items("B#").remove(0);
        parcel["attempts"] = json!({"N": "7"});
        world.put_item(parcel).await;
    };
    let (report, ()) = tokio::join!(world.deliver(), meanwhile);
    assert_eq!(
        (&report["parcels"], &report["metered"]),
        (&json!(1), &json!(0))
    );
    assert_eq!(world.pending(), 52);
    world.drained().await.assert_delivered_once();
}

#[tokio::test]
async fn usages_redriven_after_a_day_go_in_a_parcel_like_new_ones() {
    let world = World::with_a_parcel_due().await;
    let world = world.later(SignedDuration::from_hours(24)).await;
    assert_eq!(world.deliver().await["parked"], 52);
    let day = ["reconcile", "--day", "2026-11-22"];
    world.sparks_printing(&day).await.1.unwrap_err();
    world.sparks(&["outbox", "redrive", "--all"]).await.unwrap();
    let report = world.deliver().await;
    assert_eq!(
        (&report["parcels"], &report["metered"], &report["parked"]),
        (&json!(1), &json!(52), &json!(0)),
        "{report}"
    );
    world.assert_delivered_once();
}

/// The lease is written, and the repeated write finds its own lease.
#[tokio::test]
async fn a_lease_is_held_although_its_reply_was_lost() {
    let world = World::with_a_parcel_due().await;
    world.dynamodb_fails("UpdateItem", "lost_reply", 1);
    let report = world.deliver().await;
    assert_eq!(world.stack.dynamodb.faults().fired("UpdateItem"), 1);
    assert_eq!(report["metered"], 52, "{report}");
    world.assert_delivered_once();
}

/// The index lists both before the usages of the same account.
#[tokio::test]
async fn an_unreadable_parcel_and_an_unreadable_checkout_delay_no_usage() {
    let world = World::at_noon().await;
    world.open("acct_a", "pack_500k").await;
    world.record_many("acct_a", 1).await;
    world.stripe_fails(METER, "status:429", 1_000);
    world.spend("acct_a", "k1", 1).await;
    world.stack.stripe.faults().clear();

    let due = |mut item: serde_json::Value| {
        item["pending_due"] = json!({"N": "1"});
        item
    };
    let mut intent = world.items("I#").remove(0);
    intent.as_object_mut().unwrap().remove("account").unwrap();
    let entries = world.items("E#use_");
    let waiting = entries
        .iter()
        .find(|entry| entry.get("pending_bucket").is_some());
    let bucket = waiting.unwrap()["pending_bucket"].clone();
    let parcel = json!({
        "pk": {"S": "B#par_1"}, "sk": {"S": "B"}, "pending_bucket": bucket, "pending_due": {"N": "1"},
    });
    for item in [due(intent), parcel] {
        world.put_item(item).await;
    }
    let world = world.later(SignedDuration::from_secs(120)).await;
    let report = world.deliver().await;
    assert_eq!(report["metered"], 1, "{report}");
    world.assert_delivered_once();
}

/// Other writers may add far more to the same project than one read covers.
#[tokio::test]
async fn a_truncated_read_of_langfuse_continues_with_the_rest_of_the_window() {
    let world = World::at_noon().await;
    world.record_many("acct_a", 1).await;
    world.langfuse_fails(TRACES, "lost_reply", 4);
    world.spend("acct_a", "first", 1).await;
    let world = world.later(SignedDuration::from_mins(8)).await;
    world.spend("acct_a", "second", 1).await;
    assert_eq!(world.pending(), 2);
    world.stack.langfuse.faults().clear();
    let between = "2026-11-22T12:04:00Z".parse().unwrap();
    world
        .crowd_langfuse(between, SignedDuration::from_millis(1), 10_001)
        .await;
    let world = world.later(SignedDuration::from_mins(3)).await;
    let report = world.deliver().await;
    assert_eq!(
        (&report["traces"], &report["waiting"]),
        (&json!(2), &json!(0))
    );
    assert_eq!(world.spans().len(), 3 + 10_001);
    let state = world.stack.langfuse.state();
    let requests = state["requests"].as_array().unwrap().iter();
    let pages = requests
        .filter(|request| request["method"] == "GET")
        .count();
    assert_eq!(pages, 10 + 1, "the first ten pages are not read again");
}

/// A run reads twenty times. It reads ten pages of everything, one page before the crowded time, then nine single
/// traces.
#[tokio::test]
async fn traces_of_a_crowded_time_are_read_one_by_one_after_all_others() {
    let world = World::at_noon().await;
    world.grant("acct_a", "100").await;
    world.langfuse_fails(TRACES, "lost_reply", 4);
    let noon = "2026-11-22T12:00:00Z".parse().unwrap();
    let at = |time: &str| json!({"usage": [{"meter": "ai_tokens", "input_tokens": 10}], "occurred_at": time});
    world
        .charged("acct_a", "alone", &at("2026-11-22T11:59:00Z"))
        .await;
    let among = (0..10).map(|number| {
        let mut item = at("2026-11-22T12:00:00Z");
        item["idempotency_key"] = format!("among{number}").into();
        item
    });
    let among: Vec<Value> = among.collect();
    world.batched("acct_a", &among).await;
    world.stack.langfuse.faults().clear();
    world
        .crowd_langfuse(noon, SignedDuration::ZERO, 10_000)
        .await;

    let world = world.later(SignedDuration::from_mins(3)).await;
    let report = world.deliver().await;
    assert_eq!(
        (&report["traces"], &report["waiting"]),
        (&json!(1 + 9), &json!(1))
    );
    let world = world.later(SignedDuration::from_mins(15)).await;
    assert_eq!(world.deliver().await["traces"], 1);
    assert_eq!(world.spans().len(), 1 + 10 + 10_000);
}
