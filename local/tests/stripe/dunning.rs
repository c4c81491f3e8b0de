//! Failed charges of the fake Stripe: retries over days, and endings without a payment.

use serde_json::json;

use super::shop::{Plan, id};

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

/// Returns a plan whose renewal has just failed, and the invoice's id.
async fn failed() -> (Plan, String) {
    let plan = Plan::begin().await;
    let body = json!({"outcome": "failed", "now": true});
    let renewed = plan.control("renew", body).await;
    let invoice = id(&renewed["invoice"]["id"]);
    (plan, invoice)
}

#[tokio::test]
async fn a_failed_charge_is_retried_after_3_5_and_7_days() {
    let (plan, invoice) = failed().await;
    let first = plan.invoice(&json!(invoice)).await;
    let mut at = first["created"].as_i64().unwrap();

    for (attempts, days) in [(1, 3), (2, 5), (3, 7)] {
        let shown = plan.invoice(&json!(invoice)).await;
        assert_eq!(shown["attempt_count"], attempts);
        at += days * DAY;
        assert_eq!(shown["next_payment_attempt"], at);
        assert_eq!(plan.subscription().await["status"], "past_due");
        plan.wait(days * DAY);
    }

    let shown = plan.invoice(&json!(invoice)).await;
    assert_eq!(shown["attempt_count"], 4);
    assert_eq!(shown["next_payment_attempt"], json!(null));
    assert_eq!(shown["auto_advance"], false);
}

#[tokio::test]
async fn a_setting_determines_the_end_of_dunning() {
    for (setting, status, last) in [
        (None, "canceled", "customer.subscription.deleted"),
        (Some("unpaid"), "unpaid", "customer.subscription.updated"),
        (Some("past_due"), "past_due", "invoice.payment_failed"),
    ] {
        let (plan, invoice) = failed().await;
        if let Some(setting) = setting {
            plan.settings(json!({"dunning_ends": setting})).await;
        }

        plan.wait(15 * DAY);

        assert_eq!(plan.subscription().await["status"], status);
        assert_eq!(plan.shop.kinds().last().unwrap(), last);
        let invoice = plan.invoice(&json!(invoice)).await;
        assert_eq!(invoice["status"], "open", "{status}");
    }
}

#[tokio::test]
async fn a_retry_has_the_cards_current_outcome() {
    let (plan, invoice) = failed().await;
    plan.wait(3 * DAY);
    plan.control("card", json!({"outcome": "succeeded"})).await;
    let due = plan.invoice(&json!(invoice)).await["next_payment_attempt"].clone();

    plan.wait(6 * DAY);

    let paid = plan.invoice(&json!(invoice)).await;
    assert_eq!(paid["status"], "paid");
    assert_eq!(paid["attempt_count"], 3);
    assert_eq!(paid["status_transitions"]["paid_at"], due);
    assert_eq!(plan.subscription().await["status"], "active");
}

#[tokio::test]
async fn invoices_of_an_unpaid_plan_stay_drafts() {
    let (plan, invoice) = failed().await;
    plan.settings(json!({"dunning_ends": "unpaid"})).await;
    plan.wait(15 * DAY);

    let draft = plan.roll_over("failed").await["invoice"].clone();
    plan.wait(2 * HOUR);

    let draft = plan.invoice(&draft["id"]).await;
    assert_eq!(draft["status"], "draft");
    assert_eq!(draft["auto_advance"], false);
    plan.control("card", json!({"outcome": "succeeded"})).await;
    let pay = format!("/v1/invoices/{invoice}/pay");
    let paid = plan.shop.client.post(&pay, &[]).await.body;
    assert_eq!(paid["status"], "paid");
    assert_eq!(plan.subscription().await["status"], "active");
}

#[tokio::test]
async fn an_open_invoice_may_end_without_a_payment() {
    for (action, form, status, kind) in [
        ("void", vec![], "void", "invoice.voided"),
        (
            "mark_uncollectible",
            vec![],
            "uncollectible",
            "invoice.marked_uncollectible",
        ),
        (
            "pay",
            vec![("paid_out_of_band", "true")],
            "paid",
            "invoice.paid",
        ),
    ] {
        let (plan, invoice) = failed().await;
        let before = plan.shop.kinds().len();

        let path = format!("/v1/invoices/{invoice}/{action}");
        let ended = plan.shop.client.post(&path, &form).await.body;

        assert_eq!(ended["status"], status);
        assert_eq!(
            plan.shop.kinds()[before..],
            [kind, "customer.subscription.updated"]
        );
        assert_eq!(plan.subscription().await["status"], "active", "{action}");
        plan.wait(4 * DAY);
        assert_eq!(plan.shop.kinds().len(), before + 2);
    }
}

#[tokio::test]
async fn an_action_that_does_not_fit_an_invoices_status_is_refused() {
    let (plan, invoice) = failed().await;
    let act = async |action: &str| {
        let path = format!("/v1/invoices/{invoice}/{action}");
        plan.shop.client.post(&path, &[]).await.status
    };

    assert_eq!(act("finalize").await, 400);
    assert_eq!(act("pay").await, 402);
    assert_eq!(act("void").await, 200);
    for action in ["finalize", "pay", "void", "mark_uncollectible"] {
        assert_eq!(act(action).await, 400, "{action}");
    }
}

#[tokio::test]
async fn a_draft_may_be_finalized_and_paid_before_its_hour_is_over() {
    let plan = Plan::begin().await;
    let draft = plan.roll_over("succeeded").await["invoice"].clone();
    let path = format!("/v1/invoices/{}", id(&draft["id"]));

    let open = plan
        .shop
        .client
        .post(&format!("{path}/finalize"), &[])
        .await;
    assert_eq!(open.body["status"], "open");
    let paid = plan.shop.client.post(&format!("{path}/pay"), &[]).await;
    assert_eq!(paid.body["status"], "paid");

    let before = plan.shop.kinds().len();
    plan.wait(2 * HOUR);
    assert_eq!(plan.shop.kinds().len(), before);
}
