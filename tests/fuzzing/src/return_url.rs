//! Addresses that buyers are sent back to.

use shared::words::return_url::{AllowedOrigins, ReturnUrl};
use url::Url;

use crate::text;

/// The allowed origins of this target.
const ORIGINS: [&str; 3] = [
    "https://app.example.com",
    "https://b.example:8443",
    "http://127.0.0.1:8787",
];

/// Stripe's placeholder for the id of the Checkout Session, and such an id.
const PLACE: (&str, &str) = ("{CHECKOUT_SESSION_ID}", "cs_test_a1");

/// Checks that an accepted address leads to an allowed origin. It is written as browsers write it.
///
/// This holds before and after Stripe inserts the session's id.
pub fn return_url(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let allowed: AllowedOrigins = ORIGINS.join(",").parse().expect("origins");
    let Ok(taken) = ReturnUrl::new(text, &allowed) else {
        return;
    };
    assert_eq!(taken.as_str(), text);
    assert!(text.len() <= 2_048, "{}", text.len());
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    let (place, id) = PLACE;
    let sent_to_stripe = taken.with_session_id();
    assert!(sent_to_stripe.contains(place), "{sent_to_stripe}");
    if text.contains(place) {
        assert_eq!(sent_to_stripe, text);
    }
    assert!(ReturnUrl::new(&sent_to_stripe, &allowed).is_ok() || sent_to_stripe.len() > 2_048);
    for address in [text.replace(place, id), sent_to_stripe.replace(place, id)] {
        leads_to_the_app(&address);
    }
}

fn leads_to_the_app(address: &str) {
    let url = Url::parse(address).expect("an address");
    let origin = url.origin().ascii_serialization();
    assert!(ORIGINS.contains(&origin.as_str()), "{address:?}: {origin}");
    assert!(url.username().is_empty() && url.password().is_none());
    let behind = &address[origin.len()..];
    assert!(
        !behind.contains(['\\', '{', '}', '<', '>', '"']),
        "{address:?}"
    );
    // The path stays as written: nothing goes up, is escaped, or is taken for another part.
    let end = behind.find(['?', '#']).unwrap_or(behind.len());
    let path = if end == 0 { "/" } else { &behind[..end] };
    assert_eq!(url.path(), path, "{address:?}");
    assert!(!path.contains("//") && !path.contains('@'), "{address:?}");
}
