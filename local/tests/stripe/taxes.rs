//! Automatic tax of the fake Stripe: exclusive, inclusive, and without a known location.

use serde_json::{Value, json};

use super::shop::{Plan, Shop, id};

const TAXED: [(&str, &str); 3] = [
    ("mode", "subscription"),
    ("automatic_tax[enabled]", "true"),
    ("customer_update[address]", "auto"),
];

/// Buys a taxed plan.
async fn taxed(settings: Value) -> Plan {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    shop.control("/_local/settings", settings).await;
    Plan::begin_with(shop, &TAXED).await
}

#[tokio::test]
async fn tax_is_added_to_a_price_or_included_in_it() {
    for (behavior, total, tax, without) in [
        ("exclusive", 2_200, 200, 2_000),
        ("inclusive", 2_000, 182, 1_818),
    ] {
        let plan = taxed(json!({"tax": behavior})).await;

        let invoice = plan
            .invoice(&plan.subscription().await["latest_invoice"])
            .await;

        assert_eq!(invoice["subtotal"], 2_000);
        assert_eq!(invoice["total"], total);
        assert_eq!(invoice["amount_paid"], total);
        assert_eq!(invoice["total_taxes"][0]["amount"], tax);
        assert_eq!(invoice["total_taxes"][0]["tax_behavior"], behavior);
        assert_eq!(invoice["total_taxes"][0]["taxable_amount"], without);
        assert_eq!(invoice["total_excluding_tax"], without);
        assert_eq!(invoice["subtotal_excluding_tax"], without);
        let session = &plan.shop.fake.state()["checkout_sessions"][0];
        assert_eq!(session["amount_total"], total);
        assert_eq!(session["total_details"]["amount_tax"], tax);
    }
}

#[tokio::test]
async fn a_prices_tax_behavior_overrides_the_accounts() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let path = format!("/v1/prices/{}", shop.monthly);
    let set = [("tax_behavior", "inclusive")];
    assert_eq!(shop.client.post(&path, &set).await.status, 200);
    let again = [("tax_behavior", "exclusive")];
    assert_eq!(shop.client.post(&path, &again).await.status, 400);

    let plan = Plan::begin_with(shop, &TAXED).await;

    let invoice = plan
        .invoice(&plan.subscription().await["latest_invoice"])
        .await;
    assert_eq!(invoice["total"], 2_000);
}

#[tokio::test]
async fn an_invoice_without_a_known_location_stays_a_draft() {
    let plan = taxed(json!({})).await;
    let customer = format!("/_local/customers/{}", plan.shop.customer);
    plan.shop
        .control(&customer, json!({"location": "missing"}))
        .await;
    let draft = plan.roll_over("succeeded").await["invoice"].clone();

    plan.wait(3_600);

    let failed = plan.invoice(&draft["id"]).await;
    assert_eq!(failed["status"], "draft");
    assert_eq!(
        failed["automatic_tax"]["status"],
        "requires_location_inputs"
    );
    let code = &failed["last_finalization_error"]["code"];
    assert_eq!(code, "customer_tax_location_invalid");
    let event = plan.shop.event("invoice.finalization_failed");
    assert_eq!(event["data"]["object"], failed);
    let finalize = format!("/v1/invoices/{}/finalize", id(&draft["id"]));
    let refused = plan.shop.client.post(&finalize, &[]).await;
    assert_eq!(refused.status, 400);
    assert_eq!(
        refused.body["error"]["code"],
        "customer_tax_location_invalid"
    );

    plan.shop
        .control(&customer, json!({"location": "known"}))
        .await;
    let open = plan.shop.client.post(&finalize, &[]).await.body;
    assert_eq!(open["status"], "open");
    assert_eq!(open["automatic_tax"]["status"], "complete");
    assert_eq!(open["last_finalization_error"], json!(null));
}

#[tokio::test]
async fn an_account_without_tax_settings_has_no_automatic_tax() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    shop.control("/_local/settings", json!({"tax": "none"}))
        .await;
    let mut form = vec![
        ("line_items[0][price]", shop.monthly.as_str()),
        ("success_url", "https://a.example/"),
        ("customer", &shop.customer),
    ];
    form.extend(TAXED);
    let create = async || {
        shop.client
            .post("/v1/checkout/sessions", &form)
            .await
            .status
    };
    let set = async |name: &str, value: &str| {
        let form = [(name, value)];
        shop.client.post("/v1/tax/settings", &form).await.body
    };

    let settings = shop.get("/v1/tax/settings").await;
    assert_eq!(settings["status"], "pending");
    assert_eq!(settings["defaults"]["tax_behavior"], json!(null));
    assert_eq!(settings["head_office"], json!(null));
    assert_eq!(create().await, 400);
    let settings = set("head_office[address][country]", "US").await;
    assert_eq!(settings["status"], "active");
    assert_eq!(create().await, 400);
    let settings = set("defaults[tax_behavior]", "exclusive").await;

    assert_eq!(settings["defaults"]["tax_behavior"], "exclusive");
    assert_eq!(settings["head_office"]["address"]["country"], "US");
    assert_eq!(create().await, 200);
}
