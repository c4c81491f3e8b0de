//! `POST /v1/usage` and `POST /v1/usage/batch`: record an account's usage, and charge it.

use std::convert::Infallible;

use lambda_http::http::StatusCode;
use lambda_http::{Body, Request, Response};
use shared::delivery::Delivery;
use shared::edge::problem::{self, Problem};
use shared::edge::request::{self, MAX_USAGE_BODY};
use shared::ledger::Ledger;
use shared::process::clock::Clock;
use shared::process::config::{self, Environment};
use shared::process::patience::{ANSWER_RESERVE, Patience};
use shared::process::telemetry::{self, Origin};
use shared::process::transport::Transport;
use shared::providers::langfuse::Langfuse;
use shared::providers::stripe::Stripe;
use shared::usage::{
    self, BatchBody, BatchReceipt, ItemReceipt, ProviderCost, UsageBody, UsageReceipt,
};
use shared::words::identity::Caller;

/// The clients and settings of this function.
#[derive(Debug)]
pub struct App {
    ledger: Ledger,
    delivery: Delivery,
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
        let stage = environment.stage()?;
        let langfuse = environment
            .langfuse()?
            .map(|access| Langfuse::new(&access, &stage, transport, &clock));
        let stripe = environment
            .stripe()?
            .map(|access| Stripe::new(&access, transport, &clock));
        Ok(Self {
            ledger: Ledger::new(&environment.aws()?, &environment.table()?, transport),
            delivery: Delivery::new(
                langfuse,
                stripe,
                &stage,
                environment.delivery_budget()?,
                &clock,
            ),
            account_claim: environment.account_claim(),
            accounts_see_cost: environment.show_provider_cost()?,
            origin: Origin::new("record-usage", &stage, &clock),
            problems_url: environment.problems_url()?,
            clock,
        })
    }
}

/// Handles a request; every failure becomes a problem in the response.
pub async fn handle(app: &App, request: Request) -> Result<Response<Body>, Infallible> {
    let answer = async {
        match request::route(&request) {
            "POST /v1/usage" => record(app, &request).await,
            "POST /v1/usage/batch" => record_batch(app, &request).await,
            _ => Err(Problem::not_found()),
        }
    };
    let page = app.problems_url.as_deref();
    Ok(Box::pin(problem::answer(&app.origin, page, &request, answer)).await)
}

async fn record(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request, &app.account_claim)?;
    let cost = ProviderCost::seen_by(&caller, app.accounts_see_cost);
    let key = request::idempotency_key(request.headers())?;
    let mut body: UsageBody = request::body(request, MAX_USAGE_BODY)?;
    let subject = caller.subject(body.account_id.take())?;
    telemetry::account(&subject.account);
    let usage = body.into_usage()?;

    let (now, patience) = app.arrival(request);
    let (recorded, balance) = usage::record(
        &app.ledger,
        &app.delivery,
        &subject,
        &key,
        usage,
        now,
        &patience,
    )
    .await?;

    let receipt = UsageReceipt::new(&recorded, balance, cost);
    let mut answer = request::answer(StatusCode::CREATED, &receipt);
    if recorded.replayed {
        request::mark_replayed(&mut answer);
    }
    Ok(answer)
}

async fn record_batch(app: &App, request: &Request) -> Result<Response<Body>, Problem> {
    let caller = Caller::of(request, &app.account_claim)?;
    let cost = ProviderCost::seen_by(&caller, app.accounts_see_cost);
    let mut body: BatchBody = request::body(request, MAX_USAGE_BODY)?;
    let subject = caller.subject(body.account_id.take())?;
    telemetry::account(&subject.account);
    let items = body.into_items()?;

    let (now, patience) = app.arrival(request);
    let outcomes =
        usage::record_batch(&app.ledger, &app.delivery, &subject, items, now, &patience).await?;

    let results = outcomes.into_iter().map(|(key, outcome)| match outcome {
        Ok(recorded) => ItemReceipt::recorded(key, &recorded, cost),
        Err(error) => {
            let problem = Problem::from(error);
            problem.count();
            let members = problem.members(app.problems_url.as_deref());
            ItemReceipt::refused(key, problem.status().as_u16(), members)
        }
    });
    Ok(request::answer(
        StatusCode::OK,
        &BatchReceipt {
            results: results.collect(),
        },
    ))
}

impl App {
    /// Returns the time of arrival, and the patience for calls to the ledger from then on.
    fn arrival(&self, request: &Request) -> (jiff::Timestamp, Patience) {
        let now = self.clock.now();
        let kept_back = self.delivery.budget() + ANSWER_RESERVE;
        (
            now,
            Patience::new(&self.clock, now, request::deadline(request), kept_back),
        )
    }
}
