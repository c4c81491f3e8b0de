//! Plans that change in the middle of a period: anchors, intervals, trials, pauses and usage.

use serde_json::{Value, json};

use super::shop::{Plan, Shop, day, id};

const DAY: i64 = 24 * 3_600;

/// The newest invoice of a plan.
async fn latest(plan: &Plan) -> Value {
    plan.invoice(&plan.subscription().await["latest_invoice"])
        .await
}

/// The amount of each line, and whether it is a proration.
fn lines(invoice: &Value) -> Vec<(i64, bool)> {
    let lines = invoice["lines"]["data"].as_array().unwrap().iter();
    lines
        .map(|line| {
            let details = &line["parent"]["subscription_item_details"];
            let proration = details["proration"] == true;
            (line["amount"].as_i64().unwrap(), proration)
        })
        .collect()
}

#[tokio::test]
async fn a_new_anchor_bills_a_whole_period_and_credits_the_rest_of_the_last() {
    for (behavior, expected) in [
        ("create_prorations", vec![(-1_000, true), (2_000, false)]),
        ("none", vec![(2_000, false)]),
    ] {
        let plan = Plan::begin().await;
        plan.wait(14 * DAY);

        let form = [
            ("billing_cycle_anchor[type]", "now"),
            ("proration_behavior", behavior),
        ];
        let updated = plan.update(&form).await;

        let item = &updated["items"]["data"][0];
        assert_eq!(day(&item["current_period_start"]), "2027-02-14");
        assert_eq!(day(&item["current_period_end"]), "2027-03-14");
        assert_eq!(day(&updated["billing_cycle_anchor"]), "2027-02-14");
        let invoice = latest(&plan).await;
        assert_eq!(invoice["billing_reason"], "subscription_update");
        assert_eq!(invoice["status"], "paid");
        assert_eq!(lines(&invoice), expected);
    }
}

#[tokio::test]
async fn a_new_interval_begins_a_period_at_once() {
    let plan = Plan::begin().await;
    plan.wait(14 * DAY);
    let item = id(&plan.item()["id"]);

    let form = [
        ("items[0][id]", item.as_str()),
        ("items[0][price]", &plan.shop.yearly),
    ];
    let updated = plan.update(&form).await;

    let item = &updated["items"]["data"][0];
    assert_eq!(day(&item["current_period_end"]), "2028-02-14");
    let invoice = latest(&plan).await;
    assert_eq!(invoice["billing_reason"], "subscription_update");
    assert_eq!(lines(&invoice), [(-1_000, true), (20_000, false)]);
}

#[tokio::test]
async fn a_trial_costs_nothing_and_ends_by_the_clock() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let days = "subscription_data[trial_period_days]";
    let plan = Plan::begin_with(shop, &[("mode", "subscription"), (days, "7")]).await;
    let trial = plan.subscription().await;
    assert_eq!(trial["status"], "trialing");
    assert_eq!(day(&trial["trial_end"]), "2027-02-07");
    let first = latest(&plan).await;
    assert_eq!(first["billing_reason"], "subscription_create");
    assert_eq!(first["status"], "paid");
    assert_eq!(lines(&first), [(0, false)]);
    let session = &plan.shop.fake.state()["checkout_sessions"][0];
    assert_eq!(session["payment_status"], "no_payment_required");

    plan.wait(7 * DAY);
    assert_eq!(latest(&plan).await["status"], "draft");
    plan.wait(3_600);

    assert_eq!(plan.subscription().await["status"], "active");
    let invoice = latest(&plan).await;
    assert_eq!(invoice["billing_reason"], "subscription_cycle");
    assert_eq!(invoice["status"], "paid");
    assert_eq!(lines(&invoice), [(2_000, false)]);
    let period = &invoice["lines"]["data"][0]["period"];
    assert_eq!(day(&period["start"]), "2027-02-07");
    assert_eq!(day(&period["end"]), "2027-03-07");
}

#[tokio::test]
async fn ending_a_trial_bills_a_whole_period_at_once() {
    let plan = Plan::begin().await;
    let end = plan.item()["current_period_end"].to_string();
    let trial = plan.update(&[("trial_end", &end)]).await;
    assert_eq!(trial["status"], "trialing");
    assert_eq!(latest(&plan).await["total"], 0);

    let ended = plan.update(&[("trial_end", "now")]).await;

    assert_eq!(ended["status"], "active");
    let invoice = latest(&plan).await;
    assert_eq!(invoice["billing_reason"], "subscription_update");
    assert_eq!(invoice["status"], "paid");
    assert_eq!(lines(&invoice), [(2_000, false)]);
}

#[tokio::test]
async fn invoices_of_a_paused_collection_are_not_charged() {
    for (behavior, status) in [
        ("keep_as_draft", "draft"),
        ("mark_uncollectible", "uncollectible"),
        ("void", "void"),
    ] {
        let plan = Plan::begin().await;
        let updated = plan
            .update(&[("pause_collection[behavior]", behavior)])
            .await;
        assert_eq!(updated["pause_collection"]["behavior"], behavior);

        plan.roll_over("succeeded").await;
        plan.wait(DAY);

        let invoice = latest(&plan).await;
        assert_eq!(invoice["status"], status);
        assert_eq!(invoice["amount_paid"], 0);
        assert_eq!(plan.subscription().await["status"], "active");
    }
}

#[tokio::test]
async fn a_paused_collection_resumes_at_its_date_or_on_request() {
    let plan = Plan::begin().await;
    let at = plan.item()["current_period_start"].as_i64().unwrap() + DAY;
    let at = at.to_string();
    let form = [
        ("pause_collection[behavior]", "void"),
        ("pause_collection[resumes_at]", &at),
    ];
    plan.update(&form).await;
    plan.wait(DAY + 60);
    assert_eq!(plan.subscription().await["pause_collection"], Value::Null);

    plan.update(&form[..1]).await;
    let resumed = plan.update(&[("pause_collection", "")]).await;
    assert_eq!(resumed["pause_collection"], Value::Null);
    plan.roll_over("succeeded").await;
    plan.wait(3_600);
    assert_eq!(latest(&plan).await["status"], "paid");
}

#[tokio::test]
async fn a_paused_plan_is_not_billed_until_it_is_resumed() {
    let plan = Plan::begin().await;
    let path = format!("/v1/subscriptions/{}", plan.id);
    let pause = format!("{path}/pause");
    let paused = plan.shop.client.post(&pause, &[]).await.body;
    assert_eq!(paused["status"], "paused");
    assert_eq!(plan.roll_over("succeeded").await["invoice"], Value::Null);
    plan.wait(DAY);

    let resume = format!("{path}/resume");
    let resumed = plan.shop.client.post(&resume, &[]).await.body;

    assert_eq!(resumed["status"], "active");
    assert_eq!(resumed["status_details"], Value::Null);
    let item = &resumed["items"]["data"][0];
    assert_eq!(day(&item["current_period_start"]), "2027-02-01");
    let invoice = latest(&plan).await;
    assert_eq!(invoice["billing_reason"], "subscription_update");
    assert_eq!(lines(&invoice), [(2_000, false)]);
    assert_eq!(
        plan.shop.kinds().last().unwrap(),
        "customer.subscription.resumed"
    );
    assert_eq!(plan.shop.client.post(&resume, &[]).await.status, 400);
}

#[tokio::test]
async fn an_archived_price_is_still_billed() {
    let plan = Plan::begin().await;
    let price = plan.shop.monthly.clone();
    let archive = [("active", "false")];
    let path = format!("/v1/prices/{price}");
    plan.shop.client.post(&path, &archive).await;

    plan.roll_over("succeeded").await;
    plan.wait(3_600);

    assert_eq!(latest(&plan).await["amount_paid"], 2_000);
    let path = format!("/v1/subscriptions?price={price}&status=all");
    let found = plan.shop.get(&path).await["data"].clone();
    assert_eq!(found[0]["id"], json!(plan.id));
    assert_eq!(found[0]["items"]["data"][0]["price"]["active"], false);
}

#[tokio::test]
async fn a_metered_price_is_billed_for_the_usage_of_the_ending_period() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let meter = [
        ("display_name", "Sparks"),
        ("event_name", "sparks"),
        ("default_aggregation[formula]", "sum"),
    ];
    let meter = shop.client.post("/v1/billing/meters", &meter).await.body;
    let meter = id(&meter["id"]);
    let price = [
        ("currency", "usd"),
        ("unit_amount", "3"),
        ("product", "prod_1"),
        ("recurring[interval]", "month"),
        ("recurring[usage_type]", "metered"),
        ("recurring[meter]", &meter),
    ];
    let price = id(&shop.client.post("/v1/prices", &price).await.body["id"]);
    let form = [
        ("customer", shop.customer.as_str()),
        ("items[0][price]", &price),
    ];
    let made = shop.client.post("/v1/subscriptions", &form).await.body;
    assert!(made["items"]["data"][0].get("quantity").is_none());
    let event = [
        ("event_name", "sparks"),
        ("payload[stripe_customer_id]", shop.customer.as_str()),
        ("payload[value]", "70"),
    ];
    let sent = shop.client.post("/v1/billing/meter_events", &event).await;
    assert_eq!(sent.status, 200, "{}", sent.body);

    let path = format!("/_local/subscriptions/{}/renew", id(&made["id"]));
    let renewed = shop.control(&path, json!({})).await;

    assert_eq!(renewed["invoice"]["amount_paid"], 210);
    assert_eq!(renewed["invoice"]["lines"]["data"][0]["quantity"], 70);
    let path = format!("/v1/subscriptions?price={price}&status=all");
    assert_eq!(shop.get(&path).await["data"][0]["id"], made["id"]);
}
