//! `POST /v1/checkout/{session_id}/verify`: returns the status of a payment, and credits it if it is paid.

mod verify;

use lambda_http::Request;
use shared::edge::{Edge, Problem, Served};
use shared::ledger::Ledger;
use shared::payments::Payments;
use shared::process::{Setup, config};

/// The systems and settings that this function uses.
#[derive(Debug)]
pub struct App {
    edge: Edge,
    payments: Payments,
}

impl App {
    /// Reads the configuration and prepares the clients, once per environment.
    pub fn new(setup: Setup<'_>) -> Result<Self, config::Error> {
        Ok(Self {
            edge: Edge::new("verify-payment", setup)?,
            payments: Payments::beside(&Ledger::from_setup(setup)?, setup)?,
        })
    }
}

/// Serves a request.
pub async fn handle(app: &App, request: Request) -> Served {
    let answer = async |route: &str| match route {
        "POST /v1/checkout/{session_id}/verify" => verify::verify(app, &request).await,
        _ => Err(Problem::not_found()),
    };
    app.edge.serve(&request, answer).await
}
