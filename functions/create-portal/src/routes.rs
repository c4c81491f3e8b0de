//! `POST /v1/portal` and `GET /v1/subscription`.

use lambda_http::Request;
use lambda_http::http::StatusCode;
use shared::edge::request::{self, AccountQuery, MAX_BODY};
use shared::edge::{Answer, subject};
use shared::payments::portal::{self, PortalBody};
use shared::payments::subscription;

use super::App;

pub(crate) async fn open(app: &App, request: &Request) -> Answer {
    let account = app.edge.own_account(request)?;
    let body: PortalBody = request::body(request, MAX_BODY)?;

    let deadline = app.edge.deadline(request);
    let (payments, settings) = (&app.payments, &app.settings);
    let page = portal::create(payments, settings, &account, &body, &deadline).await?;
    Ok(request::answer(StatusCode::CREATED, &page))
}

pub(crate) async fn read(app: &App, request: &Request) -> Answer {
    let caller = app.edge.caller(request)?;
    let query: AccountQuery = request::query(request)?;
    let subject = subject(caller, query.account_id)?;

    let deadline = app.edge.deadline(request);
    let standing = subscription::read(&app.payments, &subject, &deadline);
    Ok(request::answer(StatusCode::OK, &Box::pin(standing).await?))
}
