//! The start of every run. It has the template's table, Stripe as the operator sets it up, and the functions'
//! variables.

mod secrets;

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use local::http::Reply;
use local::stack::TABLE;
use local::stripe::{SECRET_KEY, Stripe};
use local::template::Template;
use serde_json::Value;
use shared::process::clock::Clock;
use shared::process::transport::{Error, Transport};

use crate::logs::AWS_SECRET;
use crate::operator::{sparks_over, variables_of};

/// The time at which Stripe is set up, which is before every run.
const SET_UP_AT: &str = "2026-11-22T08:00:00Z";

/// The part that all runs share.
pub(super) struct Setting {
    /// The template's table.
    pub(super) table: Value,
    /// A copy of Stripe after its setup.
    pub(super) stripe: Vec<u8>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) webhook_secret: String,
    pub(super) thin_secret: String,
}

impl Setting {
    /// Returns the setting, which is made once because each run would make the same.
    pub(super) fn get() -> &'static Self {
        static SETTING: OnceLock<Setting> = OnceLock::new();
        SETTING.get_or_init(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_time()
                .start_paused(true)
                .build();
            runtime.expect("a runtime").block_on(Self::make())
        })
    }

    /// Creates at Stripe what a deployment needs, as the operator does.
    async fn make() -> Self {
        let clock = Clock::starting_at(SET_UP_AT.parse().expect("a time"));
        let told = clock.clone();
        let stripe = Stripe::new(local::clock::Clock::told_by(move || told.now()));
        let (at_stripe, mut environment) = (stripe.clone(), environment());
        let transport = Transport::in_process(Arc::new(move |request, _| {
            let stripe = at_stripe.clone();
            Box::pin(async move {
                match stripe.handle(request).await {
                    Reply::Answer(answer) => Ok(answer),
                    Reply::HangUp => Err(Error::Broken("Stripe hangs up".into())),
                }
            })
        }));
        let webhooks = "https://api.local/v1/webhooks/stripe";
        let arguments = ["stripe-setup", "--webhook-url", webhooks, "--json"];
        let (made, _, outcome) = sparks_over(&environment, &transport, &clock, &arguments).await;
        outcome.expect("set up");
        let made: Value = serde_json::from_str(&made).expect("JSON");
        let text = |name: &str| made[name].as_str().unwrap_or_default().to_owned();
        environment.extend(variables_of(&made));
        let template = Template::of_the_project(&Template::local_parameters());
        Self {
            table: template
                .expect("the template")
                .table_definition(TABLE)
                .clone(),
            stripe: stripe.copy().expect("a copy of Stripe"),
            environment,
            webhook_secret: text("webhook_secret"),
            thin_secret: text("event_destination_secret"),
        }
    }
}

fn environment() -> BTreeMap<String, String> {
    let variables = [
        ("TABLE_NAME", TABLE),
        ("STAGE", "local"),
        ("ALLOWED_ORIGINS", "https://app.local"),
        ("STRIPE_API_BASE", "https://stripe.local"),
        ("STRIPE_SECRET_KEY", SECRET_KEY),
        ("LANGFUSE_HOST", "https://langfuse.local"),
        ("LANGFUSE_PUBLIC_KEY", "pk-lf-local"),
        ("LANGFUSE_SECRET_KEY", "sk-lf-local"),
        ("AWS_ENDPOINT_URL_DYNAMODB", "https://dynamodb.local"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", AWS_SECRET),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    variables.into()
}
