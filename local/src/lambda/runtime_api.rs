//! The Runtime API, from which a process gets invocations and to which it reports results.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use tokio::sync::{Notify, oneshot, watch};

use super::FunctionError;
use crate::http::{Request, Response, json as respond, single};

const BASE: &str = "/2018-06-01/runtime/";

/// The largest response that Lambda accepts.
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// A function's response to an event.
pub(super) type Answer = Result<Bytes, FunctionError>;

/// An invocation for a process.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) id: String,
    pub(super) event: Bytes,
    pub(super) deadline_ms: i64,
}

/// The progress of a process's start.
#[derive(Clone, Debug, Default)]
pub(super) enum Begun {
    /// It has not asked for an invocation yet.
    #[default]
    Not,
    /// It has asked for an invocation.
    Ready,
    /// It reported an initialisation error.
    Failed(FunctionError),
}

/// The queue of one process: it holds an invocation and passes the response back.
#[derive(Debug)]
pub(super) struct Desk {
    function_arn: String,
    begun: watch::Sender<Begun>,
    work: Mutex<Work>,
    laid_down: Notify,
}

#[derive(Debug, Default)]
struct Work {
    waiting: Option<(Invocation, oneshot::Sender<Answer>)>,
    current: Option<(String, oneshot::Sender<Answer>)>,
}

impl Desk {
    pub(super) fn new(function_arn: String) -> Self {
        Self {
            function_arn,
            begun: watch::Sender::default(),
            work: Mutex::default(),
            laid_down: Notify::new(),
        }
    }

    /// Waits until the process has started, or has reported an initialisation error.
    pub(super) async fn begun(&self) -> Result<(), FunctionError> {
        let mut begun = self.begun.subscribe();
        let begun = begun.wait_for(|begun| !matches!(begun, Begun::Not)).await;
        match &*begun.expect("the sender lives as long as this") {
            Begun::Failed(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Queues an invocation; the response arrives on the returned receiver.
    pub(super) fn lay_down(&self, invocation: Invocation) -> oneshot::Receiver<Answer> {
        let (sender, answer) = oneshot::channel();
        self.work().waiting = Some((invocation, sender));
        self.laid_down.notify_one();
        answer
    }

    /// Withdraws the queued invocation; returns whether the process had not taken it.
    pub(super) fn take_back(&self) -> bool {
        self.work().waiting.take().is_some()
    }

    /// Handles a request of the process.
    pub(super) async fn answer(&self, request: Request) -> Response {
        let path = request.uri().path().strip_prefix(BASE).unwrap_or_default();
        let segments: Vec<&str> = path.split('/').collect();
        match (request.method().as_str(), segments.as_slice()) {
            ("GET", ["invocation", "next"]) => self.next().await,
            ("POST", ["invocation", id, "response"]) => {
                let body = request.body().clone();
                if body.len() > MAX_ANSWER_BYTES {
                    return self.refuse_large(id);
                }
                self.finish(id, Ok(body))
            }
            ("POST", ["invocation", id, "error"]) => self.finish(id, Err(error(&request))),
            ("POST", ["init", "error"]) => {
                self.begun.send_replace(Begun::Failed(error(&request)));
                accepted()
            }
            _ => refuse(StatusCode::NOT_FOUND, "NotFound", "there is no such call"),
        }
    }

    /// Waits for an invocation.
    async fn next(&self) -> Response {
        self.begun.send_if_modified(|begun| {
            let first = matches!(begun, Begun::Not);
            if first {
                *begun = Begun::Ready;
            }
            first
        });
        loop {
            if let Some(invocation) = self.take() {
                return self.hand_over(invocation);
            }
            self.laid_down.notified().await;
        }
    }

    fn take(&self) -> Option<Invocation> {
        let mut work = self.work();
        let (invocation, sender) = work.waiting.take()?;
        work.current = Some((invocation.id.clone(), sender));
        Some(invocation)
    }

    fn hand_over(&self, invocation: Invocation) -> Response {
        let deadline_ms = invocation.deadline_ms.to_string();
        let digits: String = invocation
            .id
            .chars()
            .filter(char::is_ascii_hexdigit)
            .collect();
        let trace = format!("Root=1-{}-{};Sampled=0", &digits[..8], &digits[8..]);
        let head = [
            ("lambda-runtime-aws-request-id", &invocation.id),
            ("lambda-runtime-deadline-ms", &deadline_ms),
            ("lambda-runtime-invoked-function-arn", &self.function_arn),
            ("lambda-runtime-trace-id", &trace),
            ("content-type", &"application/json".to_owned()),
        ];
        let mut response = http::Response::builder();
        for (name, value) in head {
            response = response.header(name, value);
        }
        // Lambda would have refused a function's name with a line break.
        response
            .body(invocation.event)
            .unwrap_or_else(|error| refuse_function(&error))
    }

    /// Passes on the response to the current invocation.
    fn finish(&self, id: &str, answer: Answer) -> Response {
        let mut work = self.work();
        match work.current.take_if(|(current, _)| current == id) {
            Some((_, sender)) => {
                // The caller may have stopped waiting.
                let _ = sender.send(answer);
                accepted()
            }
            None => refuse(
                StatusCode::BAD_REQUEST,
                "InvalidRequestID",
                "this is not the current invocation",
            ),
        }
    }

    fn refuse_large(&self, id: &str) -> Response {
        let message = format!("The response is larger than {MAX_ANSWER_BYTES} bytes.");
        let error = FunctionError {
            error_type: "Function.ResponseSizeTooLarge".to_owned(),
            error_message: message.clone(),
        };
        self.finish(id, Err(error));
        refuse(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            &message,
        )
    }

    fn work(&self) -> MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads an error that a process reports, from the body or else a header.
fn error(request: &Request) -> FunctionError {
    let mut error: FunctionError = serde_json::from_slice(request.body()).unwrap_or_default();
    if error.error_type.is_empty() {
        let header = single(request.headers(), "lambda-runtime-function-error-type");
        header
            .unwrap_or("Unhandled")
            .clone_into(&mut error.error_type);
    }
    error
}

fn accepted() -> Response {
    respond(StatusCode::ACCEPTED, &json!({ "status": "OK" }))
}

fn refuse_function(error: &http::Error) -> Response {
    refuse(
        StatusCode::INTERNAL_SERVER_ERROR,
        "InvalidFunction",
        &error.to_string(),
    )
}

fn refuse(status: StatusCode, kind: &str, message: &str) -> Response {
    let body = json!({ "errorType": kind, "errorMessage": message });
    respond(status, &body)
}
