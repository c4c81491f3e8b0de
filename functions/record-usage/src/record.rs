//! `POST /v1/usage` and `POST /v1/usage/batch`.

use lambda_http::Request;
use lambda_http::http::StatusCode;
use shared::edge::request::{self, MAX_USAGE_BODY};
use shared::edge::{Answer, Problem, subject};
use shared::usage::{self, BatchBody, BatchReceipt, ItemReceipt, UsageBody, UsageReceipt};

use super::App;

pub(crate) async fn single(app: &App, request: &Request) -> Answer {
    let caller = app.edge.caller(request)?;
    let cost = app.edge.cost(&caller);
    let key = request::idempotency_key(request.headers())?;
    let mut body: UsageBody = request::body(request, MAX_USAGE_BODY)?;
    let subject = subject(caller, body.account_id.take())?;
    let usage = body.into_usage()?;

    let deadline = app.edge.deadline_before(request, app.delivery.budget());
    let (ledger, delivery) = (&app.ledger, &app.delivery);
    let recorded = usage::record(ledger, delivery, &subject, &key, usage, &deadline);
    let (recorded, balance) = recorded.await?;

    let receipt = UsageReceipt::new(&recorded, balance, cost);
    let mut answer = request::answer(StatusCode::CREATED, &receipt);
    if recorded.replayed {
        request::mark_replayed(&mut answer);
    }
    Ok(answer)
}

pub(crate) async fn batch(app: &App, request: &Request) -> Answer {
    let caller = app.edge.caller(request)?;
    let cost = app.edge.cost(&caller);
    let mut body: BatchBody = request::body(request, MAX_USAGE_BODY)?;
    let subject = subject(caller, body.account_id.take())?;
    let items = body.into_items()?;

    let deadline = app.edge.deadline_before(request, app.delivery.budget());
    let (ledger, delivery) = (&app.ledger, &app.delivery);
    let outcomes = usage::record_batch(ledger, delivery, &subject, items, &deadline).await?;

    let page = app.edge.problems_url();
    let results = outcomes.into_iter().map(|(key, outcome)| match outcome {
        Ok(recorded) => ItemReceipt::recorded(key, &recorded, cost),
        Err(error) => {
            let (status, members) = Problem::from(error).of_item(page);
            ItemReceipt::refused(key, status, members)
        }
    });
    let results = results.collect();
    Ok(request::answer(StatusCode::OK, &BatchReceipt { results }))
}
