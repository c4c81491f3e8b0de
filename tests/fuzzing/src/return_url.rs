//! Where buyers may be sent back to.

use shared::words::return_url::{AllowedOrigins, ReturnUrl};
use url::Url;

use crate::text;

/// What the app of this target has.
const ORIGINS: [&str; 3] = [
    "https://app.example.com",
    "https://b.example:8443",
    "http://127.0.0.1:8787",
];

/// What Stripe replaces by the id of the session, and such an id.
const PLACE: (&str, &str) = ("{CHECKOUT_SESSION_ID}", "cs_test_a1");

/// An address that is taken leads to an allowed origin and is written as browsers write it, before and after Stripe has
/// put the session's id in.
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
    // Nothing goes up, and nothing is escaped or taken for another part: the path is as it is written.
    let end = behind.find(['?', '#']).unwrap_or(behind.len());
    let path = if end == 0 { "/" } else { &behind[..end] };
    assert_eq!(url.path(), path, "{address:?}");
    assert!(!path.contains("//") && !path.contains('@'), "{address:?}");
}
