//! `POST /v1/webhooks/stripe`: verifies an event's signature, and reads the event's object from Stripe.

use std::convert::Infallible;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use secrecy::SecretString;
use serde_json::json;
use shared::edge::problem::{self, Problem};
use shared::edge::request::{self, MAX_WEBHOOK_BODY};
use shared::ledger::Ledger;
use shared::payments::webhook::{self, Desk};
use shared::pricing::catalog::Terms;
use shared::process::clock::Clock;
use shared::process::config::{self, Environment};
use shared::process::patience::{ANSWER_RESERVE, Patience};
use shared::process::telemetry::{self, Metric, Origin};
use shared::process::transport::Transport;
use shared::providers::stripe::{self, Event, Stripe, Unverified};

/// The clients and settings of this function.
#[derive(Debug)]
pub struct App {
    ledger: Ledger,
    stripe: Stripe,
    secrets: Vec<SecretString>,
    terms: Terms,
    origin: Origin,
    problems_url: Option<String>,
    clock: Clock,
}

impl App {
    /// Reads the configuration and prepares the clients, once per environment.
    pub fn new(
        environment: Environment<'_>,
        transport: &Transport,
        clock: Clock,
    ) -> Result<Self, config::Error> {
        Ok(Self {
            ledger: Ledger::new(&environment.aws()?, &environment.table()?, transport),
            stripe: Stripe::new(&environment.required_stripe()?, transport, &clock),
            secrets: environment.stripe_webhook_secrets()?,
            terms: environment.plan_terms()?,
            origin: Origin::new("stripe-webhook", &environment.stage()?, &clock),
            problems_url: environment.problems_url()?,
            clock,
        })
    }
}

/// Handles a request; every failure becomes a problem in the response.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Infallible> {
    let answer = async {
        match request::route(&request) {
            "POST /v1/webhooks/stripe" => receive(app, &request).await,
            _ => Err(Problem::not_found()),
        }
    };
    let page = app.problems_url.as_deref();
    Ok(Box::pin(problem::answer(&app.origin, page, &request, answer)).await)
}

async fn receive(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    // The signature covers these bytes: parsing and serializing them again would change them.
    let body = request::raw_body(request, MAX_WEBHOOK_BODY)?;
    let header = request.headers().get("stripe-signature");
    let header = header.and_then(|value| value.to_str().ok());
    let now = app.clock.now();
    let verified = stripe::verify(header.unwrap_or_default(), body, &app.secrets, now);
    // A malformed or old header, such as a scanner's, says nothing about the secrets, and is not counted.
    if matches!(verified, Ok(()) | Err(Unverified::Signature)) {
        let known = i64::from(verified.is_ok());
        telemetry::count(Metric::WebhookSignatureKnown, known);
    }
    verified?;
    let event: Event = request::json(body)?;

    let patience = Patience::new(&app.clock, now, request::deadline(request), ANSWER_RESERVE);
    let desk = Desk {
        ledger: &app.ledger,
        stripe: &app.stripe,
        terms: &app.terms,
    };
    let received = webhook::receive(desk, &event, now, &patience).await;
    if received.is_err() {
        telemetry::count(Metric::WebhookFailures, 1);
    }
    received?;
    Ok(request::answer(StatusCode::OK, &json!({"received": true})))
}
