//! Stripe's answers: objects, lists and errors.

use std::error::Error as _;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use serde_json::Value;
use shared::pricing::price_id::PriceId;
use shared::process::clock::Clock;
use shared::process::config::StripeAccess;
use shared::process::transport::Transport;
use shared::providers::stripe::{CheckoutSession, Error, Invoice, MeterEvent, Stripe};
use shared::words::money::{Currency, Money};
use shared::words::reversal_kind::ReversalKind;
use shared::words::sparks::Sparks;

use crate::{first_line, text, world};

/// The identifier of the meter event that is sent.
const IDENTIFIER: &str = "use_4f8a1c2e9b7d4f8a1c2e9b7d4f8a1c2e";

/// Text that must never be shown.
const CANARY: &str = "canary";

/// The timeout of a call, by a clock that skips.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Checks the product's Stripe client against any answer.
///
/// The first line is the object to read and the status of the answer, the rest is the body. The client must return what
/// the body says, report a missing object only for a 404, and show Stripe's words in no error.
pub fn stripe_answer(data: &[u8]) {
    let (head, body) = first_line(data);
    let Some((object, status)) = text(head).and_then(|head| head.split_once(' ')) else {
        return;
    };
    let Some(status) = status
        .parse()
        .ok()
        .filter(|status| (200..600).contains(status))
    else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(ask(object, &Answered { status, body }));
}

/// Stripe's answer.
struct Answered<'a> {
    status: u16,
    body: &'a [u8],
}

async fn ask(object: &str, answered: &Answered<'_>) {
    let stripe = stripe(answered);
    match object {
        "session" => {
            let id = "cs_test_a1".parse().expect("an id");
            let found = stripe.checkout_session(&id, TIMEOUT).await;
            answered.found(found, is_session);
        }
        "invoice" => {
            let id = "in_1".parse().expect("an id");
            answered.found(stripe.invoice(&id, TIMEOUT).await, is_invoice);
        }
        "refund" | "dispute" => {
            let reason = if object == "refund" {
                ReversalKind::Refund
            } else {
                ReversalKind::Dispute
            };
            let id = "re_1".parse().expect("an id");
            let found = stripe.money_back(reason, &id, TIMEOUT).await;
            answered.found(found, |back, body| {
                assert_eq!(body["amount"].as_i64(), Some(back.amount.minor()), "{body}");
            });
        }
        "meter_errors" => {
            let found = stripe.meter_errors("evt_1", TIMEOUT).await;
            answered.found(found, |report, body| {
                let count = body["data"]["reason"]["error_count"].as_u64();
                assert_eq!(count.unwrap_or_default(), report.count, "{body}");
                let is_ours = |id: &str| id.starts_with("use_") || id.starts_with("par_");
                let mut errors = report.errors.iter();
                assert!(errors.all(|error| is_ours(error.event.as_str())));
            });
        }
        "payment" => {
            let id = "in_1".parse().expect("an id");
            let found = stripe.payment_of_invoice(&id, TIMEOUT).await;
            if let Err(error) = found {
                answered.is_kept_quiet(&error);
            }
        }
        "meter_event" => {
            let customer = "cus_1".parse().expect("an id");
            let event = MeterEvent {
                identifier: IDENTIFIER,
                customer: &customer,
                value: Sparks::from_milli(1),
                occurred_at: world::now(),
                attempt: 0,
            };
            answered.delivered(stripe.record_meter_event(&event, TIMEOUT).await);
        }
        _ => {}
    }
}

fn stripe(answered: &Answered<'_>) -> Stripe {
    let (status, body) = (answered.status, Bytes::copy_from_slice(answered.body));
    let transport = Transport::in_process(Arc::new(move |_, _| {
        let answer = Response::builder().status(status).body(body.clone());
        Box::pin(std::future::ready(Ok(answer.expect("an answer"))))
    }));
    let access = StripeAccess {
        base: "https://stripe.test".to_owned(),
        secret_key: "sk_test_local".into(),
    };
    Stripe::new(&access, &transport, &Clock::skipping_from(world::now()))
}

impl Answered<'_> {
    fn succeeded(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }

    fn found<T: Debug>(&self, found: Result<Option<T>, Error>, holds: impl Fn(&T, &Value)) {
        match found {
            Ok(Some(object)) => {
                assert!(self.succeeded(), "{} and {object:?}", self.status);
                // An ignored field may have a number that `Value` cannot hold.
                let body = self.json();
                if body.is_object() {
                    holds(&object, &body);
                }
            }
            Ok(None) => assert_eq!(self.status, 404),
            Err(error) => self.is_kept_quiet(&error),
        }
    }

    /// Checks that an event counts as delivered only with Stripe's word. Stripe accepts it, or says that it has it
    /// already.
    fn delivered(&self, outcome: Result<(), Error>) {
        let error = &self.json()["error"];
        let message = error["message"].as_str().unwrap_or_default();
        let had = error["code"] == "duplicate_meter_event"
            || message.contains("already exists") && message.contains(IDENTIFIER);
        match outcome {
            Ok(()) => assert!(
                self.succeeded() || self.status == 400 && had,
                "{}",
                self.status
            ),
            Err(error) => self.is_kept_quiet(&error),
        }
    }

    /// Checks that an error and its causes, which are logged, show no secret.
    ///
    /// Stripe's code and the name of a parameter are no secrets; everything else may be.
    fn is_kept_quiet(&self, error: &Error) {
        let mut body = self.json();
        let told = body
            .get_mut("error")
            .and_then(Value::as_object_mut)
            .map(|told| {
                let told = ["code", "param"].map(|name| told.remove(name).unwrap_or_default());
                Value::from(told.to_vec()).to_string()
            });
        if told.is_some_and(|told| told.contains(CANARY)) {
            return;
        }
        let mut shown = format!("{error} {error:?}");
        let mut cause = error.source();
        while let Some(error) = cause {
            shown.push_str(&error.to_string());
            cause = error.source();
        }
        assert!(!shown.contains(CANARY), "{shown}");
    }
}

fn is_session(session: &CheckoutSession, body: &Value) {
    assert_eq!(body["id"], session.id.as_str(), "{body}");
    assert_eq!(body["livemode"], session.livemode, "{body}");
    assert_eq!(
        body["payment_status"],
        session.payment_status.as_str(),
        "{body}"
    );
    let currency = session.currency.as_ref().map(Currency::as_str);
    assert_eq!(body["currency"].as_str(), currency, "{body}");
    let amounts = [
        ("amount_subtotal", session.subtotal()),
        ("amount_total", session.total()),
    ];
    for (name, amount) in amounts {
        let told = body[name].as_i64().filter(|_| currency.is_some());
        assert_eq!(told, amount.map(Money::minor), "{body}");
    }
    let metadata = session.metadata.iter().flatten();
    for (key, value) in metadata {
        assert_eq!(body["metadata"][key], **value, "{body}");
    }
    for (position, line) in session.line_items.iter().flatten().enumerate() {
        let told = &body["line_items"]["data"][position];
        assert_eq!(
            told["quantity"].as_u64(),
            line.quantity.map(u64::from),
            "{body}"
        );
        let price = line.price.as_ref().map(|price| price.id.as_str());
        assert_eq!(told["price"]["id"].as_str(), price, "{body}");
    }
}

fn is_invoice(invoice: &Invoice, body: &Value) {
    assert_eq!(body["id"], invoice.id.as_str(), "{body}");
    assert_eq!(body["total"], invoice.total().minor(), "{body}");
    assert_eq!(body["currency"], invoice.currency.as_str(), "{body}");
    for (position, line) in invoice.lines.data.iter().enumerate() {
        let told = &body["lines"]["data"][position];
        assert_eq!(told["amount"], invoice.amount_of(line).minor(), "{body}");
        assert_eq!(told["period"]["end"], line.period.end, "{body}");
        assert_eq!(
            told["pricing"]["price_details"]["price"].as_str(),
            line.price_id().map(PriceId::as_str),
            "{body}"
        );
    }
}
