//! The bodies of webhooks signed by Stripe: snapshots and thin events, even of unknown types.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::Method;
use serde::de::IgnoredAny;
use serde_json::json;

use crate::signature_header::signature;
use crate::world::{self, Call, WEBHOOK_SECRET};
use crate::{contract, event};

/// The largest body of a webhook, in bytes.
const LARGEST: usize = 1 << 20;

/// The addresses read from Stripe because of an event. They are the parts before and after the object's id.
const READ: [(&str, &str); 6] = [
    (
        "/v1/checkout/sessions/",
        "?expand[]=line_items&expand[]=payment_intent",
    ),
    ("/v1/invoices/", ""),
    ("/v1/refunds/", ""),
    ("/v1/credit_notes/", ""),
    ("/v1/radar/early_fraud_warnings/", ""),
    ("/v2/core/events/", ""),
];

/// The types of events after which Sparks may be owed.
const OF_MONEY: [&str; 6] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "invoice.paid",
    "refund.created",
    "refund.failed",
    "charge.dispute.created",
];

/// Checks that an event leads only to reads of its object. No payment may be missed.
///
/// An event is acknowledged only if its object could be looked up, and never ignored if Sparks may be owed.
pub fn webhook_event(data: &[u8]) {
    let now = world::now().as_second().to_string();
    let header = format!("t={now},v1={}", signature(WEBHOOK_SECRET, &now, data));
    let Some(arrival) = event::arrival(&event_of(&header, data)) else {
        return;
    };
    let sent = world::with(|world| world.send(arrival.request));
    let (answer, calls) = sent.expect("the function of webhooks");
    let status = answer.status.as_u16();
    let read = contract::plainly_read(data);
    let unmarked = data.strip_prefix("\u{FEFF}".as_bytes()).unwrap_or(data);
    let is_json = serde_json::from_slice::<IgnoredAny>(unmarked).is_ok();
    match &read {
        _ if data.len() > LARGEST => assert_eq!(status, 413),
        None if !is_json => assert_eq!(status, 400, "{answer:?}"),
        Some(body) if !body.is_object() => assert_eq!(status, 422, "{answer:?}"),
        // An ignored field may have an invalid number or escape.
        _ => assert!(
            [200, 400, 422].contains(&status) || status >= 500,
            "{answer:?}"
        ),
    }
    let mut asked_stripe = false;
    for call in &calls {
        if let Call::Stripe(method, path) = call {
            asked_stripe = true;
            is_a_look(method, path);
        }
    }
    if status < 500 {
        assert!(
            !asked_stripe,
            "{status} though Stripe has no such thing: {calls:?}"
        );
    }
    if status == 200 {
        assert_eq!(answer.body, json!({"received": true}));
        let Some(event) = read else { return };
        let kind = event["type"].as_str().unwrap_or_default();
        let ours = event["object"] == "event" && event["livemode"] != true;
        if ours && OF_MONEY.contains(&kind) {
            assert!(!calls.is_empty(), "passed over: {event}");
        }
        // Such an event is neither looked up nor stored for the operator.
        let other = !ours && event["object"] != "v2.core.event";
        assert!(!other || calls.is_empty(), "{event}: {calls:?}");
    } else if status < 500 {
        assert!(calls.is_empty(), "{calls:?}");
    }
}

/// Checks that a call is a read of Stripe, at the object's address alone.
fn is_a_look(method: &Method, path: &str) {
    let of_dispute = path.strip_prefix("/v1/disputes/");
    let of_others = READ
        .iter()
        .find_map(|(before, behind)| path.strip_prefix(before)?.strip_suffix(behind));
    let id = of_dispute.or(of_others);
    let id = id.map(|id| id.split_once('?').map_or(id, |(id, _)| id));
    assert!(
        method == Method::GET && id.is_some_and(contract::is_stripe_id),
        "{method} {path}"
    );
}

fn event_of(header: &str, body: &[u8]) -> Vec<u8> {
    let path = "/v1/webhooks/stripe";
    let http = json!({
        "method": "POST", "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1",
        "userAgent": "Stripe/1.0",
    });
    let event = json!({
        "version": "2.0", "routeKey": format!("POST {path}"), "rawPath": path,
        "rawQueryString": "",
        "headers": {"host": "api.example.com", "stripe-signature": header},
        "requestContext": {
            "http": http, "stage": "$default", "requestId": "r1", "timeEpoch": 0,
        },
        "body": STANDARD.encode(body),
        "isBase64Encoded": true,
    });
    event.to_string().into_bytes()
}
