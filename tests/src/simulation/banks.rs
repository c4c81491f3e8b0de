//! Money that goes back: refunds and disputes of a purchase, one after another or at the same time.

use std::sync::Arc;

use fastrand::Rng;
use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use super::World;
use super::plan::Webhooks;

/// The longest wait before money goes back, and where several parts go back at the same time.
const LATER_MS: u64 = 20_000;
const SOON_MS: u64 = 500;
const AT_ONCE_MS: u64 = 10;

/// How many parts go back at most, and how many do where they are small.
const MOST_PARTS: u8 = 4;
const SMALL_PARTS: u8 = 4;

/// A small part is at most one in so many of the payment.
const SMALL_SHARE: u64 = 10;

/// How the parts of a payment go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parts {
    /// Some of any size, within seconds.
    Later,
    /// Some of any size, within less than a second.
    Any,
    /// Many at the same moment, so small that most of them fit into the payment.
    Small,
}

/// Gives parts of a payment back, or has a bank take them. Without webhooks nobody would hear of it.
pub(super) async fn take_back(world: &Arc<World>, session: &str, random: &mut Rng) {
    if world.plan.webhooks == Webhooks::Never || random.u8(0..4) == 0 {
        return;
    }
    let Some((payment, cents)) = world.paid(session).await else {
        return;
    };
    let parts = if random.bool() {
        Parts::Any
    } else {
        Parts::Later
    };
    take_parts(world, &payment, cents, parts, random).await;
}

/// Takes small parts of a pack's payment, all at once.
pub(super) async fn take_back_of_pack(world: &Arc<World>, session: &str, random: &mut Rng) {
    if let Some((payment, cents)) = world.paid(session).await {
        take_parts(world, &payment, cents, Parts::Small, random).await;
    }
}

/// Takes parts of an invoice's payment.
pub(super) async fn take_back_of(
    world: &Arc<World>,
    invoice: &str,
    parts: Parts,
    random: &mut Rng,
) {
    if let Some((payment, cents)) = world.paid_invoice(invoice) {
        take_parts(world, &payment, cents, parts, random).await;
    }
}

async fn take_parts(world: &Arc<World>, payment: &str, total: u64, parts: Parts, random: &mut Rng) {
    let (count, most, longest_ms) = match parts {
        Parts::Later => (random.u8(1..=MOST_PARTS), total, LATER_MS),
        Parts::Any => (random.u8(1..=MOST_PARTS), total, SOON_MS),
        Parts::Small => (SMALL_PARTS, (total / SMALL_SHARE).max(1), AT_ONCE_MS),
    };
    let parts = (0..count).map(|_| part(world, payment, most, longest_ms, random.fork()));
    let parts: Vec<_> = parts.collect();
    join_all(parts).await;
}

/// Takes one part of at most so many cents, which may come to nothing afterwards.
async fn part(world: &Arc<World>, payment: &str, most: u64, longest_ms: u64, mut random: Rng) {
    world.pause(&mut random, longest_ms).await;
    let cents = random.u64(1..=most);
    if random.bool() {
        let form = format!("payment_intent={payment}&amount={cents}");
        let refund = world
            .stripe_itself(Method::POST, "/v1/refunds", &form)
            .await;
        if let Some(refund) = refund["id"].as_str()
            && random.u8(0..3) == 0
        {
            world.pause(&mut random, longest_ms).await;
            let path = format!("/_local/refunds/{refund}");
            world.at_stripe(&path, &json!({"status": "failed"})).await;
        }
    } else {
        let body = json!({
            "payment_intent": payment, "amount": cents, "status": "needs_response", "new": true
        });
        let dispute = world.at_stripe("/_local/disputes", &body).await;
        if let Some(dispute) = dispute["id"].as_str() {
            world.pause(&mut random, longest_ms).await;
            let path = format!("/_local/disputes/{dispute}");
            let status = ["won", "lost"][random.usize(0..2)];
            world.at_stripe(&path, &json!({ "status": status })).await;
        }
    }
}

impl World {
    /// The payment that a page was paid with, or a plan's first invoice, and what was paid; nothing where it is not paid.
    async fn paid(&self, session: &str) -> Option<(String, u64)> {
        let path = format!("/v1/checkout/sessions/{session}");
        let session = self.stripe_itself(Method::GET, &path, "").await;
        if session["payment_status"] != "paid" {
            return None;
        }
        if let Some(payment) = session["payment_intent"].as_str() {
            return Some((payment.to_owned(), session["amount_total"].as_u64()?));
        }
        self.paid_invoice(session["invoice"].as_str()?)
    }

    fn paid_invoice(&self, invoice: &str) -> Option<(String, u64)> {
        let state = self.stripe.state();
        let paid = state["invoice_payments"].as_array()?.iter();
        let mut of_it = paid.filter(|paid| paid["invoice"] == invoice);
        let paid: &Value = of_it.next()?;
        let payment = paid["payment"]["payment_intent"].as_str()?;
        Some((payment.to_owned(), paid["amount_paid"].as_u64()?))
    }
}
