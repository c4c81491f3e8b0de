//! Renewals on Stripe's timeline. The period rolls over, the draft invoice waits an hour, then Stripe charges it and
//! retries for days. Every payment is credited, with or without a webhook.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tests::{CARD, World};

const PERIOD: SignedDuration = SignedDuration::from_hours(30 * 24);

async fn world() -> World {
    World::start_at("2026-11-22T12:00:00Z").await
}

/// Starts a world in which a renewal is not paid, and no webhook arrives. Returns the subscription and the invoice.
async fn unpaid_renewal() -> (World, String, Value) {
    let world = world().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.drop_webhooks();
    let world = world.later(PERIOD).await;
    let invoice = world.roll_over(&subscription, "failed").await;
    (world, subscription, invoice)
}

/// Lets time pass in half-hour steps until the account has this many credits. Each step has a run of the outbox.
async fn until_credited(mut world: World, credits: usize) -> World {
    let step = SignedDuration::from_mins(30);
    let mut passed = SignedDuration::ZERO;
    while world.credits("acct_a").len() < credits {
        assert!(
            passed < SignedDuration::from_hours(24 * 9),
            "never credited"
        );
        world = world.later(step).await;
        world.deliver().await;
        passed += step;
    }
    world
}

/// Lets time pass until a second period is credited. Asserts that this is within two hours of the payment.
async fn is_credited_in_time(world: World, invoice: &Value) {
    let world = until_credited(world, 2).await;
    let after = world.now().duration_since(paid_at(&world, invoice));
    assert!(after <= SignedDuration::from_hours(2), "{after}");
}

/// Returns the time at which an invoice was paid.
fn paid_at(world: &World, invoice: &Value) -> Timestamp {
    let invoices = world.stripe_objects("invoices");
    let found = invoices.iter().find(|one| one["id"] == invoice["id"]);
    let paid_at = found.unwrap()["status_transitions"]["paid_at"].as_i64();
    Timestamp::from_second(paid_at.expect("it is paid")).unwrap()
}

/// `customer.subscription.updated` brings the new period an hour before the payment. It is no proof of the renewal.
#[tokio::test]
async fn a_renewal_without_invoice_paid_is_credited_within_two_hours_of_its_payment() {
    let world = world().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.stripe_fails("webhooks/invoice.", "drop", u32::MAX);
    let world = world.later(PERIOD).await;
    let invoice = world.roll_over(&subscription, "succeeded").await;
    assert_eq!(invoice["status"], "draft");
    is_credited_in_time(world, &invoice).await;
}

/// The plan is only verified: no webhook arrives, and the API never reads the subscription.
#[tokio::test]
async fn a_renewal_is_credited_without_webhooks_or_reads_of_the_subscription() {
    let world = world().await;
    world.drop_webhooks();
    let subscription = world.subscribe("acct_a", "plus").await;
    let world = world.later(PERIOD).await;
    let invoice = world.roll_over(&subscription, "succeeded").await;
    is_credited_in_time(world, &invoice).await;
}

#[tokio::test]
async fn a_subscription_that_stripe_cannot_return_after_payment_is_stored_later() {
    let world = world().await;
    world.drop_webhooks();
    let session = world.open("acct_a", "plus").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    world.stripe_fails("/v1/subscriptions", "status:503", 100);
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(verified.expect(StatusCode::OK).body["status"], "paid");
    world.stack.stripe.faults().clear();
    world.drop_webhooks();
    let world = world.later(SignedDuration::from_hours(25)).await;
    world.deliver().await;
    let stored = world.items("A#acct_a");
    assert!(
        stored.iter().any(|item| item["sk"]["S"] == "U"),
        "{stored:?}"
    );
    assert_eq!(world.order_status(), "paid");
}

#[tokio::test]
async fn a_payment_that_succeeds_after_days_of_dunning_is_credited_within_two_hours() {
    let (world, subscription, invoice) = unpaid_renewal().await;
    let world = world.later(SignedDuration::from_hours(2)).await;
    world.deliver().await;
    let told = world.subscription("acct_a").await.expect(StatusCode::OK);
    assert_eq!(told.body["status"], "past_due");
    let path = format!("/_local/subscriptions/{subscription}/card");
    let card = json!({"outcome": "succeeded"});
    world.control(&path, &card).await;
    let world = world.later(SignedDuration::from_hours(24 * 3 - 4)).await;
    world.deliver().await;
    assert_eq!(
        world.credits("acct_a").len(),
        1,
        "Stripe charges again after three days"
    );
    is_credited_in_time(world, &invoice).await;
}

/// Lets five hours pass; returns how often the outbox checks the subscription.
async fn looks_of_five_hours(mut world: World) -> (World, u64) {
    let mut looks = 0;
    for _ in 0..10 {
        world = world.later(SignedDuration::from_mins(30)).await;
        looks += world.deliver().await["subscriptions"].as_u64().unwrap();
    }
    (world, looks)
}

#[tokio::test]
async fn an_unpaid_invoice_is_checked_hourly_until_it_is_void_or_uncollectible() {
    for end in ["void", "mark_uncollectible"] {
        let (world, _, invoice) = unpaid_renewal().await;
        let world = world.later(SignedDuration::from_hours(2)).await;
        world.deliver().await;
        let (world, looks) = looks_of_five_hours(world).await;
        assert!((4..=6).contains(&looks), "{end}: {looks}");
        let path = format!("/v1/invoices/{}/{end}", invoice["id"].as_str().unwrap());
        world.post_to_stripe(&path, "").await;
        let world = world.later(SignedDuration::from_hours(2)).await;
        world.deliver().await;
        let (_, looks) = looks_of_five_hours(world).await;
        assert_eq!(looks, 0, "{end}");
    }
}

/// Dunning ends as `past_due`. The invoice stays open while the next period is paid, and is itself paid much later.
#[tokio::test]
async fn an_older_invoice_that_is_paid_late_is_credited_within_a_day() {
    let mut world = world().await;
    let settings = json!({"dunning_ends": "past_due", "periods": "clock"});
    world.at_stripe("/_local/settings", &settings).await;
    let subscription = world.subscribe("acct_a", "plus").await;
    let card = format!("/_local/subscriptions/{subscription}/card");
    world.at_stripe(&card, &json!({"outcome": "failed"})).await;
    world = world.later(PERIOD).await;
    for _ in 0..20 {
        world = world.later(SignedDuration::from_hours(24)).await;
        world.deliver().await;
    }
    let older = world.stripe_objects("invoices").pop().unwrap();
    assert_eq!(older["status"], "open");
    world
        .at_stripe(&card, &json!({"outcome": "succeeded"}))
        .await;
    world = world.later(SignedDuration::from_hours(11 * 24)).await;
    let mut world = until_credited(world, 2).await;
    world.drop_webhooks();
    world.delete_subscription(&subscription).await;
    let path = format!("/v1/invoices/{}/pay", older["id"].as_str().unwrap());
    world.post_to_stripe(&path, "").await;
    for _ in 0..2 {
        world = world.later(SignedDuration::from_hours(25)).await;
        world.deliver().await;
    }
    assert_eq!(world.credits("acct_a").len(), 3);
}

#[tokio::test]
async fn reading_an_unchanged_subscription_writes_nothing() {
    let world = world().await;
    world.subscribe("acct_a", "plus").await;
    world.subscription("acct_a").await.expect(StatusCode::OK);
    let before = world.table();
    for _ in 0..2 {
        let told = world.subscription("acct_a").await.expect(StatusCode::OK);
        assert_eq!(told.body["source"], "stripe");
    }
    assert_eq!(world.table(), before);
}

/// An invoice that is paid days later is not listed for the payment's day. That list has the invoices created on the
/// day.
#[tokio::test]
async fn reconcile_finds_a_late_paid_invoice_on_its_day_of_payment_and_credits_it() {
    let (world, _, invoice) = unpaid_renewal().await;
    let id = invoice["id"].as_str().unwrap();
    let world = world.later(SignedDuration::from_hours(24 * 5)).await;
    let path = format!("/v1/invoices/{id}/pay");
    world.post_to_stripe(&path, "paid_out_of_band=true").await;
    let day = world.now().strftime("%Y-%m-%d").to_string();
    let (printed, outcome) = world.sparks_printing(&["reconcile", "--day", &day]).await;
    assert!(outcome.is_err());
    assert!(
        printed.contains(&format!("sparks reconcile --invoice {id}")),
        "{printed}"
    );
    let credited = world.sparks(&["reconcile", "--invoice", id]).await.unwrap();
    assert_eq!(credited, format!("{id}: 500000.000 Sparks credited\n"));
    let (printed, _) = world.sparks_printing(&["reconcile", "--day", &day]).await;
    assert!(!printed.contains("payment_not_credited"), "{printed}");
    let unknown = world.sparks(&["reconcile", "--invoice", "in_none"]).await;
    assert!(matches!(unknown, Err(cli::Error::NoInvoice(_))));
}

/// A list by customer would hide the paid invoice behind twelve others.
#[tokio::test]
async fn other_invoices_of_a_customer_do_not_hide_a_renewal() {
    let world = world().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.drop_webhooks();
    let renewed = world.renew(&subscription, "succeeded").await;
    let other = json!({
        "subscription": subscription, "billing_reason": "manual",
        "lines": [{"amount": 0, "quantity": 1}],
    });
    for _ in 0..25 {
        world.control("/_local/invoices", &other).await;
    }
    world.subscription("acct_a").await.expect(StatusCode::OK);
    assert_eq!(
        world.entry(renewed["id"].as_str().unwrap()),
        Some(500_000_000)
    );
}
