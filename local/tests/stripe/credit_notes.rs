//! Credit notes of the fake Stripe: amounts taken off an invoice.

use serde_json::{Value, json};

use super::client::Answer;
use super::shop::{Shop, id};

/// Returns a shop, and the id of a plan's paid invoice of 20 dollars.
async fn subscribed() -> (Shop, String) {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let invoice = id(&shop.subscribe().await["latest_invoice"]);
    (shop, invoice)
}

/// Returns a shop, and the id of a plan's invoice of 20 dollars. It is open since its payment failed.
async fn failed() -> (Shop, String) {
    let shop = Shop::open_on("2027-01-31T12:00:00Z").await;
    let subscription = id(&shop.subscribe().await["id"]);
    let path = format!("/_local/subscriptions/{subscription}/renew");
    let renewed = shop
        .control(&path, json!({"outcome": "failed", "now": true}))
        .await;
    (shop, id(&renewed["invoice"]["id"]))
}

async fn credit(shop: &Shop, invoice: &str, more: &[(&str, &str)]) -> Answer {
    let mut form = vec![("invoice", invoice)];
    form.extend_from_slice(more);
    shop.client.post("/v1/credit_notes", &form).await
}

async fn at(shop: &Shop, invoice: &str) -> Value {
    shop.get(&format!("/v1/invoices/{invoice}")).await
}

async fn balance(shop: &Shop) -> Value {
    let path = format!("/v1/customers/{}", shop.customer);
    shop.get(&path).await["balance"].clone()
}

#[tokio::test]
async fn a_credit_goes_to_the_customers_balance() {
    let (shop, invoice) = subscribed().await;
    let before = shop.kinds().len();
    let form = [
        ("amount", "500"),
        ("credit_amount", "500"),
        ("reason", "order_change"),
    ];
    let note = credit(&shop, &invoice, &form).await.body;

    let expected = json!({
        "amount": 500, "customer": shop.customer, "invoice": invoice, "out_of_band_amount": null,
        "post_payment_amount": 500, "pre_payment_amount": 0, "reason": "order_change",
        "refunds": [], "status": "issued", "type": "post_payment", "voided_at": null,
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(note[field], *value, "{field}");
    }
    assert!(note["customer_balance_transaction"].is_string());
    assert_eq!(balance(&shop).await, -500);
    let invoice = at(&shop, &invoice).await;
    assert_eq!(invoice["post_payment_credit_notes_amount"], 500);
    assert_eq!(
        (&invoice["amount_paid"], &invoice["status"]),
        (&json!(2_000), &json!("paid"))
    );
    assert_eq!(
        shop.kinds()[before..],
        ["customer.updated", "credit_note.created"]
    );
    let path = format!("/v1/credit_notes/{}", id(&note["id"]));
    assert_eq!(shop.get(&path).await, note);
    let lines = shop.get(&format!("{path}/lines")).await;
    assert_eq!(lines["data"], note["lines"]["data"]);
}

#[tokio::test]
async fn a_refund_of_a_credit_note_is_linked() {
    let (shop, invoice) = subscribed().await;
    let before = shop.kinds().len();
    let form = [("amount", "500"), ("refund_amount", "500")];
    let note = credit(&shop, &invoice, &form).await.body;

    let refund = shop.fake.state()["refunds"][0].clone();
    assert_eq!(refund["amount"], 500);
    let linked = json!([{
        "amount_refunded": 500, "payment_record_refund": null, "refund": refund["id"],
        "type": "refund",
    }]);
    assert_eq!(note["refunds"], linked);
    assert_eq!(
        shop.kinds()[before..],
        ["refund.created", "charge.refunded", "credit_note.created"]
    );
    assert_eq!(balance(&shop).await, 0);
    let path = format!(
        "/v1/credit_notes/{}?expand[]=refunds.refund",
        id(&note["id"])
    );
    assert_eq!(shop.get(&path).await["refunds"][0]["refund"], refund);
}

#[tokio::test]
async fn an_existing_refund_is_linked_once() {
    let (shop, invoice) = subscribed().await;
    let payment = shop.fake.state()["payment_intents"][0]["id"].clone();
    let body = json!({"payment_intent": payment, "amount": 500});
    let refund = id(&shop.control("/_local/refunds", body).await["id"]);
    let form = [("amount", "500"), ("refunds[0][refund]", &*refund)];

    let note = credit(&shop, &invoice, &form).await.body;
    assert_eq!(note["refunds"][0]["refund"], json!(refund));
    assert_eq!(shop.fake.state()["refunds"].as_array().unwrap().len(), 1);
    assert_eq!(credit(&shop, &invoice, &form).await.status, 400);
    let rest = [("amount", "1500"), ("credit_amount", "1500")];
    assert_eq!(credit(&shop, &invoice, &rest).await.status, 200);
}

#[tokio::test]
async fn a_credit_note_first_reduces_the_amount_still_to_be_paid() {
    let (shop, invoice) = failed().await;
    let note = credit(&shop, &invoice, &[("amount", "500")]).await.body;
    assert_eq!(note["type"], "pre_payment");
    let open = at(&shop, &invoice).await;
    assert_eq!(
        (&open["status"], &open["amount_due"]),
        (&json!("open"), &json!(1_500))
    );
    assert_eq!(open["pre_payment_credit_notes_amount"], 500);

    let before = shop.kinds().len();
    credit(&shop, &invoice, &[("amount", "1500")]).await;
    let paid = at(&shop, &invoice).await;
    assert_eq!(
        (&paid["status"], &paid["amount_remaining"]),
        (&json!("paid"), &json!(0))
    );
    assert_eq!(
        shop.kinds()[before..],
        ["credit_note.created", "invoice.paid"]
    );
}

#[tokio::test]
async fn no_more_than_the_invoices_amount_is_credited() {
    let (shop, invoice) = subscribed().await;
    let unequal = "The sum of credit amount, refund amount and out of band amount ($1.00) must \
                   equal the credit note amount ($5.00).";
    let cases: [(&[(&str, &str)], &str); 8] = [
        (&[], "one of `amount`"),
        (&[("amount", "0")], "greater than or equal to 1"),
        (&[("amount", "500")], "must equal the credit note amount"),
        (&[("amount", "500"), ("credit_amount", "100")], unequal),
        (
            &[("amount", "2001"), ("credit_amount", "2001")],
            "greater than the amount left",
        ),
        (&[("amount", "500"), ("credit_amount", "600")], "must equal"),
        (
            &[("amount", "5"), ("refunds[0][refund]", "re_none")],
            "No such refund",
        ),
        (&[("amount", "5"), ("reason", "bored")], "Invalid reason"),
    ];
    for (form, message) in cases {
        let refused = credit(&shop, &invoice, form).await;
        assert_eq!(refused.status, 400, "{form:?}");
        let told = refused.body["error"]["message"].as_str().unwrap();
        assert!(told.contains(message), "{told}");
    }
    assert_eq!(
        credit(&shop, "in_none", &[("amount", "5")]).await.code(),
        "resource_missing"
    );

    let most = [("amount", "1500"), ("out_of_band_amount", "1500")];
    assert_eq!(credit(&shop, &invoice, &most).await.status, 200);
    let payment = shop.fake.state()["payment_intents"][0]["id"].clone();
    let body = json!({"payment_intent": payment, "amount": 400});
    shop.control("/_local/refunds", body).await;
    let much = [("amount", "101"), ("credit_amount", "101")];
    assert_eq!(
        credit(&shop, &invoice, &much).await.code(),
        "amount_too_large"
    );
    let rest = [("amount", "100"), ("credit_amount", "100")];
    assert_eq!(credit(&shop, &invoice, &rest).await.status, 200);
}

#[tokio::test]
async fn a_credit_note_is_voided_while_its_invoice_is_open() {
    let (shop, invoice) = failed().await;
    let note = id(&credit(&shop, &invoice, &[("amount", "500")]).await.body["id"]);
    let before = shop.kinds().len();
    let path = format!("/v1/credit_notes/{note}/void");
    let voided = shop.client.post(&path, &[]).await.body;

    assert_eq!(voided["status"], "void");
    assert!(voided["voided_at"].is_number());
    assert_eq!(at(&shop, &invoice).await["amount_due"], 2_000);
    assert_eq!(shop.kinds()[before..], ["credit_note.voided"]);
    assert_eq!(shop.client.post(&path, &[]).await.status, 400);
}

#[tokio::test]
async fn a_credit_note_of_a_paid_invoice_is_voided_by_the_control_only() {
    let (shop, invoice) = subscribed().await;
    let form = [("amount", "500"), ("credit_amount", "500")];
    let note = id(&credit(&shop, &invoice, &form).await.body["id"]);
    let refused = shop
        .client
        .post(&format!("/v1/credit_notes/{note}/void"), &[])
        .await;
    assert_eq!(refused.status, 400);

    let path = format!("/_local/credit_notes/{note}/void");
    assert_eq!(shop.control(&path, json!({})).await["status"], "void");
    assert_eq!(balance(&shop).await, 0);
    assert_eq!(
        at(&shop, &invoice).await["post_payment_credit_notes_amount"],
        0
    );
}

#[tokio::test]
async fn credit_notes_are_changed_and_listed() {
    let (shop, invoice) = subscribed().await;
    let form = [("amount", "500"), ("credit_amount", "500")];
    let first = id(&credit(&shop, &invoice, &form).await.body["id"]);
    shop.fake.clock().skip(60);
    let later = shop.fake.clock().now().as_second();
    let second = id(&credit(&shop, &invoice, &form).await.body["id"]);
    let change = [("memo", "Sorry"), ("metadata[a]", "b")];
    let changed = shop
        .client
        .post(&format!("/v1/credit_notes/{first}"), &change)
        .await
        .body;
    assert_eq!(
        (&changed["memo"], &changed["metadata"]),
        (&json!("Sorry"), &json!({"a": "b"}))
    );
    assert_eq!(shop.kinds().last().unwrap(), "credit_note.updated");

    let customer = &shop.customer;
    for (query, expected) in [
        (format!("invoice={invoice}"), vec![&second, &first]),
        (
            format!("customer={customer}&created[gte]={later}"),
            vec![&second],
        ),
        (format!("created[lt]={later}"), vec![&first]),
        ("invoice=in_none".to_owned(), vec![]),
    ] {
        let list = shop.get(&format!("/v1/credit_notes?{query}")).await;
        let ids = list["data"].as_array().unwrap().iter();
        let ids: Vec<String> = ids.map(|note| id(&note["id"])).collect();
        assert_eq!(ids.iter().collect::<Vec<_>>(), expected, "{query}");
    }
}
