//! Refunds, disputes and credit notes of a purchase. They come one after another or at the same time.

use std::sync::Arc;

use fastrand::Rng;
use futures_util::future::join_all;
use http::Method;
use serde_json::json;

use crate::simulation::World;
use crate::simulation::items::{list, owed};
use crate::simulation::plan::Webhooks;

/// The longest waits before a part goes back. They are for few parts, for many, and for many at once.
const LATER_MS: u64 = 20_000;
const SOON_MS: u64 = 500;
const AT_ONCE_MS: u64 = 10;

/// The most parts of one payment that go back, and the number of small parts.
const MOST_PARTS: u8 = 4;
const SMALL_PARTS: u8 = 6;

/// The largest small part is the payment divided by this.
const SMALL_SHARE: u64 = 10;

/// The sizes and times of the parts that go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulation) enum Parts {
    /// Some of any size, within seconds.
    Later,
    /// Many of any size, within less than a second.
    Any,
    /// Many at the same moment, so small that most of them fit into the payment.
    Small,
}

/// Refunds, disputes or credits parts of a payment; skipped without webhooks, which alone report it.
pub(in crate::simulation) async fn take_back(world: &Arc<World>, session: &str, random: &mut Rng) {
    if world.plan.webhooks == Webhooks::Never || random.u8(0..4) == 0 {
        return;
    }
    let Some(paid) = world.paid(session).await else {
        return;
    };
    let parts = if random.bool() {
        Parts::Any
    } else {
        Parts::Later
    };
    take_parts(world, &paid, parts, random).await;
}

/// Takes back small parts of a pack's payment, all at once.
pub(in crate::simulation) async fn take_back_of_pack(
    world: &Arc<World>,
    session: &str,
    random: &mut Rng,
) {
    if let Some(paid) = world.paid(session).await {
        take_parts(world, &paid, Parts::Small, random).await;
    }
}

/// Takes back parts of an invoice's payment.
pub(in crate::simulation) async fn take_back_of(
    world: &Arc<World>,
    invoice: &str,
    parts: Parts,
    random: &mut Rng,
) {
    if let Some(paid) = world.paid_invoice(invoice) {
        take_parts(world, &paid, parts, random).await;
    }
}

async fn take_parts(world: &Arc<World>, paid: &Paid, parts: Parts, random: &mut Rng) {
    let total = paid.cents;
    let (count, most, longest_ms) = match parts {
        Parts::Later => (random.u8(1..=MOST_PARTS), total, LATER_MS),
        Parts::Any => (MOST_PARTS, total, SOON_MS),
        Parts::Small => (SMALL_PARTS, (total / SMALL_SHARE).max(1), AT_ONCE_MS),
    };
    let parts = (0..count).map(|_| part(world, paid, most, longest_ms, random.fork()));
    let parts: Vec<_> = parts.collect();
    join_all(parts).await;
}

/// Takes back one part of at most `most` cents, which may be undone afterwards.
async fn part(world: &Arc<World>, paid: &Paid, most: u64, longest_ms: u64, mut random: Rng) {
    world.pause(&mut random, longest_ms).await;
    let cents = random.u64(1..=most);
    match (&paid.invoice, &paid.payment, random.u8(0..5)) {
        (Some(invoice), _, 0) | (Some(invoice), None, _) => {
            credit(world, invoice, cents, longest_ms, &mut random).await;
        }
        (_, Some(payment), 0..3) => refund(world, payment, cents, longest_ms, &mut random).await,
        (_, Some(payment), _) => dispute(world, payment, cents, longest_ms, &mut random).await,
        (None, None, _) => {}
    }
}

/// Refunds a part of a payment, which may fail.
async fn refund(world: &World, payment: &str, cents: u64, longest_ms: u64, random: &mut Rng) {
    let is_pending = random.bool();
    let refund = if is_pending {
        let body = json!({ "payment_intent": payment, "amount": cents, "status": "pending" });
        world.at_stripe("/_local/refunds", &body).await
    } else {
        let form = format!("payment_intent={payment}&amount={cents}");
        world
            .stripe_itself(Method::POST, "/v1/refunds", &form)
            .await
    };
    let status = match random.u8(0..3) {
        0 => "failed",
        1 if is_pending => "succeeded",
        _ => return,
    };
    if let Some(refund) = refund["id"].as_str() {
        world.pause(random, longest_ms).await;
        let path = format!("/_local/refunds/{refund}");
        world.at_stripe(&path, &json!({ "status": status })).await;
    }
}

/// Disputes a part of a payment; some disputes are prevented, the others are decided.
async fn dispute(world: &World, payment: &str, cents: u64, longest_ms: u64, random: &mut Rng) {
    let mut body = json!({
        "payment_intent": payment, "amount": cents, "status": "needs_response", "new": true
    });
    let is_prevented = random.u8(0..3) == 0;
    if is_prevented {
        body["status"] = "prevented".into();
        body["case_type"] = ["block", "resolution"][random.usize(0..2)].into();
    }
    let dispute = world.at_stripe("/_local/disputes", &body).await;
    if let Some(dispute) = dispute["id"].as_str().filter(|_| !is_prevented) {
        world.pause(random, longest_ms).await;
        let path = format!("/_local/disputes/{dispute}");
        let status = ["won", "lost"][random.usize(0..2)];
        world.at_stripe(&path, &json!({ "status": status })).await;
    }
}

/// Credits a part of an invoice. It goes to the customer's balance, outside of Stripe or as a refund. It may be voided.
async fn credit(world: &World, invoice: &str, cents: u64, longest_ms: u64, random: &mut Rng) {
    let ways = ["credit_amount", "out_of_band_amount", "refund_amount"];
    let way = ways[random.usize(0..ways.len())];
    let form = format!("invoice={invoice}&amount={cents}&{way}={cents}");
    let note = world
        .stripe_itself(Method::POST, "/v1/credit_notes", &form)
        .await;
    if let Some(note) = note["id"].as_str()
        && random.u8(0..3) == 0
    {
        world.pause(random, longest_ms).await;
        let path = format!("/_local/credit_notes/{note}/void");
        world.at_stripe(&path, &json!({})).await;
    }
}

/// A Checkout Session or an invoice that was paid.
struct Paid {
    /// The payment; None if the customer's balance has paid all of it.
    payment: Option<String>,
    invoice: Option<String>,
    /// The amount of the payment; without one, the whole amount.
    cents: u64,
}

impl World {
    /// Returns the payment of a Checkout Session or of a plan's first invoice. None if it is not paid.
    async fn paid(&self, session: &str) -> Option<Paid> {
        let path = format!("/v1/checkout/sessions/{session}");
        let session = self.stripe_itself(Method::GET, &path, "").await;
        if session["payment_status"] != "paid" {
            return None;
        }
        if let Some(payment) = session["payment_intent"].as_str() {
            return Some(Paid {
                payment: Some(payment.to_owned()),
                invoice: None,
                cents: session["amount_total"].as_u64()?,
            });
        }
        self.paid_invoice(session["invoice"].as_str()?)
    }

    fn paid_invoice(&self, invoice: &str) -> Option<Paid> {
        let state = self.stripe.state();
        let mut invoices = list(&state["invoices"]);
        let owed = owed(invoices.find(|one| one["id"] == invoice)?);
        let mut payments = list(&state["invoice_payments"]);
        let payment = payments.find(|paid| paid["invoice"] == invoice && paid["status"] == "paid");
        let amount = payment.and_then(|paid| paid["amount_paid"].as_u64());
        let id = payment.and_then(|paid| paid["payment"]["payment_intent"].as_str());
        Some(Paid {
            payment: id.map(str::to_owned),
            invoice: Some(invoice.to_owned()),
            cents: amount.or(u64::try_from(owed).ok())?,
        })
    }
}
