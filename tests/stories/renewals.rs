//! A renewal as Stripe plays it: the period rolls over, a draft waits an hour, then it is charged, or charged again for
//! days. Whatever is paid is credited, with or without a webhook.

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use local::faults::Fault;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::World;

const CARD: &str = "4242424242424242";
const PERIOD: SignedDuration = SignedDuration::from_hours(30 * 24);

async fn world() -> World {
    let start = "2026-11-22T12:00:00Z".parse().unwrap();
    World::start_with(&[], Clock::starting_at(start)).await
}

/// From now on these webhooks never arrive.
fn lose(world: &World, kinds: &str) {
    let lost = Fault::new(kinds, "drop").unwrap();
    world.stack.stripe.faults().add(lost.times(100_000));
}

/// Lets time pass in steps of half an hour, each with a run of the outbox, until the account has this many credits.
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

/// Lets time pass until a second period is credited: at most two hours after its invoice was paid.
async fn is_credited_in_time(world: World, invoice: &Value) {
    let world = until_credited(world, 2).await;
    let after = now(&world).duration_since(paid_at(&world, invoice));
    assert!(after <= SignedDuration::from_hours(2), "{after}");
}

/// When an invoice was paid.
fn paid_at(world: &World, invoice: &Value) -> Timestamp {
    let state = world.stack.stripe.state();
    let invoices = state["invoices"].as_array().unwrap();
    let found = invoices.iter().find(|one| one["id"] == invoice["id"]);
    let paid_at = found.unwrap()["status_transitions"]["paid_at"].as_i64();
    Timestamp::from_second(paid_at.expect("it is paid")).unwrap()
}

fn now(world: &World) -> Timestamp {
    Timestamp::from_millisecond(world.now_ms()).unwrap()
}

/// `customer.subscription.updated` with the new period comes an hour before the payment, and was taken for the renewal.
#[tokio::test]
async fn a_renewal_whose_invoice_paid_is_lost_is_credited_within_two_hours_of_its_payment() {
    let world = world().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    lose(&world, "webhooks/invoice.");
    let world = world.later(PERIOD).await;
    let invoice = world.roll_over(&subscription, "succeeded").await;
    assert_eq!(invoice["status"], "draft");
    is_credited_in_time(world, &invoice).await;
}

/// Nothing had written the subscription down: the plan was only verified, and no webhook ever came.
#[tokio::test]
async fn a_renewal_is_credited_though_no_webhook_ever_came_and_the_subscription_was_never_read() {
    let world = world().await;
    lose(&world, "webhooks/");
    let subscription = world.subscribe("acct_a", "plus").await;
    let world = world.later(PERIOD).await;
    let invoice = world.roll_over(&subscription, "succeeded").await;
    is_credited_in_time(world, &invoice).await;
}

#[tokio::test]
async fn a_plan_that_is_bought_while_stripe_fails_after_the_payment_is_stored_later() {
    let world = world().await;
    lose(&world, "webhooks/");
    let session = world.open("acct_a", "plus").await;
    world.pay(&session, CARD).await.expect(StatusCode::OK);
    let down = Fault::new("/v1/subscriptions", "status:503").unwrap();
    world.stack.stripe.faults().add(down.times(100));
    let verified = world.verify("acct_a", &session).await;
    assert_eq!(verified.expect(StatusCode::OK).body["status"], "paid");
    world.stack.stripe.faults().clear();
    lose(&world, "webhooks/");
    let world = world.later(SignedDuration::from_hours(25)).await;
    world.deliver().await;
    let stored = world.items("A#acct_a");
    assert!(
        stored.iter().any(|item| item["sk"]["S"] == "U"),
        "{stored:?}"
    );
    assert_eq!(world.intent_status(), "paid");
}

#[tokio::test]
async fn a_payment_that_succeeds_after_days_of_dunning_is_credited_within_two_hours() {
    let world = world().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    lose(&world, "webhooks/");
    let world = world.later(PERIOD).await;
    let invoice = world.roll_over(&subscription, "failed").await;
    let world = world.later(SignedDuration::from_hours(2)).await;
    world.deliver().await;
    let told = world.subscription("acct_a").await.expect(StatusCode::OK);
    assert_eq!(told.body["status"], "past_due");
    let path = format!("/_local/subscriptions/{subscription}/card");
    let card = json!({"outcome": "succeeded"});
    world.at_stripe(&path, &card).await.expect(StatusCode::OK);
    let world = world.later(SignedDuration::from_hours(24 * 3 - 4)).await;
    world.deliver().await;
    assert_eq!(
        world.credits("acct_a").len(),
        1,
        "Stripe charges again after three days"
    );
    is_credited_in_time(world, &invoice).await;
}

/// Returns the number of looks that the outbox takes at the subscription in five hours.
async fn looks_of_five_hours(mut world: World) -> (World, u64) {
    let mut looks = 0;
    for _ in 0..10 {
        world = world.later(SignedDuration::from_mins(30)).await;
        looks += world.deliver().await["subscriptions"].as_u64().unwrap();
    }
    (world, looks)
}

#[tokio::test]
async fn an_invoice_is_looked_at_hourly_until_it_is_void_or_uncollectible() {
    for end in ["void", "mark_uncollectible"] {
        let world = world().await;
        let subscription = world.subscribe("acct_a", "plus").await;
        lose(&world, "webhooks/");
        let world = world.later(PERIOD).await;
        let invoice = world.roll_over(&subscription, "failed").await;
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

/// Dunning ends as `past_due`: the invoice stays open while the next period is paid, and is paid long after.
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
    let invoices = world.stack.stripe.state()["invoices"].clone();
    let older = invoices.as_array().unwrap().last().unwrap().clone();
    assert_eq!(older["status"], "open");
    world
        .at_stripe(&card, &json!({"outcome": "succeeded"}))
        .await;
    world = world.later(SignedDuration::from_hours(11 * 24)).await;
    let mut world = until_credited(world, 2).await;
    lose(&world, "webhooks/");
    let path = format!("/v1/subscriptions/{subscription}");
    world.delete_at_stripe(&path).await;
    let path = format!("/v1/invoices/{}/pay", older["id"].as_str().unwrap());
    world.post_to_stripe(&path, "").await;
    for _ in 0..2 {
        world = world.later(SignedDuration::from_hours(25)).await;
        world.deliver().await;
    }
    assert_eq!(world.credits("acct_a").len(), 3);
}

#[tokio::test]
async fn a_subscription_that_has_not_changed_is_told_without_a_write() {
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

/// An invoice of the day before yesterday that dunning has collected is in no list of the invoices that its day made.
#[tokio::test]
async fn the_reconciliation_of_the_day_of_payment_finds_an_invoice_and_the_operator_credits_it() {
    let world = world().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    lose(&world, "webhooks/");
    let world = world.later(PERIOD).await;
    let invoice = world.roll_over(&subscription, "failed").await;
    let id = invoice["id"].as_str().unwrap();
    let world = world.later(SignedDuration::from_hours(24 * 5)).await;
    let path = format!("/v1/invoices/{id}/pay");
    world.post_to_stripe(&path, "paid_out_of_band=true").await;
    let day = now(&world).strftime("%Y-%m-%d").to_string();
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

/// Twelve other invoices hid the one that was paid: they were listed by customer.
#[tokio::test]
async fn other_invoices_of_a_customer_hide_no_renewal() {
    let world = world().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    lose(&world, "webhooks/");
    let renewed = world.renew(&subscription, "succeeded").await;
    let other = json!({
        "subscription": subscription, "billing_reason": "manual",
        "lines": [{"amount": 0, "quantity": 1}],
    });
    for _ in 0..25 {
        let made = world.at_stripe("/_local/invoices", &other).await;
        made.expect(StatusCode::OK);
    }
    world.subscription("acct_a").await.expect(StatusCode::OK);
    assert_eq!(
        world.entry(renewed["id"].as_str().unwrap()),
        Some(500_000_000)
    );
}
