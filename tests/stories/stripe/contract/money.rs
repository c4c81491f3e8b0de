//! Money returned in each of the ways that Stripe offers.

use serde_json::{Value, json};
use tests::World;

fn id(value: &Value) -> &str {
    value["id"].as_str().expect("an id")
}

/// Credits an invoice, raises an early fraud warning, and reads the objects. Then it expires a Checkout Session.
pub(super) async fn move_and_read(world: &World) {
    let state = world.stack.stripe.state();
    let intent = &state["payment_intents"][1];
    credit(world, &state["invoices"][0], id(intent)).await;
    let body = json!({ "payment_intent": intent["id"] });
    let warning = world.at_stripe("/_local/early_fraud_warnings", &body).await;
    let (warning, charge) = (id(&warning.body).to_owned(), warning.body["charge"].clone());
    let charge = charge.as_str().expect("an id");
    let all = "created[gte]=1&created[lt]=9000000000&limit=100";
    let payment = id(intent);
    let transaction = id(&state["balance_transactions"][0]);
    for path in [
        format!("charges/{charge}?expand[]=balance_transaction"),
        format!("payment_intents/{payment}?expand[]=latest_charge.balance_transaction"),
        format!("balance_transactions/{transaction}"),
        format!("radar/early_fraud_warnings/{warning}"),
        format!("radar/early_fraud_warnings?charge={charge}&payment_intent={payment}&{all}"),
    ] {
        world.get_from_stripe(&format!("/v1/{path}")).await;
    }
    let open = world.open("acct_c", "pack_500k").await;
    let path = format!("/v1/checkout/sessions/{open}/expire");
    world.post_to_stripe(&path, "").await;
}

/// Credits an invoice in each way with one credit note, and voids the note.
async fn credit(world: &World, invoice: &Value, payment: &str) {
    let (invoice, customer) = (id(invoice), invoice["customer"].as_str().expect("an id"));
    let form = format!("payment_intent={payment}&amount=100");
    let refund = world.post_to_stripe("/v1/refunds", &form).await;
    let form = format!(
        "invoice={invoice}&amount=400&credit_amount=100&refund_amount=100&out_of_band_amount=100\
         &refunds[0][refund]={}&refunds[0][amount_refunded]=100&reason=order_change&memo=m\
         &metadata[k]=v",
        id(&refund)
    );
    let note = world.post_to_stripe("/v1/credit_notes", &form).await;
    let note = id(&note);
    let all = "created[gte]=1&created[lt]=9000000000&limit=100";
    for path in [
        format!("credit_notes/{note}?expand[]=refunds.refund"),
        format!("credit_notes?invoice={invoice}&customer={customer}&{all}"),
    ] {
        world.get_from_stripe(&format!("/v1/{path}")).await;
    }
    let void = format!("/_local/credit_notes/{note}/void");
    world.at_stripe(&void, &json!({})).await;
}

/// Returns each payment's charge. Also returns the parts of disputes and credit notes that have no `object` of their
/// own.
pub(super) async fn parts(world: &World, state: &Value) -> Vec<Value> {
    let list = |name: &str| state[name].as_array().expect("a list").clone();
    let mut parts = Vec::new();
    for dispute in list("disputes") {
        let mut card = dispute["payment_method_details"]["card"].clone();
        card["object"] = "dispute_payment_method_details_card".into();
        parts.push(card);
    }
    for note in list("credit_notes") {
        for refund in note["refunds"].as_array().expect("a list") {
            let mut refund = refund.clone();
            refund["object"] = "credit_notes_refund".into();
            parts.push(refund);
        }
    }
    for intent in list("payment_intents") {
        let charge = intent["latest_charge"].as_str().expect("an id");
        let path = format!("/v1/charges/{charge}?expand[]=balance_transaction");
        parts.push(world.get_from_stripe(&path).await);
    }
    parts
}
