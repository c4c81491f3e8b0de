//! A payment at Stripe is credited once, whatever reports it first and however often.

use futures_util::future::join_all;
use http::StatusCode;
use serde_json::{Value, json};
use tests::{Answer, CARD, World, session_id};

const DECLINED: &str = "4000000000000002";
const CONFIRMED: &str = "4000002500003155";
pub(super) const COMPLETED: &str = "checkout.session.completed";
const SUCCEEDED: &str = "checkout.session.async_payment_succeeded";

/// Starts a world in which Stripe's own webhooks never arrive.
pub(super) async fn without_webhooks() -> World {
    let world = World::start().await;
    world.drop_webhooks();
    world
}

pub(super) fn event(kind: &str, session: &str) -> Value {
    tests::event(
        &format!("evt_{session}"),
        kind,
        &json!({"id": session, "object": "checkout.session"}),
    )
}

pub(super) fn status(answer: &Answer) -> (&str, &str, &str) {
    let body = &answer.body;
    let text = |value: &'_ Value| -> &'static str {
        value
            .as_str()
            .map_or("-", |text| String::leak(text.to_owned()))
    };
    (
        text(&body["status"]),
        text(&body["sparks_credited"]),
        text(&body["balance"]["available"]),
    )
}

#[tokio::test]
async fn a_payment_is_verified_and_credited_once() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    let before = world.verified("acct_a", &session).await;
    assert_eq!(status(&before), ("unpaid", "0.000", "10000.000"));

    let paid = world.pay(&session, CARD).await.expect(StatusCode::OK);
    let back = paid.body["redirect"].as_str().unwrap();
    assert_eq!(
        back,
        format!("{}/paid?session_id={session}", world.origin())
    );
    let first = world.verified("acct_a", &session).await;
    world.webhooks_settled().await;
    let again = world.verified("acct_a", &session).await;

    assert_eq!(status(&first), ("paid", "500000.000", "510000.000"));
    assert_eq!(first.body["item"], "pack_500k");
    assert_eq!(again.body, first.body);
    assert_eq!(world.deliveries(COMPLETED), [[200]]);
    assert_eq!(world.order_status(), "paid");
    let credits = world.credits("acct_a");
    assert_eq!(credits.len(), 1);
    assert_eq!(credits[0]["id"]["S"], session.as_str());
    assert_eq!(credits[0]["source"]["S"], "pack");
    let balance = world.get("/v1/balance", Some(&world.token("acct_a"))).await;
    assert_eq!(balance.body["grants"][1]["source"], "pack");
    assert_eq!(balance.body["grants"][1]["expires_at"], json!(null));
}

#[tokio::test]
async fn a_credited_payment_is_verified_without_calling_stripe() {
    let world = without_webhooks().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await;
    world.verify("acct_a", &session).await;
    let asked = world.stack.stripe.asked().len();
    world.stripe_fails("/", "status:503", 100);

    let again = world.verified("acct_a", &session).await;

    assert_eq!(status(&again), ("paid", "500000.000", "510000.000"));
    assert_eq!(world.stack.stripe.asked().len(), asked);
}

#[tokio::test]
async fn a_credited_payment_is_verified_in_one_read_unless_its_account_is_older() {
    let world = without_webhooks().await;
    let session = world.open("acct_a", "pack_500k").await;
    let account = || world.item("A#acct_a", "A");
    let older = account();
    world.pay(&session, CARD).await;
    world.verify("acct_a", &session).await;
    let newer = account();
    world.dynamodb_fails("GetItem", "status:400", 100);

    let again = world.verify("acct_a", &session).await;
    assert_eq!(status(&again), ("paid", "500000.000", "510000.000"));
    // Items that are read together may be from before and after a credit. Such an account is read again.
    world.put_item(older).await;
    let torn = world.verify("acct_a", &session).await;
    torn.expect(StatusCode::INTERNAL_SERVER_ERROR);
    world.put_item(newer).await;
    let again = world.verify("acct_a", &session).await;
    assert_eq!(status(&again), ("paid", "500000.000", "510000.000"));
}

/// Triggers one of the events that can follow a payment, by its number.
async fn happen(world: &World, account: &str, session: &str, what: u8) {
    let answer = match what {
        0 => world.verify(account, session).await,
        1 | 2 => world.signed_webhook(&event(COMPLETED, session)).await,
        3 => world.signed_webhook(&event(SUCCEEDED, session)).await,
        _ => {
            let body = world.order("pack_500k");
            world.checkout(account, "pack_500k", &body).await
        }
    };
    assert!(answer.status < 300, "{what}: {answer:?}");
}

fn orders(of: &[u8]) -> Vec<Vec<u8>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for (index, first) in of.iter().enumerate() {
        let mut rest = of.to_vec();
        rest.remove(index);
        for mut order in orders(&rest) {
            order.insert(0, *first);
            all.push(order);
        }
    }
    all
}

#[tokio::test]
async fn in_every_order_of_events_a_payment_is_credited_once() {
    let world = without_webhooks().await;
    let orders = orders(&[0, 1, 2, 3, 4]);
    assert_eq!(orders.len(), 120);
    for (number, order) in orders.iter().enumerate() {
        let account = format!("acct_{number}");
        let session = world.open(&account, "pack_500k").await;
        world.pay(&session, CARD).await;
        for what in order {
            happen(&world, &account, &session, *what).await;
        }
        assert_eq!(world.available(&account).await, "510000.000", "{order:?}");
    }
    for number in 0..orders.len() {
        assert_eq!(world.credits(&format!("acct_{number}")).len(), 1);
    }
}

#[tokio::test]
async fn events_at_once_credit_a_payment_once() {
    let world = without_webhooks().await;
    for round in 0..10 {
        let account = format!("acct_{round}");
        let session = world.open(&account, "pack_500k").await;
        world.pay(&session, CARD).await;
        let all = (0..15).map(|what| happen(&world, &account, &session, what % 5));
        join_all(all).await;
        assert_eq!(world.available(&account).await, "510000.000");
        assert_eq!(world.credits(&account).len(), 1);
    }
}

#[tokio::test]
async fn a_credit_among_debits_is_exact() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await;
    let debits = world.record_at_once("acct_a", 40, 10);
    let (debited, verified) = tokio::join!(debits, world.verify("acct_a", &session));

    verified.expect(StatusCode::OK);
    assert!(debited.iter().all(|answer| answer.status == 201));
    assert_eq!(world.available("acct_a").await, "500060.000");
}

#[tokio::test]
async fn a_declined_card_leaves_the_session_unpaid_and_open() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    let declined = world.pay(&session, DECLINED).await;
    assert_eq!(declined.status, 402);

    let verified = world.verified("acct_a", &session).await;
    assert_eq!(status(&verified), ("unpaid", "0.000", "10000.000"));
    assert_eq!(world.order_status(), "open");
    assert!(world.credits("acct_a").is_empty());
    // Another card succeeds.
    world.pay(&session, CARD).await;
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(status(&verified), ("paid", "500000.000", "510000.000"));
}

#[tokio::test]
async fn a_card_that_asks_for_confirmation_is_paid_when_confirmed() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CONFIRMED).await.expect(StatusCode::OK);
    let asked = world.verify("acct_a", &session).await;
    assert_eq!(status(&asked), ("unpaid", "0.000", "10000.000"));
    let body = json!({"card": CONFIRMED, "confirm": true});
    world
        .at_page(&session, "pay", body)
        .await
        .expect(StatusCode::OK);
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(status(&verified), ("paid", "500000.000", "510000.000"));
}

#[tokio::test]
async fn a_delayed_payment_is_credited_by_its_webhook_alone() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, "delayed").await.expect(StatusCode::OK);
    world.webhooks_settled().await;
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(status(&verified), ("processing", "0.000", "10000.000"));
    assert_eq!(world.order_status(), "processing");

    world.settle_payment(&session, "succeeded").await;
    world.webhooks_settled().await;

    assert_eq!(world.available("acct_a").await, "510000.000");
    assert_eq!(world.credits("acct_a").len(), 1);
    assert_eq!(world.order_status(), "paid");
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(status(&verified), ("paid", "500000.000", "510000.000"));
}

#[tokio::test]
async fn a_delayed_payment_that_fails_is_unpaid_for_good() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, "delayed").await;
    world.settle_payment(&session, "failed").await;
    world.webhooks_settled().await;

    assert_eq!(world.order_status(), "unpaid");
    assert!(world.items("I#")[0].get("pending_bucket").is_none());
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(status(&verified), ("unpaid", "0.000", "10000.000"));
    assert!(world.credits("acct_a").is_empty());
}

#[tokio::test]
async fn with_every_webhook_lost_verification_alone_credits() {
    let world = without_webhooks().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await;
    world.webhooks_settled().await;
    assert_eq!(world.deliveries(COMPLETED), [Vec::<u64>::new()]);
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(status(&verified), ("paid", "500000.000", "510000.000"));
}

#[tokio::test]
async fn a_payment_is_credited_if_the_buyer_never_returns() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await;
    world.webhooks_settled().await;
    assert_eq!(world.available("acct_a").await, "510000.000");
}

#[tokio::test]
async fn webhooks_duplicated_and_out_of_order_change_nothing() {
    let world = World::start().await;
    world.stripe_fails("webhooks/checkout.session.completed", "reorder", 1);
    world.stripe_fails("webhooks/checkout.session.async", "duplicate:5", 1);
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, "delayed").await;
    world.settle_payment(&session, "succeeded").await;
    world.webhooks_settled().await;

    assert_eq!(world.deliveries(SUCCEEDED).len(), 6);
    assert_eq!(world.deliveries(COMPLETED), [[200]]);
    assert_eq!(world.available("acct_a").await, "510000.000");
    assert_eq!(world.credits("acct_a").len(), 1);
    assert_eq!(world.order_status(), "paid");
}

#[tokio::test]
async fn an_order_expires_with_its_session() {
    let world = World::start().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.at_page(&session, "expire", json!({})).await;
    world.webhooks_settled().await;
    assert_eq!(world.order_status(), "expired");
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(status(&verified), ("expired", "0.000", "10000.000"));
}

#[tokio::test]
async fn verification_is_unavailable_while_stripe_is_down() {
    let world = without_webhooks().await;
    let session = world.open("acct_a", "pack_500k").await;
    world.pay(&session, CARD).await;
    world.stripe_fails("/v1/checkout/sessions/", "status:500", 3);

    let unknown = world.verify("acct_a", &session).await;
    let known = world.verify("acct_a", &session).await;

    assert_eq!(unknown.refusal(), (503, "unavailable"));
    assert_eq!(status(&known), ("paid", "500000.000", "510000.000"));
}

#[tokio::test]
async fn two_packs_are_two_credits() {
    let world = World::start().await;
    for key in ["k1", "k2"] {
        let page = world
            .checkout("acct_a", key, &world.order("pack_125k"))
            .await;
        let session = session_id(&page);
        world.pay(&session, CARD).await;
        world.verified("acct_a", &session).await;
    }
    assert_eq!(world.available("acct_a").await, "260000.000");
    assert_eq!(world.credits("acct_a").len(), 2);
}
