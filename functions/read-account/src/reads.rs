//! Reads of an account and of the catalogue, and the price of an unrecorded usage.

use lambda_http::Request;
use lambda_http::http::StatusCode;
use shared::edge::request::{self, AccountQuery, MAX_USAGE_BODY};
use shared::edge::{Answer, subject};
use shared::pricing::catalog;
use shared::process::telemetry::{self, Step};
use shared::reports::{balance, estimate, history, statement};
use shared::usage::UsageBody;

use super::App;

pub(crate) async fn balance(app: &App, request: &Request) -> Answer {
    let caller = app.edge.caller(request)?;
    let query: AccountQuery = request::query(request)?;
    let subject = subject(caller, query.account_id)?;
    let deadline = app.edge.deadline(request);
    let balance = balance::read(&app.ledger, &subject, &deadline);
    let balance = telemetry::step(Step::Read, balance).await?;
    Ok(request::answer(StatusCode::OK, &balance))
}

pub(crate) async fn usage(app: &App, request: &Request) -> Answer {
    let caller = app.edge.caller(request)?;
    let query: history::Query = request::query(request)?;
    let subject = subject(caller, query.account_id.clone())?;
    let deadline = app.edge.deadline(request);
    let history = history::read(&app.ledger, &subject, &query, &deadline);
    let history = telemetry::step(Step::Read, history).await?;
    Ok(request::answer(StatusCode::OK, &history))
}

pub(crate) async fn ledger(app: &App, request: &Request) -> Answer {
    let caller = app.edge.caller(request)?;
    let cost = app.edge.cost(&caller);
    let query: statement::Query = request::query(request)?;
    let subject = subject(caller, query.account_id.clone())?;
    let deadline = app.edge.deadline(request);
    let statement = statement::read(&app.ledger, &subject, &query, cost, &deadline);
    let statement = telemetry::step(Step::Read, statement).await?;
    Ok(request::answer(StatusCode::OK, &statement))
}

/// Lists the catalogue for every verified caller: no account is needed.
pub(crate) fn catalog(app: &App, request: &Request) -> Answer {
    app.edge.caller(request)?;
    Ok(request::answer(StatusCode::OK, &catalog::listing()))
}

pub(crate) async fn estimate(app: &App, request: &Request) -> Answer {
    let caller = app.edge.caller(request)?;
    let cost = app.edge.cost(&caller);
    let mut body: UsageBody = request::body(request, MAX_USAGE_BODY)?;
    let subject = subject(caller, body.account_id.take())?;
    let usage = body.into_usage()?;
    let deadline = app.edge.deadline(request);
    let estimate = estimate::estimate(&app.ledger, &subject, &usage, cost, &deadline);
    let estimate = telemetry::step(Step::Read, estimate).await?;
    Ok(request::answer(StatusCode::OK, &estimate))
}
