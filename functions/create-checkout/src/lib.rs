//! `POST /v1/checkout`: opens a Checkout Session at Stripe for an item of the catalogue.

mod create;

use lambda_http::Request;
use shared::edge::{Edge, Problem, Served};
use shared::ledger::Ledger;
use shared::payments::Payments;
use shared::payments::checkout::Settings;
use shared::process::{Setup, config};

/// The systems and settings that this function uses.
#[derive(Debug)]
pub struct App {
    edge: Edge,
    payments: Payments,
    settings: Settings,
}

impl App {
    /// Reads the configuration and prepares the clients, once per environment.
    pub fn new(setup: Setup<'_>) -> Result<Self, config::Error> {
        Ok(Self {
            edge: Edge::new("create-checkout", setup)?,
            payments: Payments::beside(&Ledger::from_setup(setup)?, setup)?,
            settings: Settings::new(setup.environment)?,
        })
    }
}

/// Serves a request.
pub async fn handle(app: &App, request: Request) -> Served {
    let answer = async |route: &str| match route {
        "POST /v1/checkout" => Box::pin(create::create(app, &request)).await,
        _ => Err(Problem::not_found()),
    };
    app.edge.serve(&request, answer).await
}
