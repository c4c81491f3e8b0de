//! The Runtime API: where a process asks for work, and says how it went.
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;
use tokio::sync::{Notify, oneshot, watch};

use super::FunctionError;
use crate::http::{Request, Response, json as respond, single};

const BASE: &str = "/2018-06-01/runtime/";

/// The largest answer that Lambda takes.
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// What a function said to an event.
pub(super) type Answer = Result<Bytes, FunctionError>;

/// Work for a process.
#[derive(Debug)]
pub(super) struct Invocation {
    pub(super) id: String,
    pub(super) event: Bytes,
    pub(super) deadline_ms: i64,
}

/// How far a process has come.
#[derive(Clone, Debug, Default)]
pub(super) enum Begun {
    /// It has not asked for work yet.
    #[default]
    Not,
    /// It has.
    Ready,
    /// It cannot.
    Failed(FunctionError),
}

/// Where work is laid down for a process, and its answers.
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

    /// Waits until the process has begun, or has said that it cannot.
    pub(super) async fn begun(&self) -> Result<(), FunctionError> {
        let mut begun = self.begun.subscribe();
        let begun = begun.wait_for(|begun| !matches!(begun, Begun::Not)).await;
        match &*begun.expect("we keep the sender") {
            Begun::Failed(error) => Err(error.clone()),
            _ => Ok(()),
        }
    }

    /// Lays down work; the answer comes where it says.
    pub(super) fn lay_down(&self, invocation: Invocation) -> oneshot::Receiver<Answer> {
        let (sender, answer) = oneshot::channel();
        self.work().waiting = Some((invocation, sender));
        self.laid_down.notify_one();
        answer
    }

    /// Takes work back; says whether the process had not taken it.
    pub(super) fn take_back(&self) -> bool {
        self.work().waiting.take().is_some()
    }

    /// Answers a request of the process.
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

    /// Waits for work.
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
        // A function's name with a line break in it would have been refused by Lambda.
        response
            .body(invocation.event)
            .unwrap_or_else(|error| refuse_function(&error))
    }

    /// Takes the answer to what is being worked on.
    fn finish(&self, id: &str, answer: Answer) -> Response {
        let mut work = self.work();
        match work.current.take_if(|(current, _)| current == id) {
            Some((_, sender)) => {
                // Whoever waited may have gone.
                let _ = sender.send(answer);
                accepted()
            }
            None => refuse(
                StatusCode::BAD_REQUEST,
                "InvalidRequestID",
                "this is not the invocation under way",
            ),
        }
    }

    fn refuse_large(&self, id: &str) -> Response {
        let message = format!("The answer is larger than {MAX_ANSWER_BYTES} bytes.");
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

/// What a process says of a failure, in its body or at least in a header.
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
