//! `POST /v1/webhooks/stripe`.

use lambda_http::Request;
use lambda_http::http::StatusCode;
use serde_json::json;
use shared::edge::Answer;
use shared::edge::request::{self, MAX_WEBHOOK_BODY};
use shared::payments::webhook;

use super::App;

pub(crate) async fn receive(app: &App, request: &Request) -> Answer {
    // The bytes as they were signed: reading and writing them again would change them.
    let body = request::raw_body(request, MAX_WEBHOOK_BODY)?;
    let header = request.headers().get("stripe-signature");
    let header = header.and_then(|value| value.to_str().ok());
    let deadline = app.edge.deadline(request);
    webhook::verify(
        header.unwrap_or_default(),
        body,
        &app.secrets,
        deadline.start(),
    )?;

    let event = request::json(body)?;
    webhook::receive(&app.payments, &event, &deadline).await?;
    Ok(request::answer(StatusCode::OK, &json!({"received": true})))
}
