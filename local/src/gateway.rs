//! The API on one machine. Turns HTTP into API Gateway events, and responses back into HTTP.
//!
//! Routes, authorizer and CORS come from the [`Template`]. Tokens are verified as in production, so a function needs no
//! other way in. The gateway refuses what API Gateway itself refuses, in the same words. In addition it serves
//! `/_local/health`, `/_local/token` and `/_local/schedule/{function}`, and the reference page at `/`.

mod answer;
mod cors;
mod event;
mod function;
mod invocations;
mod local;
mod page;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::header::{HeaderValue, ORIGIN};
use http::{Method, StatusCode};
use jiff::Timestamp;
use serde_json::{Map, Value};

pub use function::{CONCURRENCY, Functions, InProcess};

use crate::clock::Clock;
use crate::http::{Listener, Reply, Request, Response, Server};
use crate::template::{Authorizer, Route, Template};
use crate::token::{self, Keys};
use answer::refusal;

/// The largest body that API Gateway accepts.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// The largest event that Lambda accepts. The body is a text in it, so each of its quotes counts twice.
const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// An error that keeps a gateway from starting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be bound.
    #[error(transparent)]
    Server(#[from] crate::http::Error),
    /// No route has an authorizer, so tokens cannot be issued.
    #[error("the template has no authorizer")]
    NoAuthorizer,
}

/// A running gateway; it stops when dropped.
pub struct Gateway {
    shared: Arc<Shared>,
    server: Server,
}

/// The state shared by all requests.
struct Shared {
    template: Template,
    functions: Functions,
    keys: Keys,
    /// The authorizer for which tokens are issued.
    authorizer: Authorizer,
    clock: Clock,
    requests: AtomicU64,
    awake: local::Awake,
    /// The path prefix of a custom domain, such as `/billing`, or empty.
    base_path: String,
}

impl Gateway {
    /// Serves the template's API on a loopback address; port 0 picks a free one.
    pub async fn start(
        address: SocketAddr,
        template: Template,
        functions: Functions,
        keys: Keys,
    ) -> Result<Self, Error> {
        Self::serve(Listener::bind(address).await?, template, functions, keys)
    }

    /// Serves the template's API on a bound listener.
    pub fn serve(
        listener: Listener,
        template: Template,
        functions: Functions,
        keys: Keys,
    ) -> Result<Self, Error> {
        Self::serve_under("", listener, template, functions, keys)
    }

    /// Serves it as a custom domain that maps this base path, such as `/billing`.
    pub fn serve_under(
        base_path: &str,
        listener: Listener,
        template: Template,
        functions: Functions,
        keys: Keys,
    ) -> Result<Self, Error> {
        let authorizer = template
            .routes
            .iter()
            .find_map(|route| route.authorizer.clone());
        let shared = Arc::new(Shared {
            authorizer: authorizer.ok_or(Error::NoAuthorizer)?,
            template,
            functions,
            keys,
            clock: Clock::system(),
            requests: AtomicU64::new(1),
            awake: local::Awake::default(),
            base_path: base_path.to_owned(),
        });
        let serving = Arc::clone(&shared);
        let handler = move |request| {
            let shared = Arc::clone(&serving);
            async move { Reply::Answer(handle(&shared, request).await) }
        };
        let server = Server::serve(listener, handler);
        Ok(Self { shared, server })
    }

    /// Serves the functions' Invoke API on a listener of its own; web pages are refused.
    pub fn serve_invocations(&self, listener: Listener) -> Server {
        let serving = Arc::clone(&self.shared);
        Server::serve(listener, move |request| {
            let shared = Arc::clone(&serving);
            async move { Reply::Answer(invocations::handle(&shared, &request).await) }
        })
    }

    /// Returns the API's URL, without a slash at the end.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns a token for this account; with the scope `sparks:act_for_accounts`, for a service.
    pub fn token(&self, account: &str, scope: Option<&str>) -> String {
        self.shared.token(account, scope)
    }

    /// Returns whether the reference page is built, and so served at `/`.
    pub fn has_page(&self) -> bool {
        page::is_built(Path::new(page::FOLDER))
    }

    /// Returns the names of the functions that have not responded yet.
    pub async fn missing(&self) -> Vec<String> {
        local::missing(&self.shared).await
    }

    /// Runs a scheduled function now and returns its response; `None` if it failed.
    pub async fn run(&self, function: &str) -> Option<Value> {
        local::run(&self.shared, function).await
    }

    /// Returns the scheduled functions and their intervals.
    pub fn schedules(&self) -> Vec<(String, Duration)> {
        let functions = self.shared.template.functions.iter();
        functions
            .filter_map(|(name, function)| Some((name.clone(), function.every?)))
            .collect()
    }

    /// Stops it, and returns when none of its work is left.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

impl Shared {
    /// Returns a function's response to an event; `None` if it failed or timed out.
    async fn invoke(&self, function: &str, event: Value) -> Option<Value> {
        let limit = self.template.functions.get(function)?.timeout;
        let running = self.functions.invoke(function, event, limit);
        tokio::time::timeout(limit, running).await.ok()?
    }

    fn token(&self, account: &str, scope: Option<&str>) -> String {
        self.keys
            .issue(&self.authorizer, account, scope, self.clock.now())
    }
}

async fn handle(shared: &Shared, request: Request) -> Response {
    if request.uri().path().starts_with("/_local/") {
        return local::handle(shared, &request).await;
    }
    if let Some(response) = page::answer(Path::new(page::FOLDER), &request) {
        return response;
    }
    let origin = request.headers().get(ORIGIN).cloned();
    let cors = shared.template.cors.as_ref();
    if let Some(cors) = cors
        && request.method() == Method::OPTIONS
        && origin.is_some()
    {
        return cors::preflight(cors, origin.as_ref());
    }
    let mut response = serve(shared, request).await;
    if let Some(cors) = cors {
        cors::label(cors, origin.as_ref(), response.headers_mut());
    }
    response
}

/// Checks route, authorizer and body, and calls the function, in API Gateway's order.
async fn serve(shared: &Shared, request: Request) -> Response {
    let path = request.uri().path().strip_prefix(&shared.base_path);
    let found = path.and_then(|path| shared.template.route(request.method().as_str(), path));
    let Some((route, path_parameters)) = found else {
        return refusal(StatusCode::NOT_FOUND, "Not Found");
    };
    let now = shared.clock.now();
    let Ok(claims) = authorize(&shared.keys, route, &request, now) else {
        return answer::unauthorized();
    };
    if request.body().len() > MAX_BODY_BYTES {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    }
    let number = shared.requests.fetch_add(1, Ordering::Relaxed);
    let request_id = format!("local-{}-{number}", now.as_millisecond());
    let call = event::Call {
        request: &request,
        route,
        path_parameters,
        claims,
    };
    let event = call.event(&request_id, now);
    // A character of a body takes at most six in the event, so only a large body needs the exact size.
    let is_large = request.body().len() > MAX_EVENT_BYTES / 8;
    if is_large && event.to_string().len() > MAX_EVENT_BYTES {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    }
    let limit = shared
        .template
        .functions
        .get(&route.function)
        .map(|function| function.timeout);
    let answered = shared.functions.answer(&route.function, event, limit).await;
    let mut response = answered.unwrap_or_else(function::Failure::response);
    if let Ok(id) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert("apigw-requestid", id);
    }
    response
}

/// Returns the claims as text, or an error if the token is rejected. `None` for an open route.
fn authorize(
    keys: &Keys,
    route: &Route,
    request: &Request,
    now: Timestamp,
) -> Result<Option<Map<String, Value>>, token::Refused> {
    let Some(authorizer) = &route.authorizer else {
        return Ok(None);
    };
    let header = request.headers().get(&authorizer.header);
    let value = header
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let token = match value.split_at_checked("Bearer ".len()) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("Bearer ") => token.trim(),
        _ => value,
    };
    keys.verify(token, authorizer, now)
        .map(|claims| Some(token::as_text(claims)))
}
