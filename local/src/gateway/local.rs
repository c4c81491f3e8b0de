//! Endpoints that only the local stack has: `/_local/health`, `/_local/token` and `/_local/schedule/{function}`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::refusal;
use super::{Shared, event};
use crate::http::{Request, Response, json as respond};

/// The path prefix at which scheduled functions are run by hand.
const SCHEDULE: &str = "/_local/schedule/";

/// Limit for a function to respond to a health probe.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// The functions that have responded once, and so are built and running.
#[derive(Default)]
pub(super) struct Awake(Mutex<BTreeSet<String>>);

/// A request for a token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenRequest {
    account: String,
    scope: Option<String>,
    /// Seconds since it was issued; at 3600 it has just expired.
    #[serde(default)]
    age_s: u32,
}

pub(super) async fn handle(shared: &Shared, request: &Request) -> Response {
    match (request.method().as_str(), request.uri().path()) {
        ("GET", "/_local/health") => health(shared).await,
        ("POST", "/_local/token") => match serde_json::from_slice::<TokenRequest>(request.body()) {
            Ok(wanted) => {
                let issued = shared.clock.now() - SignedDuration::from_secs(wanted.age_s.into());
                let scope = wanted.scope.as_deref();
                let keys = &shared.keys;
                let token = keys.issue(&shared.authorizer, &wanted.account, scope, issued);
                respond(StatusCode::OK, &json!({ "token": token }))
            }
            Err(error) => refusal(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        ("POST", path) if path.starts_with(SCHEDULE) => {
            let function = &path[SCHEDULE.len()..];
            let functions = &shared.template.functions;
            if functions
                .get(function)
                .is_none_or(|known| known.every.is_none())
            {
                return refusal(StatusCode::NOT_FOUND, "no such schedule");
            }
            match run(shared, function).await {
                Some(answer) => respond(StatusCode::OK, &answer),
                None => refusal(StatusCode::BAD_GATEWAY, "the function failed"),
            }
        }
        _ => refusal(StatusCode::NOT_FOUND, "Not Found"),
    }
}

/// Runs a scheduled function now, with the event that `EventBridge` sends. `None` if it failed or timed out.
pub(super) async fn run(shared: &Shared, function: &str) -> Option<Value> {
    let event = json!({
        "version": "0", "id": "local", "detail-type": "Scheduled Event", "source": "aws.events",
        "account": "000000000000", "time": shared.clock.now().to_string(), "region": "local",
        "resources": [], "detail": {},
    });
    shared.invoke(function, event).await
}

async fn health(shared: &Shared) -> Response {
    let missing = missing(shared).await;
    let status = if missing.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    respond(
        status,
        &json!({ "ready": missing.is_empty(), "missing": missing }),
    )
}

/// Returns the functions that do not respond. Each is probed until it has responded once.
pub(super) async fn missing(shared: &Shared) -> Vec<String> {
    let names: Vec<&String> = {
        let awake = shared
            .awake
            .0
            .lock()
            .expect("no code panics while it holds the set");
        shared
            .template
            .functions
            .keys()
            .filter(|name| !awake.contains(*name))
            .collect()
    };
    let mut missing = Vec::new();
    for name in names {
        if answers(shared, name).await {
            let mut awake = shared
                .awake
                .0
                .lock()
                .expect("no code panics while it holds the set");
            awake.insert(name.clone());
        } else {
            missing.push(name.clone());
        }
    }
    missing
}

/// Returns whether a function responds: it is called without claims or body, which it refuses.
async fn answers(shared: &Shared, name: &str) -> bool {
    let route = shared
        .template
        .routes
        .iter()
        .find(|route| route.function == name);
    let Some(route) = route else {
        return true;
    };
    let request = http::Request::builder()
        .method(&*route.method)
        .uri(&*route.path);
    let Ok(request) = request.body(Bytes::new()) else {
        return false;
    };
    let path_parameters = BTreeMap::new();
    let call = event::Call {
        request: &request,
        route,
        path_parameters,
        claims: None,
    };
    let event = call.event("local-health", shared.clock.now());
    shared
        .functions
        .answer(name, event, Some(PROBE_LIMIT))
        .await
        .is_ok()
}
