//! The functions' runtimes: `cargo lambda watch`, closures in this process, or child processes.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::StatusCode;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::answer;
use crate::http::Response;
use crate::lambda::Fleet;

/// API Gateway's limit for a function, whatever the function's own limit.
const INTEGRATION_LIMIT: Duration = Duration::from_secs(30);

/// The number of instances of one function that `cargo lambda watch` runs.
pub const CONCURRENCY: usize = 8;

/// The functions behind the API.
pub enum Functions {
    /// The Lambda Invoke API at this address, as `cargo lambda watch` serves it.
    Watch {
        /// The base URL without a slash at the end.
        url: String,
        /// The client for the calls.
        client: reqwest::Client,
        /// One permit for each instance. `cargo lambda watch` hangs forever if many more calls than it has instances
        /// arrive at once.
        turns: Semaphore,
    },
    /// Closures in this process, by function.
    InProcess(BTreeMap<String, InProcess>),
    /// Processes of the real binaries, by function.
    Processes(BTreeMap<String, Fleet>),
}

/// A function in this process: a closure from an event to a response.
#[derive(Clone)]
pub struct InProcess(Arc<dyn Fn(Value) -> BoxFuture<'static, Value> + Send + Sync>);

impl InProcess {
    /// Wraps an async closure from an event to a response.
    pub fn new<F, R>(function: F) -> Self
    where
        F: Fn(Value) -> R + Send + Sync + 'static,
        R: Future<Output = Value> + Send + 'static,
    {
        Self(Arc::new(move |event| Box::pin(function(event))))
    }
}

/// The reason why a function has no response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It failed, exceeded its own limit, or returned a malformed response.
    Function,
    /// It exceeded API Gateway's limit.
    Late,
}

impl Failure {
    /// Returns the refusal, with the same two words for every cause. So it reveals no internals.
    pub(super) fn response(self) -> Response {
        match self {
            Self::Function => {
                answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }
            Self::Late => answer::refusal(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        }
    }
}

impl Functions {
    /// Uses the functions that `cargo lambda watch` runs at this address.
    pub fn watched(url: String) -> Self {
        Self::Watch {
            url,
            client: crate::client::plain(),
            turns: Semaphore::new(CONCURRENCY),
        }
    }

    /// Returns a function's response as HTTP, within its own limit and API Gateway's.
    pub(super) async fn answer(
        &self,
        name: &str,
        event: Value,
        limit: Option<Duration>,
    ) -> Result<Response, Failure> {
        let limit = limit.unwrap_or(INTEGRATION_LIMIT);
        let answer = self.invoke(name, event, limit);
        let answer = within(limit, INTEGRATION_LIMIT, answer).await?;
        answer::response(answer).ok_or(Failure::Function)
    }

    /// Returns a function's response unchanged; `None` if it failed.
    pub(super) async fn invoke(&self, name: &str, event: Value, limit: Duration) -> Option<Value> {
        match self {
            Self::Processes(fleets) => fleets.get(name)?.invoke(&event, limit).await.ok(),
            Self::InProcess(functions) => Some(functions.get(name)?.0(event).await),
            Self::Watch { url, client, turns } => {
                let _turn = turns.acquire().await.ok()?;
                let url = format!("{url}/2015-03-31/functions/{name}/invocations");
                let reply = client.post(url).body(event.to_string()).send().await.ok()?;
                let failed = reply.headers().contains_key("x-amz-function-error");
                if failed || !reply.status().is_success() {
                    return None;
                }
                serde_json::from_slice(&reply.bytes().await.ok()?).ok()
            }
        }
    }
}

/// Waits at most as long as Lambda and API Gateway would.
async fn within(
    function_limit: Duration,
    integration_limit: Duration,
    answer: impl Future<Output = Option<Value>>,
) -> Result<Value, Failure> {
    let late = if function_limit < integration_limit {
        Failure::Function
    } else {
        Failure::Late
    };
    match tokio::time::timeout(function_limit.min(integration_limit), answer).await {
        Err(_) => Err(late),
        Ok(answer) => answer.ok_or(Failure::Function),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_function_past_its_own_limit_is_a_function_error() {
        let never = std::future::pending();
        let failure = within(Duration::ZERO, Duration::from_millis(1), never).await;
        assert_eq!(failure, Err(Failure::Function));
    }

    #[tokio::test]
    async fn a_function_past_the_gateways_limit_is_late() {
        let never = std::future::pending();
        let failure = within(Duration::from_mins(1), Duration::ZERO, never).await;
        assert_eq!(failure, Err(Failure::Late));
    }
}
