//! `GET /v1/balance`: what an account can spend.

use std::convert::Infallible;

use lambda_http::http::{Method, StatusCode};
use lambda_http::{Body, Request, Response};
use shared::balance;
use shared::clock::Clock;
use shared::config::{self, Environment};
use shared::identity::{Caller, Subject};
use shared::ledger::Ledger;
use shared::patience::{ANSWER_RESERVE, Patience};
use shared::problem::{self, Problem};
use shared::request;
use shared::transport::Transport;

/// What this function may touch.
#[derive(Debug)]
pub struct App {
    ledger: Ledger,
    account_claim: String,
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
            ledger: Ledger::new(&environment.aws()?, &environment.table_name()?, transport),
            account_claim: environment.account_claim(),
            clock,
        })
    }
}

/// Answers a request; whatever goes wrong is a problem in the answer.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Infallible> {
    let answer = async {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/v1/balance") => read_balance(app, &request).await,
            _ => Err(Problem::not_found()),
        }
    };
    Ok(Box::pin(problem::answer(&request, answer)).await)
}

async fn read_balance(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    let subject = subject(app, request)?;
    let now = app.clock.now();
    let patience = Patience::new(&app.clock, now, request::deadline(request), ANSWER_RESERVE);
    let balance = balance::read(&app.ledger, &subject, now, &patience).await?;
    Ok(request::answer(StatusCode::OK, &balance))
}

/// The account that is read: the caller's own, or the one a service names in the query.
fn subject(app: &App, request: &Request) -> Result<Subject, Problem> {
    let caller = Caller::of(request, &app.account_claim)?;
    Ok(caller.subject(request::named_account(request)?)?)
}
