//! `GET /v1/balance`, `/v1/usage`, `/v1/ledger` and `/v1/catalog`; `POST /v1/estimate`: reads without a charge.

mod reads;

use lambda_http::Request;
use shared::edge::{Edge, Problem, Served};
use shared::ledger::Ledger;
use shared::process::{Setup, config};

/// The systems and settings that this function uses.
#[derive(Debug)]
pub struct App {
    edge: Edge,
    ledger: Ledger,
}

impl App {
    /// Reads the configuration and prepares the clients, once per environment.
    pub fn new(setup: Setup<'_>) -> Result<Self, config::Error> {
        Ok(Self {
            ledger: Ledger::from_setup(setup)?,
            edge: Edge::with_cost("read-account", setup)?,
        })
    }
}

/// Serves a request.
pub async fn handle(app: &App, request: Request) -> Served {
    let answer = async |route: &str| match route {
        "GET /v1/balance" => Box::pin(reads::balance(app, &request)).await,
        "GET /v1/usage" => Box::pin(reads::usage(app, &request)).await,
        "GET /v1/ledger" => Box::pin(reads::ledger(app, &request)).await,
        "GET /v1/catalog" => reads::catalog(app, &request),
        "POST /v1/estimate" => Box::pin(reads::estimate(app, &request)).await,
        _ => Err(Problem::not_found()),
    };
    app.edge.serve(&request, answer).await
}
