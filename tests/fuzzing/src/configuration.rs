//! Environment variables as an operator writes them.

use secrecy::ExposeSecret;
use shared::pricing::catalog::OFFERS;
use shared::process::config::Environment;
use shared::words::return_url::AllowedOrigins;
use url::Url;

use crate::text;

/// Sets every variable to the input. An accepted value must be complete and mean what it says.
pub fn configuration(data: &[u8]) {
    let Some(text) = text(data) else { return };
    let lookup = |_: &str| Some(text.to_owned());
    let environment = Environment::from_lookup(&lookup);
    price_ids(environment, text);
    secrets(environment);
    origins(text);
    stage(environment);
    // `STRIPE_API_BASE` is read only beside a key of Stripe's form.
    let stripe = |name: &str| match name {
        "STRIPE_SECRET_KEY" => Some("sk_test_1".to_owned()),
        _ => Some(text.to_owned()),
    };
    if let Ok(Some(stripe)) = Environment::from_lookup(&stripe).stripe() {
        is_safe(&stripe.base);
    }
    if let Ok(Some(langfuse)) = environment.langfuse() {
        is_safe(&langfuse.host);
    }
    if let Ok(budget) = environment.delivery_budget() {
        assert!((100..=10_000).contains(&budget.as_millis()), "{text:?}");
    }
    if let Ok(Some(id)) = environment.stripe_portal_configuration() {
        let clear = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        assert!(id.bytes().all(clear) && id == text.trim(), "{id:?}");
    }
    let _ = (environment.log_filter(), environment.plan_terms());
}

/// Checks that each item has one price, exactly as the list says.
fn price_ids(environment: Environment<'_>, text: &str) {
    let Ok(price_ids) = environment.stripe_price_ids() else {
        return;
    };
    let items: Vec<&str> = price_ids.keys().map(String::as_str).collect();
    let mut offered = OFFERS.map(|offer| offer.item);
    offered.sort_unstable();
    assert_eq!(items, offered, "{text:?}");
    for (item, price_id) in &price_ids {
        let written = format!("{item}={price_id}");
        let times = text.split(',').filter(|pair| pair.trim() == written);
        assert_eq!(times.count(), 1, "{text:?}");
    }
}

/// Checks that no secret is blank: anyone could sign with a blank one.
fn secrets(environment: Environment<'_>) {
    for secret in environment.stripe_webhook_secrets().unwrap_or_default() {
        let secret = secret.expose_secret();
        assert!(
            !secret.trim().is_empty() && !secret.contains(','),
            "{secret:?}"
        );
    }
}

/// Checks that origins are of https or of this machine. They are written as browsers write them.
fn origins(text: &str) {
    if text.parse::<AllowedOrigins>().is_err() {
        return;
    }
    for origin in text.split(',').map(str::trim) {
        let url = Url::parse(origin).expect("an origin");
        assert_eq!(url.origin().ascii_serialization(), origin);
        assert!(!origin.contains('*'), "{origin}");
        is_safe(origin);
    }
}

fn stage(environment: Environment<'_>) {
    if let Ok(stage) = environment.stage() {
        let clear = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        assert!(
            (1..=40).contains(&stage.len()) && stage.bytes().all(clear),
            "{stage:?}"
        );
    }
}

/// Checks that traffic to an address cannot be read on the way.
fn is_safe(address: &str) {
    let url = Url::parse(address).unwrap_or_else(|error| panic!("{address:?}: {error}"));
    let loopback = matches!(url.host_str(), Some("127.0.0.1" | "[::1]" | "localhost"));
    let safe = url.scheme() == "https" || url.scheme() == "http" && loopback;
    assert!(safe, "{address:?}");
}
