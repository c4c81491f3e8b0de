//! The operator's command, in this process.

use std::collections::BTreeMap;

use clap::Parser;
use local::http::Listener;
use serde_json::Value;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::transport::Transport;

use crate::{BASE_PATH, text};

/// Creates at Stripe what the functions need, with webhooks for the API behind `listener`.
pub(crate) async fn set_up_stripe(
    environment: &BTreeMap<String, String>,
    listener: &Listener,
    clock: &Clock,
) -> Value {
    let base_path = environment.get(BASE_PATH).map_or("", String::as_str);
    let webhooks = format!("{}{base_path}/v1/webhooks/stripe", listener.url());
    let arguments = ["stripe-setup", "--webhook-url", &webhooks, "--json"];
    let made = sparks(environment, clock, &arguments)
        .await
        .expect("set up");
    serde_json::from_str(&made).expect("JSON")
}

/// Runs the operator's command in this process; returns its output or its error.
pub(crate) async fn sparks(
    environment: &BTreeMap<String, String>,
    clock: &Clock,
    arguments: &[&str],
) -> Result<String, cli::Error> {
    let (printed, outcome) = sparks_printing(environment, clock, arguments).await;
    outcome.map(|()| printed)
}

/// Runs the operator's command in this process; returns its output even if it fails.
pub(crate) async fn sparks_printing(
    environment: &BTreeMap<String, String>,
    clock: &Clock,
    arguments: &[&str],
) -> (String, Result<(), cli::Error>) {
    let network = Transport::network();
    let (out, _, outcome) = sparks_over(environment, &network, clock, arguments).await;
    (out, outcome)
}

/// Runs the operator's command over a transport; returns its output, its notes and its outcome.
pub(crate) async fn sparks_over(
    environment: &BTreeMap<String, String>,
    transport: &Transport,
    clock: &Clock,
    arguments: &[&str],
) -> (String, String, Result<(), cli::Error>) {
    let command =
        cli::Command::try_parse_from(["sparks"].iter().chain(arguments)).expect("arguments");
    let lookup = |name: &str| environment.get(name).cloned();
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let environment = Environment::from_lookup(&lookup);
    let clock = clock.clone();
    let running = cli::run(command, environment, transport, clock, &mut out, &mut notes);
    let outcome = Box::pin(running).await;
    let [out, notes] = [out, notes].map(|text| String::from_utf8(text).expect("UTF-8"));
    (out, notes, outcome)
}

/// Returns the functions' variables from the output of `sparks stripe-setup`.
pub(crate) fn variables_of(made: &Value) -> [(String, String); 3] {
    let price_ids = made["price_ids"].as_object().expect("price ids").iter();
    let price_ids = price_ids.map(|(item, price_id)| format!("{item}={}", text(price_id)));
    let secrets = ["webhook_secret", "event_destination_secret"].map(|name| text(&made[name]));
    let variables = [
        ("STRIPE_PRICE_IDS", price_ids.collect::<Vec<_>>().join(",")),
        (
            "STRIPE_PORTAL_CONFIGURATION",
            text(&made["portal_configuration"]).to_owned(),
        ),
        ("STRIPE_WEBHOOK_SECRETS", secrets.join(",")),
    ];
    variables.map(|(name, value)| (name.to_owned(), value))
}
