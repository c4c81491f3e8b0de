//! Incidents: reports from Stripe that no code can settle.
//!
//! Each is kept for the operator until it is resolved or dismissed.

use http::StatusCode;
use serde_json::{Value, json};
use tests::{CARD, World};

/// Returns the subjects and codes that `sparks doctor` lists, and whether all checks pass.
async fn listed(world: &World) -> (Vec<(String, String)>, bool) {
    let (ok, report) = world.doctor().await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let incidents = report["incidents"].as_array().unwrap().iter();
    let incidents = incidents.map(|one| (text(&one["subject"]), text(&one["code"])));
    (incidents.collect(), ok)
}

fn event(kind: &str, id: &str) -> Value {
    tests::event(&format!("evt_{id}"), kind, &json!({"id": id}))
}

#[tokio::test]
async fn a_resolved_mismatch_is_no_longer_listed() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world
        .stack
        .stripe
        .falsify_session(&session, "amount_subtotal", json!(1));
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    world.webhooks_settled().await;
    let expected = (session.clone(), "mismatch_amount_subtotal".to_owned());
    assert_eq!(listed(&world).await, (vec![expected], false));

    world
        .stack
        .stripe
        .falsify_session(&session, "amount_subtotal", json!(2_000));
    let mended = world.sparks(&["reconcile", "--session", &session]).await;
    mended.unwrap();
    assert_eq!(listed(&world).await, (vec![], true));
    assert_eq!(world.credits("acct_a").len(), 1);
}

#[tokio::test]
async fn a_dismissed_incident_stays_dismissed_when_it_recurs() {
    let world = World::start().await;
    let unknown = event("checkout.session.completed", "cs_none");
    let answer = world.signed_webhook(&unknown).await;
    assert_eq!(answer.refusal(), (503, "unavailable"));
    let expected = ("cs_none".to_owned(), "not_there".to_owned());
    assert_eq!(listed(&world).await, (vec![expected], false));
    let dismissed = world.sparks(&["doctor", "--dismiss", "cs_none"]).await;
    assert_eq!(dismissed.unwrap(), "incidents of cs_none dismissed: 1\n");
    let before = world.table();
    let answer = world.signed_webhook(&unknown).await;
    assert_eq!(answer.refusal(), (503, "unavailable"));
    assert_eq!(listed(&world).await, (vec![], true));
    assert_eq!(world.table(), before);
    let nothing = world.sparks(&["doctor", "--dismiss", "cs_other"]).await;
    assert!(matches!(nothing, Err(cli::Error::NoIncident(_))));
}

#[tokio::test]
async fn hundreds_of_incidents_are_all_listed() {
    let world = World::start().await;
    for number in 0..230 {
        world
            .put_item(json!({
                "pk": {"S": "INCIDENTS"}, "sk": {"S": format!("cs_{number:03}#not_made_here")},
                "subject": {"S": format!("cs_{number:03}")}, "code": {"S": "not_made_here"}, "detail": {"S": "…"},
                "account_seen": {"S": ""}, "seen_at": {"N": "1"},
            }))
            .await;
    }
    let refund = event("refund.created", "re_none");
    world.signed_webhook(&refund).await;
    let (incidents, ok) = listed(&world).await;
    assert_eq!((incidents.len(), ok), (231, false));
    assert!(incidents.contains(&("re_none".to_owned(), "not_there".to_owned())));
}

#[tokio::test]
async fn an_unknown_payment_status_is_kept_and_retried() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world
        .stack
        .stripe
        .falsify_session(&session, "payment_status", json!("soon"));
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(verified.refusal(), (503, "unavailable"));
    assert!(world.credits("acct_a").is_empty());
    let expected = (session, "unknown_payment_status".to_owned());
    assert_eq!(listed(&world).await, (vec![expected], false));
}

/// A table that was restored from a backup may lack the latest writes.
#[tokio::test]
async fn a_payment_whose_order_is_missing_is_kept() {
    let world = World::start().await;
    let form = "mode=payment&line_items[0][price]=PRICE&line_items[0][quantity]=1&success_url=https://app.example.com\
        &client_reference_id=chk_gone&metadata[sparks_intent]=chk_gone&metadata[sparks_stage]=local";
    let price = world.environment()["STRIPE_PRICE_IDS"]
        .split([',', '='])
        .nth(1)
        .unwrap()
        .to_owned();
    let made = world
        .post_to_stripe("/v1/checkout/sessions", &form.replace("PRICE", &price))
        .await;
    let session = made["id"].as_str().unwrap().to_owned();
    let answer = world
        .signed_webhook(&event("checkout.session.completed", &session))
        .await;
    assert_eq!(answer.refusal(), (503, "unavailable"));
    assert_eq!(
        listed(&world).await,
        (vec![(session, "no_intent".to_owned())], false)
    );
}
