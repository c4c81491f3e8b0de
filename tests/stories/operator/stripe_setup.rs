//! `sparks stripe-setup` creates the objects at Stripe once. `sparks doctor` reports what is wrong with them.

use http::StatusCode;
use local::faults::Fault;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::World;

async fn set_up(world: &World, more: &[&str]) -> Value {
    let mut arguments = vec!["stripe-setup", "--json"];
    arguments.extend(more);
    let made = world.sparks(&arguments).await.unwrap();
    serde_json::from_str(&made).unwrap()
}

/// Returns whether this check of the doctor passed.
fn is_ok(found: &Value, name: &str) -> bool {
    let mut checks = found["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["name"] == name).unwrap();
    check["ok"].as_bool().unwrap()
}

#[tokio::test]
async fn a_second_run_changes_nothing() {
    let world = World::start().await;
    let posts = || {
        let asked = world.stack.stripe.asked();
        asked
            .iter()
            .filter(|(method, _, _)| method == "POST")
            .count()
    };
    let before = posts();

    let again = set_up(&world, &[]).await;

    assert_eq!(again["changes"], json!([]));
    assert_eq!(again["webhook_secret"], json!(null));
    assert!(again["webhook_endpoint"].is_string() && again["meter"].is_string());
    assert_eq!(again["price_ids"].as_object().unwrap().len(), 4);
    assert_eq!(again["livemode"], false);
    assert_eq!(posts(), before);
}

#[tokio::test]
async fn concurrent_runs_create_one_of_each_object() {
    let world = World::start().await;
    world
        .post_to_stripe("/v1/products/sparks_local_plus", "name=Other")
        .await;
    let (one, other) = tokio::join!(set_up(&world, &[]), set_up(&world, &[]));
    assert_eq!(one["price_ids"], other["price_ids"]);
    for (list, expected) in [
        ("products", 4),
        ("prices", 4),
        ("meters", 1),
        ("webhook_endpoints", 1),
        ("portal_configurations", 1),
    ] {
        assert_eq!(world.stripe_objects(list).len(), expected, "{list}");
    }
}

#[tokio::test]
async fn an_inactive_price_is_replaced() {
    let world = World::start().await;
    let before = set_up(&world, &[]).await;
    let old = before["price_ids"]["pack_500k"].as_str().unwrap();
    world
        .post_to_stripe(&format!("/v1/prices/{old}"), "active=false")
        .await;

    let after = set_up(&world, &[]).await;

    let new = after["price_ids"]["pack_500k"].as_str().unwrap();
    assert_ne!(new, old);
    assert_eq!(after["changes"].as_array().unwrap().len(), 1);
    assert_eq!(set_up(&world, &[]).await["price_ids"], after["price_ids"]);
    // The deployment still uses the old price.
    let (ok, found) = world.doctor().await;
    assert!(!ok && !is_ok(&found, "prices"), "{found}");
}

#[tokio::test]
async fn a_priced_meter_is_refused_before_anything_is_made() {
    let world = World::start().await;
    let meter = set_up(&world, &[]).await["meter"].clone();
    let price = format!(
        "currency=usd&unit_amount=1&product=sparks_local_plus&recurring[interval]=month\
         &recurring[usage_type]=metered&recurring[meter]={}",
        meter.as_str().unwrap()
    );
    let price = world.post_to_stripe("/v1/prices", &price).await;
    let before = world.stack.stripe.asked().len();

    let refused = world.sparks(&["stripe-setup"]).await.unwrap_err();

    assert!(refused.to_string().contains(price["id"].as_str().unwrap()));
    let asked = world.stack.stripe.asked();
    assert!(asked[before..].iter().all(|(method, _, _)| method == "GET"));
    let (ok, found) = world.doctor().await;
    assert!(!ok && !is_ok(&found, "meter"), "{found}");
}

#[tokio::test]
async fn an_archived_meter_is_reactivated_each_time() {
    let world = World::start().await;
    let meter = set_up(&world, &[]).await["meter"].clone();
    let path = format!("/v1/billing/meters/{}/deactivate", meter.as_str().unwrap());
    for _ in 0..2 {
        world.stack.stripe.clock().skip(1);
        world.post_to_stripe(&path, "").await;
        set_up(&world, &[]).await;
        assert_eq!(world.stack.stripe.state()["meters"][0]["status"], "active");
    }
}

#[tokio::test]
async fn a_moved_endpoint_is_updated_and_keeps_its_secret() {
    let world = World::start().await;
    let url = "https://api.example.com/v1/webhooks/stripe";
    let moved = set_up(&world, &["--webhook-url", url]).await;
    assert_eq!(moved["webhook_secret"], json!(null));
    let endpoint = world.stack.stripe.state()["webhook_endpoints"][0].clone();
    assert_eq!(endpoint["url"], url);
    assert_eq!(
        endpoint["api_version"],
        shared::providers::stripe::API_VERSION
    );
    // The endpoint can move away and back within a day.
    for target in ["https://b.example.com/w", url, "https://b.example.com/w"] {
        set_up(&world, &["--webhook-url", target]).await;
        assert_eq!(
            world.stack.stripe.state()["webhook_endpoints"][0]["url"],
            target
        );
    }
    assert_eq!(world.stripe_objects("webhook_endpoints").len(), 1);
}

#[tokio::test]
async fn a_deleted_endpoint_is_recreated_with_a_new_secret() {
    let world = World::start().await;
    let made = set_up(&world, &[]).await;
    let id = made["webhook_endpoint"].as_str().unwrap();
    let request = local::client::plain()
        .delete(format!(
            "{}/v1/webhook_endpoints/{id}",
            world.stack.stripe.url()
        ))
        .header("authorization", "Bearer sk_test_local")
        .header("stripe-version", shared::providers::stripe::API_VERSION);
    assert_eq!(request.send().await.unwrap().status(), 200);
    let (ok, _) = world.doctor().await;
    assert!(!ok);
    let url = format!("{}/v1/webhooks/stripe", world.origin());

    let again = set_up(&world, &["--webhook-url", &url]).await;

    assert!(
        again["webhook_secret"]
            .as_str()
            .unwrap()
            .starts_with("whsec_")
    );
    assert_ne!(again["webhook_endpoint"], made["webhook_endpoint"]);
    let (ok, found) = world.doctor().await;
    assert!(ok, "{found}");
}

#[tokio::test]
async fn a_failed_run_can_be_repeated() {
    let world = World::start().await;
    world
        .post_to_stripe("/v1/products/sparks_local_plus", "active=false")
        .await;
    for fault in ["status:500", "lost_reply", "status:503", "status:429"] {
        let every_third = Fault::new("/v1/p", fault).unwrap().every(3);
        world.stack.stripe.faults().add(every_third);
        let _may_fail = world.sparks(&["stripe-setup"]).await;
        world.stack.stripe.faults().clear();
        set_up(&world, &[]).await;
        for list in ["prices", "products"] {
            assert_eq!(world.stripe_objects(list).len(), 4, "{list}");
        }
    }
}

/// Stripe shows the secret only once.
#[tokio::test]
async fn the_webhook_secret_is_printed_even_if_a_later_step_fails() {
    // Another deployment in the same Stripe account has nothing yet.
    let world = World::start().await.with("STAGE", "other");
    world.stripe_fails("/v2/core/event_destinations", "status:400", 100);
    let other = [
        "stripe-setup",
        "--webhook-url",
        "https://other.example.com/v1/webhooks/stripe",
    ];
    let (printed, outcome) = world.sparks_printing(&other).await;
    outcome.unwrap_err();
    assert!(
        printed.contains("STRIPE_WEBHOOK_SECRETS=whsec_"),
        "{printed}"
    );
}

#[tokio::test]
async fn the_doctor_finds_everything_in_order_after_setup() {
    let world = World::start().await;
    let (ok, found) = world.doctor().await;
    assert!(ok, "{found}");
    assert_eq!(found["ok"], true);
    assert_eq!(found["incidents"], json!([]));
}

#[tokio::test]
async fn the_text_output_lists_the_variables() {
    let world = World::start().await;
    let printed = world.sparks(&["stripe-setup"]).await.unwrap();
    assert!(printed.contains("test mode"));
    assert!(
        printed.contains("STRIPE_PRICE_IDS=pack_125k=price_"),
        "{printed}"
    );
    assert!(
        !printed.contains("whsec_"),
        "the secret is printed only when it is new"
    );
}

#[tokio::test]
async fn an_archived_price_that_still_bills_is_refused_with_a_remedy() {
    let world = World::start().await;
    let meter = set_up(&world, &[]).await["meter"].clone();
    let form = format!(
        "currency=usd&unit_amount=1&product=sparks_local_plus&recurring[interval]=month\
         &recurring[usage_type]=metered&recurring[meter]={}",
        meter.as_str().unwrap()
    );
    let price = world.post_to_stripe("/v1/prices", &form).await;
    let price = price["id"].as_str().unwrap();
    let customer = world.post_to_stripe("/v1/customers", "").await;
    let form = format!(
        "customer={}&items[0][price]={price}",
        customer["id"].as_str().unwrap()
    );
    let subscription = world.post_to_stripe("/v1/subscriptions", &form).await;
    let subscription = subscription["id"].as_str().unwrap();
    let path = format!("/v1/prices/{price}");
    world.post_to_stripe(&path, "active=false").await;

    let refused = world.sparks(&["stripe-setup"]).await.unwrap_err();
    let refused = refused.to_string();
    for part in [price, subscription, "remove the price from them"] {
        assert!(refused.contains(part), "{refused}");
    }
    let (_, found) = world.doctor().await;
    assert!(!is_ok(&found, "meter"), "{found}");
    // An archived price without a live subscription charges no customer.
    world.delete_subscription(subscription).await;
    let (_, found) = world.doctor().await;
    assert!(is_ok(&found, "meter"), "{found}");
    set_up(&world, &[]).await;
}

#[tokio::test]
async fn the_default_tax_behaviour_is_set_if_missing() {
    let variables = [("CHECKOUT_AUTOMATIC_TAX", "true")];
    let world = World::start_with(&variables, Clock::system()).await;
    for (settings, after, changes) in [("none", "exclusive", 1), ("inclusive", "inclusive", 0)] {
        let body = json!({ "tax": settings });
        world.at_stripe("/_local/settings", &body).await;
        if settings == "none" {
            let (_, found) = world.doctor().await;
            assert!(!is_ok(&found, "tax"), "{found}");
            let body = world.order("pack_125k");
            let page = world.checkout("acct_a", settings, &body).await;
            assert_ne!(page.status, 201, "Stripe refuses it");
            // The operator sets the address in the Dashboard; the command does the rest.
            let form = "head_office[address][country]=US&head_office[address][line1]=1 Main Street";
            world.post_to_stripe("/v1/tax/settings", form).await;
            let (_, found) = world.doctor().await;
            assert!(!is_ok(&found, "tax"), "{found}");
        }

        let made = set_up(&world, &[]).await;

        assert_eq!(made["changes"].as_array().unwrap().len(), changes, "{made}");
        let found = world.get_from_stripe("/v1/tax/settings").await;
        assert_eq!(found["defaults"]["tax_behavior"], after);
        let (_, found) = world.doctor().await;
        assert!(is_ok(&found, "tax"), "{found}");
        let body = world.order("pack_125k");
        let page = world.checkout("acct_a", after, &body).await;
        page.expect(StatusCode::CREATED);
    }
}

#[tokio::test]
async fn foreign_objects_without_metadata_do_not_break_setup() {
    let world = World::start().await;
    let form = "features[invoice_history][enabled]=true";
    let path = "/v1/billing_portal/configurations";
    let foreign = world.post_to_stripe(path, form).await;
    assert_eq!(foreign["metadata"], Value::Null);
    let destination = json!({
        "name": "theirs", "type": "webhook_endpoint", "event_payload": "thin",
        "enabled_events": ["v1.billing.meter.no_meter_found"],
        "webhook_endpoint": {"url": "https://theirs.example/"},
    });
    let made = world
        .post_json_to_stripe("/v2/core/event_destinations", &destination)
        .await;
    assert_eq!(made["metadata"], Value::Null, "{made}");

    let again = set_up(&world, &[]).await;

    assert_eq!(again["changes"], json!([]));
    let (ok, found) = world.doctor().await;
    assert!(ok, "{found}");
}
