//! `POST /v1/webhooks/stripe`: verifies an event's signature, and reads the event's object from Stripe.

mod receive;

use lambda_http::Request;
use secrecy::SecretString;
use shared::edge::{Edge, Problem, Served};
use shared::ledger::Ledger;
use shared::payments::Payments;
use shared::process::{Setup, config};

/// The systems and settings that this function uses.
#[derive(Debug)]
pub struct App {
    edge: Edge,
    payments: Payments,
    secrets: Vec<SecretString>,
}

impl App {
    /// Reads the configuration and prepares the clients, once per environment.
    pub fn new(setup: Setup<'_>) -> Result<Self, config::Error> {
        Ok(Self {
            edge: Edge::for_stripe("stripe-webhook", setup)?,
            payments: Payments::beside(&Ledger::from_setup(setup)?, setup)?,
            secrets: setup.environment.stripe_webhook_secrets()?,
        })
    }
}

/// Serves a request.
pub async fn handle(app: &App, request: Request) -> Served {
    let answer = async |route: &str| match route {
        "POST /v1/webhooks/stripe" => receive::receive(app, &request).await,
        _ => Err(Problem::not_found()),
    };
    app.edge.serve(&request, answer).await
}
