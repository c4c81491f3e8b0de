//! `POST /v1/usage` and `POST /v1/usage/batch`: record an account's usage, and charge it.

mod record;

use lambda_http::Request;
use shared::delivery::Delivery;
use shared::edge::{Edge, Problem, Served};
use shared::ledger::Ledger;
use shared::process::{Setup, config};

/// The systems and settings that this function uses.
#[derive(Debug)]
pub struct App {
    edge: Edge,
    ledger: Ledger,
    delivery: Delivery,
}

impl App {
    /// Reads the configuration and prepares the clients, once per environment.
    pub fn new(setup: Setup<'_>) -> Result<Self, config::Error> {
        let ledger = Ledger::from_setup(setup)?;
        Ok(Self {
            edge: Edge::with_cost("record-usage", setup)?,
            delivery: Delivery::beside(&ledger, setup)?,
            ledger,
        })
    }
}

/// Serves a request.
pub async fn handle(app: &App, request: Request) -> Served {
    let answer = async |route: &str| match route {
        "POST /v1/usage" => record::single(app, &request).await,
        "POST /v1/usage/batch" => record::batch(app, &request).await,
        _ => Err(Problem::not_found()),
    };
    app.edge.serve(&request, answer).await
}
