//! Lambda's Invoke API for programs on this machine, as `cargo lambda invoke` calls it.
//!
//! A function trusts the claims of an event, so a web page must not be able to send one. `cargo lambda watch` accepts
//! events from any page that finds its port. That port is therefore random, and this server is in front of it.

use http::header::ORIGIN;
use http::{Method, StatusCode};

use super::Shared;
use crate::http::{Request, Response, json, text};

/// Invokes the function in the path with the event in the body.
pub(super) async fn handle(shared: &Shared, request: &Request) -> Response {
    // Browsers put an `Origin` into every POST of a page; other programs send none.
    if request.headers().contains_key(ORIGIN) {
        return text(StatusCode::FORBIDDEN, "web pages may not send events");
    }
    let path = request.uri().path();
    let function = path
        .strip_prefix("/2015-03-31/functions/")
        .and_then(|rest| rest.strip_suffix("/invocations"))
        .filter(|name| shared.template.functions.contains_key(*name));
    let Some(function) = function.filter(|_| request.method() == Method::POST) else {
        return text(StatusCode::NOT_FOUND, "no such function");
    };
    let Ok(event) = serde_json::from_slice(request.body()) else {
        return text(StatusCode::BAD_REQUEST, "the event is not JSON");
    };
    match shared.invoke(function, event).await {
        Some(answer) => json(StatusCode::OK, &answer),
        None => text(StatusCode::BAD_GATEWAY, "the function failed or timed out"),
    }
}
