//! `POST /v1/checkout/{session_id}/verify`.

use lambda_http::Request;
use lambda_http::http::StatusCode;
use shared::edge::Answer;
use shared::edge::request;
use shared::payments::checkout;
use shared::words::id::SessionId;

use super::App;

pub(crate) async fn verify(app: &App, request: &Request) -> Answer {
    let account = app.edge.own_account(request)?;
    request::no_body(request)?;
    // A malformed id is no session's.
    let session = request::path_parameter(request, "session_id").unwrap_or_default();
    let session: SessionId = session.parse().map_err(|_| checkout::Error::NotFound)?;

    let deadline = app.edge.deadline(request);
    let verified = checkout::verify(&app.payments, &account, &session, &deadline).await?;
    Ok(request::answer(StatusCode::OK, &verified))
}
