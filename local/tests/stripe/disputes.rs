//! Disputes of the fake Stripe: payments that a buyer's bank claims back.

use serde_json::{Value, json};

use super::refunds::paid;
use super::shop::{Shop, id};

/// Returns the events from an index on: their types, and the statuses of their objects.
fn happened(shop: &Shop, from: usize) -> Vec<(String, String)> {
    let state = shop.fake.state();
    let events = state["events"].as_array().unwrap().iter().skip(from);
    let said = |event: &Value| id(&event["data"]["object"]["status"]);
    events
        .map(|event| (id(&event["type"]), said(event)))
        .collect()
}

fn kinds(happened: &[(String, String)]) -> Vec<&str> {
    happened.iter().map(|(kind, _)| kind.as_str()).collect()
}

#[tokio::test]
async fn a_dispute_takes_the_money_until_it_is_won() {
    let (shop, payment) = paid().await;
    let said = |status: &str| json!({"payment_intent": payment, "status": status});
    let before = shop.kinds().len();

    let made = shop
        .control("/_local/disputes", said("needs_response"))
        .await;
    let won = shop.control("/_local/disputes", said("won")).await;

    assert_eq!(made["amount"], 2_000);
    assert_eq!(made["is_charge_refundable"], false);
    assert_eq!(won["id"], made["id"]);
    let happened = happened(&shop, before);
    assert_eq!(
        kinds(&happened),
        [
            "charge.dispute.created",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.updated",
            "charge.dispute.closed",
            "charge.dispute.funds_reinstated",
        ]
    );
    assert_eq!(happened[4].1, "won");
    let path = format!("/v1/disputes?payment_intent={payment}");
    assert_eq!(shop.get(&path).await["data"], json!([won]));
    let path = format!("/v1/disputes/{}", id(&won["id"]));
    assert_eq!(shop.get(&path).await, won);
}

#[tokio::test]
async fn an_inquiry_takes_nothing_until_it_becomes_a_dispute() {
    let (shop, payment) = paid().await;
    let inquiry = json!({"payment_intent": payment, "status": "warning_needs_response"});
    let before = shop.kinds().len();

    let made = shop.control("/_local/disputes", inquiry).await;
    let path = format!("/_local/disputes/{}", id(&made["id"]));
    shop.control(&path, json!({"status": "warning_under_review"}))
        .await;
    shop.control(&path, json!({"status": "needs_response"}))
        .await;
    shop.control(&path, json!({"status": "lost"})).await;

    assert_eq!(
        kinds(&happened(&shop, before)),
        [
            "charge.dispute.created",
            "charge.dispute.updated",
            "charge.dispute.updated",
            "charge.dispute.funds_withdrawn",
            "charge.dispute.updated",
            "charge.dispute.closed",
        ]
    );
}

#[tokio::test]
async fn a_payment_may_be_disputed_twice() {
    let (shop, payment) = paid().await;
    let open = json!({"payment_intent": payment, "status": "needs_response", "amount": 500});
    let new = json!({"payment_intent": payment, "status": "needs_response", "new": true});

    let first = shop.control("/_local/disputes", open).await;
    let second = shop.control("/_local/disputes", new).await;

    assert_eq!(first["amount"], 500);
    assert_ne!(first["id"], second["id"]);
    assert_eq!(shop.fake.state()["disputes"], json!([first, second]));
    let refused = [("payment_intent", payment.as_str())];
    let refused = shop.client.post("/v1/refunds", &refused).await;
    assert_eq!(refused.code(), "charge_disputed");
}

/// The amount, fee and net amount of a balance transaction.
type Movement = [i64; 3];

fn moved(dispute: &Value) -> Vec<Movement> {
    let moved = dispute["balance_transactions"].as_array().unwrap().iter();
    moved
        .map(|one| ["amount", "fee", "net"].map(|field| one[field].as_i64().unwrap()))
        .collect()
}

/// A chargeback has a fee. A resolution by Visa has none, and other kinds move no money.
#[tokio::test]
async fn a_dispute_lists_its_balance_transactions() {
    const TAKEN: Movement = [-2_000, 1_500, -3_500];
    const RESOLVED: Movement = [-2_000, 0, -2_000];
    const BACK: Movement = [2_000, 0, 2_000];
    let cases: [(&str, Option<&str>, &str, &[Movement]); 8] = [
        ("warning_needs_response", None, "inquiry", &[]),
        ("warning_closed", None, "inquiry", &[]),
        ("prevented", None, "block", &[]),
        ("prevented", Some("block"), "block", &[]),
        ("prevented", Some("resolution"), "resolution", &[RESOLVED]),
        ("needs_response", None, "chargeback", &[TAKEN]),
        ("lost", Some("compliance"), "compliance", &[TAKEN]),
        ("won", None, "chargeback", &[TAKEN, BACK]),
    ];
    for (status, given, case_type, expected) in cases {
        let (shop, payment) = paid().await;
        let body = json!({"payment_intent": payment, "status": status, "case_type": given});
        let dispute = shop.control("/_local/disputes", body).await;

        let details = &dispute["payment_method_details"];
        assert_eq!(details["type"], "card");
        assert_eq!(details["card"]["case_type"], case_type, "{status}");
        assert_eq!(moved(&dispute), expected, "{status} {case_type}");
        let refundable = expected.is_empty() || status == "won";
        assert_eq!(
            dispute["is_charge_refundable"], refundable,
            "{status} {case_type}"
        );
        for transaction in dispute["balance_transactions"].as_array().unwrap() {
            let path = format!("/v1/balance_transactions/{}", id(&transaction["id"]));
            assert_eq!(shop.get(&path).await, *transaction);
            assert_eq!(transaction["source"], dispute["id"]);
        }
    }
}

#[tokio::test]
async fn a_prevented_dispute_is_closed_at_once() {
    let cases: [(&str, &[&str]); 2] = [
        (
            "block",
            &["charge.dispute.created", "charge.dispute.closed"],
        ),
        (
            "resolution",
            &[
                "charge.dispute.created",
                "charge.dispute.funds_withdrawn",
                "charge.dispute.closed",
            ],
        ),
    ];
    for (case_type, expected) in cases {
        let (shop, payment) = paid().await;
        let before = shop.kinds().len();
        let body = json!({
            "payment_intent": payment, "status": "prevented", "case_type": case_type,
        });
        shop.control("/_local/disputes", body).await;

        assert_eq!(shop.kinds()[before..], *expected);
        assert_eq!(shop.fake.state()["refunds"], json!([]));
    }
}

#[tokio::test]
async fn an_escalated_inquiry_becomes_a_chargeback() {
    let (shop, payment) = paid().await;
    let inquiry = json!({"payment_intent": payment, "status": "warning_needs_response"});
    let made = shop.control("/_local/disputes", inquiry).await;
    let path = format!("/_local/disputes/{}", id(&made["id"]));
    let chargeback = shop
        .control(&path, json!({"status": "needs_response"}))
        .await;

    let card = &chargeback["payment_method_details"]["card"];
    assert_eq!(card["case_type"], "chargeback");
    assert_eq!(moved(&chargeback), [[-2_000, 1_500, -3_500]]);
}

#[tokio::test]
async fn winning_a_dispute_twice_returns_the_money_once() {
    let (shop, payment) = paid().await;
    let body = json!({"payment_intent": payment, "status": "won"});
    let made = shop.control("/_local/disputes", body).await;
    let path = format!("/_local/disputes/{}", id(&made["id"]));
    let again = shop.control(&path, json!({"status": "won"})).await;
    assert_eq!(moved(&again), moved(&made));
}

/// The dispute is in euros, and the balance in dollars. A test can set the withdrawn amount.
#[tokio::test]
async fn a_dispute_in_another_currency_is_withdrawn_in_the_balances_currency() {
    for (settled, expected) in [(None, -1_100), (Some(1_043), -1_043)] {
        let (shop, payment) = paid().await;
        let body = json!({
            "payment_intent": payment, "status": "needs_response",
            "currency": "eur", "amount": 1_000, "settled": settled,
        });
        let dispute = shop.control("/_local/disputes", body).await;

        assert_eq!(
            (&dispute["currency"], &dispute["amount"]),
            (&json!("eur"), &json!(1_000))
        );
        let withdrawn = &dispute["balance_transactions"][0];
        assert_eq!(withdrawn["currency"], "usd");
        assert_eq!(withdrawn["amount"], expected);
        assert_eq!(withdrawn["exchange_rate"], json!(1.1));
    }
}

#[tokio::test]
async fn a_dispute_in_another_currency_covers_the_whole_payment_by_default() {
    let (shop, payment) = paid().await;
    let body = json!({
        "payment_intent": payment, "status": "needs_response", "currency": "eur",
    });
    let dispute = shop.control("/_local/disputes", body).await;
    assert_eq!(dispute["amount"], 1_818);
}

#[tokio::test]
async fn a_balance_transaction_may_be_missing() {
    let (shop, payment) = paid().await;
    let off = json!({"balance_transactions": false});
    shop.control("/_local/settings", off).await;
    let body = json!({"payment_intent": payment, "status": "needs_response"});
    let dispute = shop.control("/_local/disputes", body).await;
    assert_eq!(dispute["balance_transactions"], json!([]));
    assert_eq!(dispute["is_charge_refundable"], false);

    let later = shop.buy().await;
    let path = format!("/v1/payment_intents/{later}?expand[]=latest_charge.balance_transaction");
    let charge = shop.get(&path).await["latest_charge"].clone();
    assert_eq!(
        (&charge["object"], &charge["balance_transaction"]),
        (&json!("charge"), &json!(null))
    );
}
