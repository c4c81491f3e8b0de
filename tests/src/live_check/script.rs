//! The script: all requests of the product and its operator to Stripe, step by step.
//!
//! A step that fails ends its part, and the next part begins. Every object that is created carries the stage, and is
//! deleted in the end if Stripe allows it. Products, prices, the meter and the configuration of the portal stay, as
//! they do after `sparks stripe-setup`.

mod billing;
mod pages;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use shared::pricing::catalog::PriceIds;
use shared::process::clock::Clock;
use shared::providers::stripe::{self, Made, Stripe};

use super::account::{Account, Failure, STAGE, TIMEOUT};
use super::recorder::{Recorder, Recording};
use super::step::Step;
use crate::operator::sparks_over;

/// The address that webhooks would go to, in a domain that is reserved for examples.
const WEBHOOKS: &str = "https://live-check.example.com/v1/webhooks/stripe";

/// The address that pages lead back to.
const RETURN_URL: &str = "https://live-check.example.com/";

/// A play of the script on one account.
struct Script<'a> {
    account: &'a Account,
    recorder: Recorder,
    stripe: Stripe,
    clock: Clock,
    began: Timestamp,
    /// The name of this run, which makes its keys and identifiers unique.
    run: String,
    /// The paths of the objects to delete in the end.
    leftovers: Vec<String>,
}

/// The objects that `sparks stripe-setup` prints.
#[derive(Deserialize)]
struct SetUp {
    price_ids: PriceIds,
    meter: String,
    webhook_endpoint: String,
    event_destination: String,
    portal_configuration: String,
    changes: Vec<String>,
}

/// The id of an object, which is all that the script needs of most objects.
#[derive(Deserialize)]
struct Id {
    id: String,
}

/// Plays the script on an account; returns everything that was exchanged.
pub async fn play(account: &Account, clock: &Clock) -> Recording {
    let recorder = Recorder::default();
    let mut script = Script {
        account,
        stripe: Stripe::new(&account.access, &recorder.transport(), clock),
        recorder,
        clock: clock.clone(),
        began: clock.now(),
        run: format!("{STAGE}-{:08x}", fastrand::u32(..)),
        leftovers: Vec::new(),
    };
    match script.set_up().await {
        Ok(setup) => script.play_parts(&setup).await,
        Err(failure) => script.recorder.fail(failure.to_string()),
    }
    script.clean_up().await;
    script.recorder.recording()
}

impl Script<'_> {
    async fn play_parts(&mut self, setup: &SetUp) {
        let played = self.pages(setup).await;
        self.note(played);
        let played = Box::pin(self.billing(setup)).await;
        self.note(played);
        // Last, because a meter counts with some delay.
        let played = self.summaries(setup).await;
        self.note(played);
    }

    fn note(&self, played: Result<(), Failure>) {
        if let Err(failure) = played {
            self.recorder.fail(failure.to_string());
        }
    }

    /// Sets the account up, twice: the second time changes nothing.
    async fn set_up(&mut self) -> Result<SetUp, Failure> {
        self.recorder.begin(Step::Setup);
        let made = self.stripe_setup().await?;
        let endpoint = format!("/v1/webhook_endpoints/{}", made.webhook_endpoint);
        let destination = format!("/v2/core/event_destinations/{}", made.event_destination);
        self.leftovers.extend([endpoint, destination]);
        self.recorder.begin(Step::SetupAgain);
        let again = self.stripe_setup().await?;
        if !again.changes.is_empty() {
            return Err(Failure::Unexpected("`stripe-setup` makes changes again"));
        }
        Ok(again)
    }

    async fn stripe_setup(&self) -> Result<SetUp, Failure> {
        let arguments = [
            "stripe-setup",
            "--webhook-url",
            WEBHOOKS,
            "--return-url",
            RETURN_URL,
            "--json",
        ];
        let (variables, transport) = (self.account.variables(), self.recorder.transport());
        let running = sparks_over(&variables, &transport, &self.clock, &arguments);
        let (out, _, outcome) = running.await;
        outcome?;
        serde_json::from_str(&out).map_err(|_| Failure::Unexpected("`stripe-setup` lacks an id"))
    }

    /// Deletes the objects, as far as Stripe allows.
    async fn clean_up(&self) {
        self.recorder.begin(Step::CleanUp);
        for path in &self.leftovers {
            let played = self.delete(path).await;
            self.note(played);
        }
    }

    /// Creates an object from a form.
    async fn make(&self, path: &str, form: &[(&str, &str)], name: &str) -> Result<Id, Failure> {
        let key = self.name(name);
        Ok(self.stripe.make(path, form, &key, TIMEOUT).await?)
    }

    async fn delete(&self, path: &str) -> Result<(), Failure> {
        let transport = self.recorder.transport();
        self.account.delete(&transport, path).await
    }

    /// Returns a name that no other run has.
    fn name(&self, name: &str) -> String {
        format!("{}-{name}", self.run)
    }

    /// Returns the period in which the script creates objects. It is by the account's clock and by its own.
    fn made(&self) -> Made<'static> {
        let hours = SignedDuration::from_hours;
        Made {
            from: self.began - hours(24),
            before: self.began + hours(24 * 60),
            after: None,
        }
    }
}

/// Returns the content, which the answer must have.
fn expected<T>(found: Option<T>, what: &'static str) -> Result<T, Failure> {
    found.ok_or(Failure::Unexpected(what))
}

/// Fails unless Stripe has refused a call.
fn refused<T>(outcome: Result<T, stripe::Error>, what: &'static str) -> Result<(), Failure> {
    match outcome {
        Err(stripe::Error::Refused(_)) => Ok(()),
        Err(error) => Err(error.into()),
        Ok(_) => Err(Failure::Unexpected(what)),
    }
}

/// Accepts a refusal, too: only a difference between the two accounts matters.
fn either<T>(outcome: Result<T, stripe::Error>) -> Result<(), Failure> {
    match outcome {
        Ok(_) | Err(stripe::Error::Refused(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
