//! `POST /v1/checkout/{session_id}/verify`: returns the status of a payment, and credits it if it is paid.

use std::convert::Infallible;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use shared::edge::problem::{self, Problem};
use shared::edge::request;
use shared::ledger::Ledger;
use shared::payments::checkout;
use shared::payments::desk::Desk;
use shared::pricing::catalog::Terms;
use shared::process::clock::Clock;
use shared::process::config::{self, Environment};
use shared::process::patience::{ANSWER_RESERVE, Patience};
use shared::process::telemetry::{self, Origin};
use shared::process::transport::Transport;
use shared::providers::stripe::Stripe;
use shared::words::id::SessionId;
use shared::words::identity::Caller;

/// The clients and settings of this function.
#[derive(Debug)]
pub struct App {
    ledger: Ledger,
    stripe: Stripe,
    terms: Terms,
    account_claim: String,
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
            terms: environment.plan_terms()?,
            account_claim: environment.account_claim(),
            origin: Origin::new("verify-payment", &environment.stage()?, &clock),
            problems_url: environment.problems_url()?,
            clock,
        })
    }
}

/// Handles a request; every failure becomes a problem in the response.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Infallible> {
    let answer = async {
        match request::route(&request) {
            "POST /v1/checkout/{session_id}/verify" => verify(app, &request).await,
            _ => Err(Problem::not_found()),
        }
    };
    let page = app.problems_url.as_deref();
    Ok(Box::pin(problem::answer(&app.origin, page, &request, answer)).await)
}

async fn verify(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    let account = Caller::of(request, &app.account_claim)?.own_account()?;
    telemetry::account(&account);
    request::no_body(request)?;
    // A malformed id belongs to no session.
    let session = request::path_parameter(request, "session_id").unwrap_or_default();
    let session: SessionId = session.parse().map_err(|_| checkout::Error::NotFound)?;

    let now = app.clock.now();
    let patience = Patience::new(&app.clock, now, request::deadline(request), ANSWER_RESERVE);
    let desk = Desk {
        ledger: &app.ledger,
        stripe: &app.stripe,
        terms: &app.terms,
    };
    let verified = checkout::verify(desk, &account, &session, now, &patience).await?;
    Ok(request::answer(StatusCode::OK, &verified))
}
