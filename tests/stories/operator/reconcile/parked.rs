//! Parked meter events. The meter's sums confirm those that Stripe has, and the others can be redriven.

use jiff::SignedDuration;
use serde_json::{Value, json};
use tests::{METER, World, item};

use super::{differences, funded, listed, one, report};

/// Records a usage whose meter event meets this `fault`. It is parked after 23 hours, on the next day.
async fn parked(world: World, fault: &str) -> (World, String) {
    world.stripe_fails(METER, fault, 10);
    let usage = world.spend("acct_a", "k1", 20).await;
    world.stack.stripe.faults().clear();
    let world = world
        .later(SignedDuration::from_secs(23 * 3_600 + 60))
        .await;
    assert_eq!(world.deliver().await["parked"], 1);
    (world, usage)
}

#[tokio::test]
async fn a_parked_event_absent_at_stripe_can_be_redriven() {
    let (world, usage) = parked(funded().await, "status:500").await;
    let redrive = ["outbox", "redrive", &usage];
    let refused = world.sparks(&redrive).await;
    assert!(matches!(refused, Err(cli::Error::NotInOrder)));

    assert_eq!(differences(&world).await, one("absent_at_stripe", &usage));
    world.sparks(&redrive).await.unwrap();
    assert_eq!(world.deliver().await["metered"], 1);
    assert_eq!(world.meter_events().len(), 2);
    assert_eq!(differences(&world).await, []);
    let world = world.later(SignedDuration::from_secs(2 * 3_600)).await;
    assert_eq!(differences(&world).await, []);
}

#[tokio::test]
async fn a_parked_event_found_at_stripe_is_confirmed() {
    let (world, usage) = parked(funded().await, "lost_reply").await;
    assert_eq!(world.meter_events().len(), 2);
    let report = report(&world).await;
    assert_eq!(listed(&report, "differences"), []);
    assert_eq!(listed(&report, "notes"), one("found_at_stripe", &usage));
    let entry = &world.items(&format!("E#{usage}"))[0];
    assert_eq!(entry["stripe"]["S"], "confirmed");
    for gone in ["stripe_parked", "pending_bucket", "pending_due"] {
        assert!(entry.get(gone).is_none(), "{gone}");
    }
    let waiting = world.sparks(&["outbox"]).await.unwrap();
    assert_eq!(waiting, "nothing is pending\n");
}

/// Stripe's report names only some of the events that it does not count.
#[tokio::test]
async fn a_confirmed_event_that_stripe_dropped_is_parked_and_can_be_redriven_after_a_day() {
    let world = funded().await;
    let usage = world.spend("acct_a", "k1", 20).await;
    world.lose_meter_event(&usage).await;
    let world = world.later(SignedDuration::from_hours(2)).await;
    let (found, _) = world.report(&["reconcile", "--day", "2026-11-22"]).await;
    assert_eq!(
        listed(&found, "differences"),
        one("dropped_by_stripe", &usage)
    );
    // The event is known to be absent, but Stripe may still deduplicate it.
    let world = world.later(SignedDuration::from_hours(20)).await;
    assert_eq!(differences(&world).await, one("absent_at_stripe", &usage));
    let redrive = ["outbox", "redrive", &usage];
    let refused = world.sparks(&redrive).await;
    assert!(matches!(refused, Err(cli::Error::NotInOrder)));
    // That observation is out of date: the meter may have counted the event since.
    let world = world.later(SignedDuration::from_hours(6)).await;
    let refused = world.sparks(&redrive).await;
    assert!(matches!(refused, Err(cli::Error::NotInOrder)));
    let day = ["reconcile", "--day", "2026-11-22"];
    world.sparks_printing(&day).await.1.unwrap_err();
    world.sparks(&redrive).await.unwrap();
    assert_eq!(world.deliver().await["metered"], 1);
    world.assert_delivered_once();
}

#[tokio::test]
async fn parked_events_of_one_hour_are_distinguished_by_their_values() {
    let world = funded().await;
    world.stripe_fails(METER, "lost_reply", 2);
    let there = world.spend("acct_a", "k1", 20).await;
    world.stack.stripe.faults().clear();
    let (world, absent) = {
        world.stripe_fails(METER, "status:500", 10);
        let absent = world.spend("acct_a", "k2", 7).await;
        world.stack.stripe.faults().clear();
        let world = world
            .later(SignedDuration::from_secs(23 * 3_600 + 60))
            .await;
        assert_eq!(world.deliver().await["parked"], 2);
        (world, absent)
    };
    let report = report(&world).await;
    assert_eq!(
        listed(&report, "differences"),
        one("absent_at_stripe", &absent)
    );
    assert_eq!(listed(&report, "notes"), one("found_at_stripe", &there));
}

/// Parks a parcel of 60 usages. It is frozen, sent once with this `fault`, and then too old to send.
async fn parked_parcel(fault: &str) -> (World, String) {
    let world = funded().await;
    world.stripe_fails(METER, "status:429", 1_000);
    for batch in 0..2 {
        let items: Vec<Value> = (0..30)
            .map(|number| item(&format!("k{batch}_{number}"), 10))
            .collect();
        world.batched("acct_a", &items).await;
    }
    world.stack.stripe.faults().clear();
    world.stripe_fails(METER, fault, 2);
    let world = world.later(SignedDuration::from_secs(120)).await;
    assert_eq!(world.deliver().await["parcels"], 1);
    world.stack.stripe.faults().clear();
    let mut world = world.later(SignedDuration::from_secs(23 * 3_600)).await;
    world.deliver().await;
    let parcel = &world.items("B#")[0];
    assert_eq!(parcel["stripe"]["S"], "parked");
    let parcel = parcel["id"]["S"].as_str().unwrap().to_owned();
    // The last attempt is too recent for a verdict.
    assert_eq!(differences(&world).await, one("unclear", &parcel));
    world = world.later(SignedDuration::from_secs(3_600)).await;
    (world, parcel)
}

#[tokio::test]
async fn a_parked_parcel_found_at_stripe_is_confirmed_with_its_members() {
    let (world, parcel) = parked_parcel("lost_reply").await;
    let report = report(&world).await;
    assert_eq!(listed(&report, "notes"), one("found_at_stripe", &parcel));
    assert_eq!(listed(&report, "differences"), []);
    assert_eq!(world.items("B#")[0]["stripe"]["S"], "confirmed");
    assert_eq!(differences(&world).await, []);
    let waiting = world.sparks(&["outbox"]).await.unwrap();
    assert_eq!(waiting, "nothing is pending\n");
    world.lose_meter_event(&parcel).await;
    let found = differences(&world).await;
    assert_eq!(found, one("dropped_by_stripe", &parcel));
    assert_eq!(world.items("B#")[0]["stripe"]["S"], "parked");
}

#[tokio::test]
async fn a_parked_parcel_absent_at_stripe_is_redriven_unchanged() {
    let (world, parcel) = parked_parcel("status:500").await;
    assert_eq!(differences(&world).await, one("absent_at_stripe", &parcel));
    world.sparks(&["outbox", "redrive", "--all"]).await.unwrap();
    world.deliver().await;
    let events = world.meter_events();
    assert_eq!(
        (events.len(), &events[1]["identifier"]),
        (2, &json!(parcel))
    );
    let mut world = world.later(SignedDuration::from_secs(600)).await;
    world.deliver().await;
    world = world.later(SignedDuration::from_secs(2 * 3_600)).await;
    assert_eq!(differences(&world).await, []);
}
