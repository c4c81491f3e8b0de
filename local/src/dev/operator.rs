//! Runs the operator's command `sparks`.

use std::collections::BTreeMap;
use std::process::Stdio;

use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use tokio::process::Command;

/// An error of the operator's command.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command does not exist, or cannot be run.
    #[error("cannot run `sparks`")]
    Command(#[source] std::io::Error),
    /// The command failed.
    #[error("`sparks {command}` failed: {said}")]
    Failed {
        /// The first argument.
        command: String,
        /// The output.
        said: String,
    },
    /// The command's output cannot be parsed.
    #[error("`sparks {0}` printed unexpected output")]
    Output(String, #[source] serde_json::Error),
}

/// The Stripe objects of a deployment.
pub(super) struct SetUp {
    /// The prices, as `STRIPE_PRICE_IDS` takes them.
    pub(super) price_ids: String,
    /// The customer portal's configuration.
    pub(super) portal_configuration: String,
    /// The senders of webhooks: the endpoint, and the event destination for thin events.
    pub(super) webhooks: Vec<String>,
}

/// The part of the output of `sparks stripe-setup --json` that is needed.
#[derive(Deserialize)]
struct Printed {
    price_ids: BTreeMap<String, String>,
    portal_configuration: String,
    webhook_endpoint: Option<String>,
    event_destination: Option<String>,
}

/// Runs the operator's command; returns its output.
pub(super) async fn sparks(
    environment: &BTreeMap<String, String>,
    arguments: &[&str],
) -> Result<String, Error> {
    let sparks = std::env::current_exe()
        .map_err(Error::Command)?
        .with_file_name("sparks");
    let output = Command::new(sparks)
        .args(arguments)
        .envs(environment)
        .env_remove("AWS_SESSION_TOKEN")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(Error::Command)?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(Error::Failed {
        command: arguments.first().copied().unwrap_or_default().to_owned(),
        said: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Creates the objects that the functions need at Stripe. If an address is given, a webhook endpoint is one of them.
pub(super) async fn set_up_stripe(
    environment: &BTreeMap<String, String>,
    webhooks: Option<&str>,
) -> Result<SetUp, Error> {
    let mut arguments = vec!["stripe-setup", "--json"];
    arguments.extend(webhooks.iter().flat_map(|url| ["--webhook-url", url]));
    let printed = sparks(environment, &arguments).await?;
    let printed: Printed = serde_json::from_str(&printed)
        .map_err(|error| Error::Output("stripe-setup".to_owned(), error))?;
    let price_ids = printed.price_ids.iter();
    let price_ids = price_ids.map(|(item, price_id)| format!("{item}={price_id}"));
    Ok(SetUp {
        price_ids: price_ids.collect::<Vec<_>>().join(","),
        portal_configuration: printed.portal_configuration,
        webhooks: [printed.webhook_endpoint, printed.event_destination]
            .into_iter()
            .flatten()
            .collect(),
    })
}

/// Returns a random secret that Stripe does not have.
pub(super) fn unknown_secret() -> String {
    let mut bytes = [0; 24];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system has randomness");
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    format!("whsec_{}", digits.collect::<String>())
}
