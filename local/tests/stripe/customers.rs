//! Customers of the fake Stripe.

use serde_json::{Value, json};

use super::client::{Client, fake};
use super::shop::{Shop, id};

#[tokio::test]
async fn a_customer_is_created_changed_and_deleted() {
    let fake = fake().await;
    let client = Client::of(&fake);

    let form = [
        ("email", "a@example.com"),
        ("metadata[account]", "acct_1"),
        ("metadata[x]", "y"),
    ];
    let created = client.post("/v1/customers", &form).await.body;
    assert_eq!(created["metadata"], json!({"account": "acct_1", "x": "y"}));
    let path = format!("/v1/customers/{}", created["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.body, created);

    let changed = client
        .post(&path, &[("email", ""), ("metadata[x]", "")])
        .await
        .body;
    assert_eq!(changed["email"], json!(null));
    assert_eq!(changed["metadata"], json!({"account": "acct_1"}));

    let deleted = json!({"id": created["id"], "object": "customer", "deleted": true});
    assert_eq!(client.delete(&path).await.body, deleted);
    assert_eq!(client.get(&path).await.body, deleted);
    assert_eq!(client.post(&path, &[("name", "a")]).await.status, 404);
    assert_eq!(client.get("/v1/customers").await.body["data"], json!([]));
}

#[tokio::test]
async fn an_unknown_customer_is_a_404() {
    let fake = fake().await;

    let answer = Client::of(&fake).get("/v1/customers/cus_no").await;

    assert_eq!((answer.status, answer.code()), (404, "resource_missing"));
    assert_eq!(
        answer.body["error"]["message"],
        "No such customer: 'cus_no'"
    );
}

#[tokio::test]
async fn customers_are_listed_newest_first_a_page_at_a_time() {
    let fake = fake().await;
    let client = Client::of(&fake);
    for email in ["a@x.y", "A@x.y", "a@x.y"] {
        client.post("/v1/customers", &[("email", email)]).await;
    }
    let ids = |list: &Value| -> Vec<String> {
        let data = list["data"].as_array().unwrap().iter();
        data.map(|customer| customer["id"].as_str().unwrap().to_owned())
            .collect()
    };

    let all = client.get("/v1/customers").await.body;
    let [newest, middle, oldest] = ids(&all).try_into().unwrap();
    let same_letters = client.get("/v1/customers?email=a%40x.y").await.body;
    let first = client.get("/v1/customers?limit=2").await.body;
    let next = format!("/v1/customers?limit=2&starting_after={middle}");
    let next = client.get(&next).await.body;
    let back = client
        .get(&format!("/v1/customers?limit=2&ending_before={oldest}"))
        .await
        .body;

    assert!(newest > oldest);
    assert_eq!(ids(&same_letters), [newest.clone(), oldest.clone()]);
    assert_eq!(
        (ids(&first), &first["has_more"]),
        (vec![newest, middle], &json!(true))
    );
    assert_eq!(
        (ids(&next), &next["has_more"]),
        (vec![oldest], &json!(false))
    );
    assert_eq!(ids(&back), ids(&first));
}

/// <https://docs.stripe.com/error-codes#resource-missing>
#[tokio::test]
async fn a_list_of_a_customer_that_does_not_exist_is_refused() {
    let fake = fake().await;
    let client = Client::of(&fake);
    for list in [
        "checkout/sessions",
        "credit_notes",
        "invoices",
        "payment_intents",
        "subscriptions",
    ] {
        let path = format!("/v1/{list}?customer=cus_none&limit=1");
        let answer = client.get(&path).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "resource_missing"),
            "{list}"
        );
        let error = &answer.body["error"];
        assert_eq!(error["param"], "customer");
        assert_eq!(error["message"], "No such customer: 'cus_none'");
    }
}

#[tokio::test]
async fn a_deleted_customers_lists_keep_their_objects() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let subscription = id(&shop.subscribe().await["id"]);
    let customer = &shop.customer;
    shop.client
        .delete(&format!("/v1/customers/{customer}"))
        .await;

    let path = format!("/v1/subscriptions?customer={customer}&status=all");
    let list = shop.get(&path).await;
    let found = &list["data"][0];
    assert_eq!(
        (&found["id"], &found["status"]),
        (&json!(subscription), &json!("canceled"))
    );
    let invoices = shop.get(&format!("/v1/invoices?customer={customer}")).await;
    assert_eq!(invoices["data"].as_array().unwrap().len(), 1);
}

/// <https://docs.stripe.com/api/customers/create>
#[tokio::test]
async fn a_customer_is_created_with_a_test_card_that_pays() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;

    let customer = with_card(&shop, "pm_card_visa", "pm_card_visa").await;
    let subscription = subscribe(&shop, &customer, &[]).await;

    assert_eq!(subscription["status"], "active");
    let settings = &shop.get(&format!("/v1/customers/{customer}")).await["invoice_settings"];
    let method = id(&settings["default_payment_method"]);
    assert!(
        method.starts_with("pm_") && method != "pm_card_visa",
        "{method}"
    );
}

/// <https://docs.stripe.com/testing>
#[tokio::test]
async fn a_test_card_that_never_pays_is_declined_at_once_and_after_a_trial() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let card = "pm_card_chargeCustomerFail";

    let customer = with_card(&shop, card, card).await;
    let at_once = subscribe(&shop, &customer, &[]).await;
    let trial = subscribe(&shop, &customer, &[("trial_period_days", "7")]).await;

    assert_eq!(
        (&at_once["status"], &trial["status"]),
        (&json!("incomplete"), &json!("trialing"))
    );
    let hours = 7 * 24 + 2;
    shop.fake.clock().skip(hours * 3_600);
    shop.fake.stripe().pass_time();
    let path = format!("/v1/subscriptions/{}", id(&trial["id"]));
    let trial = shop.get(&path).await;
    let invoice = format!("/v1/invoices/{}", id(&trial["latest_invoice"]));
    let invoice = shop.get(&invoice).await;
    assert_eq!(
        (
            &trial["status"],
            &invoice["status"],
            &invoice["attempt_count"]
        ),
        (&json!("past_due"), &json!("open"), &json!(1))
    );
}

#[tokio::test]
async fn an_unknown_or_unattached_card_is_refused() {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let default = "invoice_settings[default_payment_method]";
    for (form, param) in [
        (vec![("payment_method", "pm_none")], "payment_method"),
        (vec![(default, "pm_card_visa")], default),
        (
            vec![
                ("payment_method", "pm_card_visa"),
                (default, "pm_card_chargeCustomerFail"),
            ],
            default,
        ),
    ] {
        let answer = shop.client.post("/v1/customers", &form).await;
        assert_eq!(
            (answer.status, answer.code()),
            (400, "resource_missing"),
            "{form:?}"
        );
        assert_eq!(answer.body["error"]["param"], param);
    }
}

/// Creates a customer with a card; returns the id.
async fn with_card(shop: &Shop, card: &str, default: &str) -> String {
    let form = [
        ("payment_method", card),
        ("invoice_settings[default_payment_method]", default),
    ];
    id(&shop.client.post("/v1/customers", &form).await.body["id"])
}

/// Subscribes a customer through the API; returns the subscription.
async fn subscribe(shop: &Shop, customer: &str, more: &[(&str, &str)]) -> Value {
    let mut form = vec![
        ("customer", customer),
        ("items[0][price]", shop.monthly.as_str()),
    ];
    form.extend_from_slice(more);
    shop.client.post("/v1/subscriptions", &form).await.body
}
