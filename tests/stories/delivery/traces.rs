//! Traces that Langfuse did not confirm. It shows them late, limits reads or is down. Each arrives once, and the outbox
//! calls no more than it must.

use http::StatusCode;
use jiff::SignedDuration;
use local::faults::Fault;
use serde_json::{Value, json};
use tests::{METER, TRACES, World, tokens};

async fn world() -> World {
    let world = World::at_noon().await;
    world.grant("acct_a", "100").await;
    world
}

/// Records a usage while exports meet a fault; returns its id.
async fn record(world: &World, key: &str, fault: &str, trace: Value) -> String {
    world.langfuse_fails(TRACES, fault, 1);
    let body = json!({"usage": [{"meter": "ai_tokens", "input_tokens": 10}], "trace": trace});
    let body = world.charged("acct_a", key, &body).await.body;
    world.stack.langfuse.faults().clear();
    assert_eq!(body["delivery"]["langfuse"]["status"], "pending", "{fault}");
    body["usage_id"].as_str().unwrap().to_owned()
}

async fn minutes(world: World, minutes: i64) -> World {
    world.later(SignedDuration::from_mins(minutes)).await
}

fn entry(world: &World, id: &str) -> Value {
    world.items(&format!("E#{id}")).remove(0)
}

/// Langfuse has been seen to show a trace as late as this.
#[tokio::test]
async fn a_trace_that_is_shown_late_is_not_sent_again() {
    let world = world().await;
    let late = json!({ "visible_after_ms": 14 * 60_000 });
    world.langfuse_is(&late).await;
    let id = record(&world, "k1", "lost_reply", json!({})).await;
    let world = minutes(world, 3).await;
    let early = world.deliver().await;
    assert_eq!(
        (&early["traces"], &early["waiting"]),
        (&json!(0), &json!(1))
    );
    assert!(entry(&world, &id).get("langfuse_absent_at").is_some());
    let world = minutes(world, 17).await;
    assert_eq!(world.deliver().await["traces"], 1);
    world.assert_delivered_once();
}

#[tokio::test]
async fn a_trace_is_absent_only_after_two_reads_a_quarter_of_an_hour_apart() {
    let world = world().await;
    record(&world, "k1", "refuse", json!({})).await;
    let world = minutes(world, 3).await;
    world.deliver().await;
    let world = minutes(world, 13).await;
    world.deliver().await;
    assert!(world.spans().is_empty());
    assert_eq!(world.langfuse_calls().0, 1, "there is no read in between");
    let world = minutes(world, 3).await;
    world.deliver().await;
    assert_eq!(world.langfuse_calls().0, 2);
    world.assert_delivered_once();
}

/// The trace was sent again after that read, so it may have arrived since.
#[tokio::test]
async fn a_read_before_a_resend_proves_nothing_after_it() {
    let world = world().await;
    let id = record(&world, "k1", "refuse", json!({})).await;
    let world = minutes(world, 3).await;
    world.deliver().await;
    let world = minutes(world, 17).await;
    world.langfuse_fails(TRACES, "lost_reply", 1);
    world.deliver().await;
    assert!(entry(&world, &id).get("langfuse_absent_at").is_none());
    let world = minutes(world, 20).await;
    world.deliver().await;
    world.assert_delivered_once();
}

#[tokio::test]
async fn a_read_limit_stops_reads_and_no_exports() {
    let world = world().await;
    world.langfuse_is(&json!({ "reads_per_minute": 0 })).await;
    // Three may have arrived, each of another hour. That opens the circuit, so the others are not sent.
    world.langfuse_fails(TRACES, "lost_reply", 3);
    for hour in [9, 10, 11] {
        let body = json!({
            "usage": [{"meter": "ai_tokens", "input_tokens": 10}],
            "occurred_at": format!("2026-11-22T{hour:02}:00:00Z"),
        });
        world.charged("acct_a", &format!("k{hour}"), &body).await;
    }
    for number in 0..17 {
        let account = format!("acct_{number}");
        world.grant(&account, "100").await;
        world.spend(&account, "k1", 1).await;
    }
    let world = minutes(world, 3).await;
    let report = world.deliver().await;
    assert_eq!(
        (&report["traces"], &report["waiting"]),
        (&json!(17), &json!(3))
    );
    assert_eq!(
        world.langfuse_calls().0,
        1,
        "the first 429 is the last read"
    );
    world
        .langfuse_is(&json!({ "reads_per_minute": null }))
        .await;
    world.drained().await.assert_delivered_once();
}

/// Langfuse's smallest plan allows 30 reads a minute, and other clients read as well.
#[tokio::test]
async fn a_run_reads_twenty_times_at_most() {
    let world = world().await;
    world.langfuse_fails(TRACES, "lost_reply", 1);
    let items = (0..25).map(|number| {
        let at: jiff::Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        json!({
            "idempotency_key": format!("k{number}"),
            "usage": [{"meter": "ai_tokens", "input_tokens": 10}],
            "occurred_at": (at - SignedDuration::from_mins(20 * number)).to_string(),
        })
    });
    let items: Vec<Value> = items.collect();
    world.batched("acct_a", &items).await;
    world.stack.langfuse.faults().clear();

    let world = minutes(world, 3).await;
    let report = world.deliver().await;
    assert_eq!(
        (&report["traces"], &report["waiting"]),
        (&json!(20), &json!(5))
    );
    assert_eq!(world.langfuse_calls().0, 20);
    let world = minutes(world, 15).await;
    world.deliver().await;
    world.assert_delivered_once();
}

#[tokio::test]
async fn an_observation_without_a_trace_hides_no_other() {
    let world = world().await;
    record(&world, "k1", "lost_reply", json!({})).await;
    let at = entry(&world, "use_")["occurred_at"]["N"].clone();
    let at = at.as_str().unwrap().parse().unwrap();
    let at = jiff::Timestamp::from_millisecond(at).unwrap();
    let body = json!({ "start_time": at.to_string(), "environment": "local" });
    let path = "/_local/observations";
    world.at_langfuse(path, &body).await.expect(StatusCode::OK);
    let world = minutes(world, 3).await;
    assert_eq!(world.deliver().await["traces"], 1);
}

/// A refused key opens the circuit at once.
#[tokio::test]
async fn an_entry_that_cannot_be_sent_is_not_claimed_while_the_circuit_is_open() {
    for (provider, path) in [("langfuse", TRACES), ("stripe", METER)] {
        let world = world().await;
        let faults = match provider {
            "langfuse" => world.stack.langfuse.faults(),
            _ => world.stack.stripe.faults(),
        };
        let body = tokens(10);
        world.record("acct_a", "k0", &body).await;
        faults.add(Fault::new(path, "status:401").unwrap().times(100));
        let answer = world.charged("acct_a", "k1", &body).await.body;
        let id = answer["usage_id"].as_str().unwrap().to_owned();

        let world = minutes(world, 2).await;
        world.deliver().await;
        let mut taken = entry(&world, &id);
        assert_eq!(taken["claims"]["N"], "1", "{provider}");
        taken["pending_due"] = json!({"N": "1"});
        world.put_item(taken.clone()).await;
        let report = world.deliver().await;
        assert_eq!(report["waiting"], 1);
        let mut left = entry(&world, &id);
        let due: i64 = left["pending_due"]["N"].as_str().unwrap().parse().unwrap();
        assert!(
            due > world.now().as_millisecond() + 30_000,
            "after the circuit's rest"
        );
        left["pending_due"] = json!({"N": "1"});
        assert_eq!(left, taken, "only its due time has changed");

        for faults in [world.stack.langfuse.faults(), world.stack.stripe.faults()] {
            faults.clear();
        }
        world.drained().await.assert_delivered_once();
    }
}

/// A proxy in front of Langfuse answers 404 during a deployment. A request that timed out there may have arrived.
#[tokio::test]
async fn an_error_that_is_not_about_the_trace_parks_nothing() {
    for (status, proof) in [(404, Some("not_found")), (408, None), (409, None)] {
        let world = world().await;
        let fault = format!("status:{status}");
        let id = record(&world, "k1", &fault, json!({})).await;
        let proven = entry(&world, &id);
        let unsent = proven.get("langfuse_unsent").map(|why| &why["S"]);
        assert_eq!(unsent, proof.map(Value::from).as_ref(), "{status}");
        let faults = world.stack.langfuse.faults();
        faults.add(Fault::new(TRACES, &fault).unwrap().times(100));
        let mut world = minutes(world, 3).await;
        for _ in 0..3 {
            assert_eq!(world.deliver().await["parked"], 0, "{status}");
            world = minutes(world, 16).await;
        }
        world.stack.langfuse.faults().clear();
        world.drained().await.assert_delivered_once();
    }
}

#[tokio::test]
async fn a_trace_that_is_too_large_is_sent_without_content_before_it_is_parked() {
    let world = world().await;
    let trace = json!({"name": "chat", "input": "a long one"});
    record(&world, "k1", "status:413", trace.clone()).await;
    let other = record(&world, "k2", "status:413", trace).await;
    let world = minutes(world, 3).await;
    // The export of both is too large, and then the first alone.
    world.langfuse_fails(TRACES, "status:413", 2);
    let report = world.deliver().await;
    assert_eq!(
        (&report["traces"], &report["parked"]),
        (&json!(1), &json!(1))
    );
    let spans = world.spans();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0]["metadata"]["usage_id"], json!(other));
    assert_eq!(spans[0]["metadata"]["sparks.content"], "dropped");
    world.sparks(&["outbox", "redrive", "--all"]).await.unwrap();
    world.sparks(&["outbox", "run"]).await.unwrap();
    world.assert_delivered_once();
}
