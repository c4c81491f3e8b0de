//! Reads an account: `GET /v1/balance`, `GET /v1/usage` and `GET /v1/ledger`.
//!
//! `GET /v1/catalog` lists the items for sale, and `POST /v1/estimate` prices a usage without charging it.

use std::convert::Infallible;

use jiff::Timestamp;
use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use shared::edge::problem::{self, Problem};
use shared::edge::request::{self, AccountQuery, MAX_USAGE_BODY};
use shared::ledger::Ledger;
use shared::pricing::catalog;
use shared::process::clock::Clock;
use shared::process::config::{self, Environment};
use shared::process::patience::{ANSWER_RESERVE, Patience};
use shared::process::telemetry::{self, Origin, Step};
use shared::process::transport::Transport;
use shared::reports::{balance, estimate, history, statement};
use shared::usage::{ProviderCost, UsageBody};
use shared::words::id::AccountId;
use shared::words::identity::{Caller, Subject};

/// The clients and settings of this function.
#[derive(Debug)]
pub struct App {
    ledger: Ledger,
    account_claim: String,
    accounts_see_cost: bool,
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
            account_claim: environment.account_claim(),
            accounts_see_cost: environment.show_provider_cost()?,
            origin: Origin::new("read-account", &environment.stage()?, &clock),
            problems_url: environment.problems_url()?,
            clock,
        })
    }
}

/// Handles a request; every failure becomes a problem in the response.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Infallible> {
    let answer = async {
        match request::route(&request) {
            "GET /v1/balance" => Box::pin(read_balance(app, &request)).await,
            "GET /v1/usage" => Box::pin(read_usage(app, &request)).await,
            "GET /v1/ledger" => Box::pin(read_ledger(app, &request)).await,
            "GET /v1/catalog" => read_catalog(app, &request),
            "POST /v1/estimate" => Box::pin(estimate(app, &request)).await,
            _ => Err(Problem::not_found()),
        }
    };
    let page = app.problems_url.as_deref();
    Ok(Box::pin(problem::answer(&app.origin, page, &request, answer)).await)
}

async fn read_balance(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request, &app.account_claim)?;
    let query: AccountQuery = request::query(request)?;
    let subject = subject(caller, query.account_id)?;
    let (now, patience) = app.arrival(request);
    let balance = balance::read(&app.ledger, &subject, now, &patience);
    let balance = telemetry::step(Step::Read, balance).await?;
    Ok(request::answer(StatusCode::OK, &balance))
}

async fn read_usage(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request, &app.account_claim)?;
    let query: history::Query = request::query(request)?;
    let subject = subject(caller, query.account_id.clone())?;
    let (now, patience) = app.arrival(request);
    let history = history::read(&app.ledger, &subject, &query, now, &patience);
    let history = telemetry::step(Step::Read, history).await?;
    Ok(request::answer(StatusCode::OK, &history))
}

async fn read_ledger(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request, &app.account_claim)?;
    let cost = ProviderCost::seen_by(&caller, app.accounts_see_cost);
    let query: statement::Query = request::query(request)?;
    let subject = subject(caller, query.account_id.clone())?;
    let (now, patience) = app.arrival(request);
    let statement = statement::read(&app.ledger, &subject, &query, cost, now, &patience);
    let statement = telemetry::step(Step::Read, statement).await?;
    Ok(request::answer(StatusCode::OK, &statement))
}

/// Lists the catalogue to every authorized caller; the caller needs no account.
fn read_catalog(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    Caller::of(request, &app.account_claim)?;
    Ok(request::answer(StatusCode::OK, &catalog::listing()))
}

async fn estimate(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request, &app.account_claim)?;
    let cost = ProviderCost::seen_by(&caller, app.accounts_see_cost);
    let mut body: UsageBody = request::body(request, MAX_USAGE_BODY)?;
    let subject = subject(caller, body.account_id.take())?;
    let usage = body.into_usage()?;
    let (now, patience) = app.arrival(request);
    let estimate = estimate::estimate(&app.ledger, &subject, &usage, cost, now, &patience);
    let estimate = telemetry::step(Step::Read, estimate).await?;
    Ok(request::answer(StatusCode::OK, &estimate))
}

/// Returns the account to read: the caller's own, or the one that a service names.
fn subject(caller: Caller, named: Option<AccountId>) -> Result<Subject, Problem> {
    let subject = caller.subject(named)?;
    telemetry::account(&subject.account);
    Ok(subject)
}

impl App {
    /// Returns the time of arrival, and the patience for calls to the ledger from then on.
    fn arrival(&self, request: &Request) -> (Timestamp, Patience) {
        let now = self.clock.now();
        let deadline = request::deadline(request);
        (
            now,
            Patience::new(&self.clock, now, deadline, ANSWER_RESERVE),
        )
    }
}
