//! The operator's command, run as an operator would.

use std::collections::BTreeMap;
use std::process::Stdio;

use ring::rand::{SecureRandom, SystemRandom};
use serde::Deserialize;
use tokio::process::Command;

/// Why a command has no result.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The command is not there, or cannot be run.
    #[error("cannot run `sparks`")]
    Command(#[source] std::io::Error),
    /// The command failed.
    #[error("`sparks {command}` failed: {said}")]
    Failed {
        /// Its first word.
        command: String,
        /// What it said.
        said: String,
    },
    /// The command printed something else than expected.
    #[error("`sparks {0}` printed something else than expected")]
    Output(String, #[source] serde_json::Error),
}

/// What there is at Stripe for a deployment.
pub(super) struct SetUp {
    /// The prices, as `STRIPE_PRICE_IDS` takes them.
    pub(super) price_ids: String,
    /// What the customer portal offers.
    pub(super) portal_configuration: String,
    /// Where webhooks are sent from: the endpoint, and the destination of thin events.
    pub(super) webhooks: Vec<String>,
}

/// What `sparks stripe-setup --json` prints, as far as it is needed.
#[derive(Deserialize)]
struct Printed {
    price_ids: BTreeMap<String, String>,
    portal_configuration: String,
    webhook_endpoint: Option<String>,
    event_destination: Option<String>,
}

/// Runs the operator's command; answers what it printed.
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

/// Makes at Stripe what the functions need, with an endpoint for webhooks where there is an address for it.
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

/// A secret that nobody knows.
pub(super) fn unknown_secret() -> String {
    let mut bytes = [0; 24];
    SystemRandom::new()
        .fill(&mut bytes)
        .expect("the system has randomness");
    let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
    format!("whsec_{}", digits.collect::<String>())
}
