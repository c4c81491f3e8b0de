//! `POST /v1/checkout`.

use lambda_http::Request;
use lambda_http::http::StatusCode;
use shared::edge::Answer;
use shared::edge::request::{self, MAX_BODY};
use shared::payments::checkout::{self, CheckoutBody};

use super::App;

pub(crate) async fn create(app: &App, request: &Request) -> Answer {
    let account = app.edge.own_account(request)?;
    let key = request::idempotency_key(request.headers())?;
    let body: CheckoutBody = request::body(request, MAX_BODY)?;

    let deadline = app.edge.deadline(request);
    let (payments, settings) = (&app.payments, &app.settings);
    let created = checkout::create(payments, settings, &account, &key, &body, &deadline);
    let session = Box::pin(created).await?;

    let mut answer = request::answer(StatusCode::CREATED, &session);
    if session.replayed {
        request::mark_replayed(&mut answer);
    }
    Ok(answer)
}
