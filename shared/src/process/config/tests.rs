//! Tests of valid and invalid environments.

use super::*;
use secrecy::ExposeSecret;

fn lookup(
    pairs: &'static [(&'static str, &'static str)],
) -> impl Fn(&str) -> Option<String> + Sync {
    |name| {
        pairs
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| (*value).to_owned())
    }
}

#[test]
fn a_missing_variable_is_named() {
    let none = lookup(&[]);
    let error = Environment::from_lookup(&none).table().unwrap_err();
    assert_eq!(
        error.to_string(),
        "the environment variable TABLE_NAME is not set"
    );
}

#[test]
fn provider_addresses_are_https_or_loopback() {
    for (host, accepted) in [
        ("https://cloud.langfuse.com/", true),
        ("http://127.0.0.1:3111", true),
        ("http://localhost:3111", true),
        ("http://cloud.langfuse.com", false),
        ("http://127.0.0.1.example.com", false),
        ("ftp://127.0.0.1", false),
        ("cloud.langfuse.com", false),
        ("https://cloud.langfuse.com:port", false),
        ("https://a.example,https:x//b.example", false),
        ("https://key@cloud.langfuse.com", false),
        ("https://cloud.langfuse.com?x=1", false),
        ("https://cloud.langfuse.com#x", false),
    ] {
        let found =
            |name: &str| Some(if name == "LANGFUSE_HOST" { host } else { "key" }.to_owned());
        assert_eq!(
            Environment::from_lookup(&found).langfuse().is_ok(),
            accepted,
            "{host}"
        );
    }
}

#[test]
fn providers_without_their_key_are_off() {
    let none = lookup(&[]);
    let environment = Environment::from_lookup(&none);
    assert!(environment.stripe().unwrap().is_none());
    assert!(environment.langfuse().unwrap().is_none());
}

#[test]
fn a_partial_provider_configuration_stops_the_start() {
    let half = lookup(&[
        ("LANGFUSE_SECRET_KEY", "sk"),
        ("STRIPE_API_BASE", "https://api.stripe.com"),
    ]);
    let environment = Environment::from_lookup(&half);
    assert_eq!(environment.langfuse().unwrap_err().name, "LANGFUSE_HOST");
    assert_eq!(environment.stripe().unwrap_err().name, "STRIPE_SECRET_KEY");
}

#[test]
fn every_item_needs_a_price_id() {
    let all = "pack_125k=price_1, pack_500k=price_2,pack_2500k=price_3,plus=price_4";
    for (text, accepted) in [
        (all, true),
        ("pack_125k=price_1", false),
        ("pack_125k", false),
        ("", false),
        (&format!("{all},plus=price_5"), false),
        (&format!("{all},other=price_5"), false),
        (&all.replace("price_1", ""), false),
    ] {
        let found = |_: &str| Some(text.to_owned());
        let price_ids = Environment::from_lookup(&found).stripe_price_ids();
        assert_eq!(price_ids.is_ok(), accepted, "{text}");
    }
}

#[test]
fn a_blank_webhook_secret_stops_the_start() {
    for (text, count) in [("whsec_1", Some(1)), ("whsec_1, whsec_2", Some(2))]
        .into_iter()
        .chain(["", " ", ",", "whsec_1,", ",whsec_1", "whsec_1,,whsec_2"].map(|bad| (bad, None)))
    {
        let found = |_: &str| Some(text.to_owned());
        let secrets = Environment::from_lookup(&found).stripe_webhook_secrets();
        assert_eq!(secrets.ok().map(|secrets| secrets.len()), count, "{text:?}");
    }
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let found = lookup(&[("STRIPE_SECRET_KEY", "sk_test_canary")]);
    let access = Environment::from_lookup(&found).stripe().unwrap().unwrap();
    assert_eq!(access.secret_key.expose_secret(), "sk_test_canary");
    assert!(!format!("{access:?}").contains("canary"));
}

/// An environment in which every function starts.
const COMPLETE: [(&str, &str); 19] = [
    ("TABLE_NAME", "sparks"),
    ("STAGE", "prod"),
    ("DELIVERY_BUDGET_MS", "3000"),
    ("AWS_REGION", "eu-central-1"),
    ("AWS_ACCESS_KEY_ID", "AKIA"),
    ("AWS_SECRET_ACCESS_KEY", "secret"),
    ("STRIPE_SECRET_KEY", "sk_test_1"),
    (
        "STRIPE_PRICE_IDS",
        "pack_125k=price_1,pack_500k=price_2,pack_2500k=price_3,plus=price_4",
    ),
    ("STRIPE_WEBHOOK_SECRETS", "whsec_1"),
    ("STRIPE_PORTAL_CONFIGURATION", "bpc_1"),
    ("ALLOWED_ORIGINS", "https://app.example.com"),
    ("PLAN_GRACE_HOURS", "24"),
    ("CHECKOUT_PROMOTION_CODES", "false"),
    ("CHECKOUT_AUTOMATIC_TAX", "false"),
    ("SHOW_PROVIDER_COST", "false"),
    ("LANGFUSE_HOST", "https://cloud.langfuse.com"),
    ("LANGFUSE_PUBLIC_KEY", "pk"),
    ("LANGFUSE_SECRET_KEY", "sk"),
    ("RUST_LOG", "info"),
];

/// Returns the faulty variables of a complete environment in which one variable has this value.
fn faults(changed: &str, value: &str) -> Vec<&'static str> {
    let found = |name: &str| {
        if name == changed {
            return Some(value.to_owned());
        }
        let mut complete = COMPLETE.iter();
        let known = complete.find(|(known, _)| *known == name);
        known.map(|(_, value)| (*value).to_owned())
    };
    let faults = Environment::from_lookup(&found).faults().into_iter();
    faults.map(|fault| fault.name).collect()
}

#[test]
fn missing_variables_are_reported_unless_there_is_a_default() {
    assert_eq!(faults("", ""), [""; 0]);
    let with_default = [
        "DELIVERY_BUDGET_MS",
        "STRIPE_PORTAL_CONFIGURATION",
        "PLAN_GRACE_HOURS",
        "CHECKOUT_PROMOTION_CODES",
        "CHECKOUT_AUTOMATIC_TAX",
        "SHOW_PROVIDER_COST",
        "RUST_LOG",
    ];
    for (name, _) in COMPLETE {
        let expected = if with_default.contains(&name) {
            vec![]
        } else {
            vec![name]
        };
        assert_eq!(faults(name, " "), expected);
    }
}

#[test]
fn malformed_variables_are_reported_once() {
    for (name, value) in [
        ("STAGE", "Prod"),
        ("DELIVERY_BUDGET_MS", "0"),
        ("DELIVERY_BUDGET_MS", "10001"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "http://example.com"),
        ("STRIPE_SECRET_KEY", "pk_live_1"),
        ("STRIPE_API_BASE", "http://example.com"),
        ("STRIPE_PRICE_IDS", "pack_125k=price_1"),
        ("STRIPE_WEBHOOK_SECRETS", "whsec_1,"),
        ("STRIPE_PORTAL_CONFIGURATION", "bpc 1"),
        ("ALLOWED_ORIGINS", "*"),
        ("PLAN_GRACE_HOURS", "-1"),
        ("CHECKOUT_PROMOTION_CODES", "yes"),
        ("CHECKOUT_AUTOMATIC_TAX", "yes"),
        ("SHOW_PROVIDER_COST", "yes"),
        ("LANGFUSE_HOST", "cloud.langfuse.com"),
        ("RUST_LOG", "shared=loud"),
    ] {
        assert_eq!(faults(name, value), [name], "{value}");
    }
}

#[test]
fn all_missing_variables_are_reported_together() {
    let none = lookup(&[]);
    let found = Environment::from_lookup(&none).faults().into_iter();
    let mut names: Vec<&str> = found.map(|fault| fault.name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "ALLOWED_ORIGINS",
            "AWS_ACCESS_KEY_ID",
            "AWS_REGION",
            "AWS_SECRET_ACCESS_KEY",
            "STAGE",
            "STRIPE_PRICE_IDS",
            "STRIPE_SECRET_KEY",
            "STRIPE_WEBHOOK_SECRETS",
            "TABLE_NAME",
        ]
    );
}
