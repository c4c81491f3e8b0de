//! A transport that forwards each request and keeps its exchange. It keeps names, statuses and shapes, and no values.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{Request, Response};
use serde::Serialize;
use serde_json::Value;
use shared::process::transport::Transport;

use super::shape::Shape;
use super::step::Step;

/// The words that paths are made of; every other segment is an id.
const SEGMENTS: [&str; 36] = [
    "billing",
    "billing_portal",
    "charges",
    "checkout",
    "configurations",
    "core",
    "credit_notes",
    "customers",
    "disputes",
    "early_fraud_warnings",
    "enable",
    "event_destinations",
    "event_summaries",
    "events",
    "expire",
    "invoice_payments",
    "invoices",
    "lines",
    "meter_events",
    "meters",
    "payment_intents",
    "prices",
    "products",
    "radar",
    "reactivate",
    "refunds",
    "sessions",
    "settings",
    "subscriptions",
    "tax",
    "test_clocks",
    "test_helpers",
    "v1",
    "v2",
    "void",
    "webhook_endpoints",
];

/// One request and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Exchange {
    /// The step of the script.
    pub step: Step,
    /// Method and path, such as `GET /v1/checkout/sessions/{id}`.
    pub name: String,
    /// The names of the parameters.
    pub parameters: BTreeSet<String>,
    /// The status of the answer.
    pub status: u16,
    /// The shape of the answer.
    pub answer: Shape,
    /// The whole request, by which a repeat is detected. It is not written to a file.
    #[serde(skip)]
    request: (http::Method, String, Bytes),
}

/// A step that failed.
#[derive(Clone, Debug, Serialize)]
pub struct Failure {
    /// The step.
    pub step: Step,
    /// The error in words.
    pub why: String,
}

/// Everything that was played against one account.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Recording {
    /// The exchanges, in their order.
    pub exchanges: Vec<Exchange>,
    /// The steps that failed.
    pub failures: Vec<Failure>,
}

/// Records exchanges; clones share the recording.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<(Step, Recording)>>);

impl Recorder {
    /// Returns a transport over the network that records each exchange.
    pub(super) fn transport(&self) -> Transport {
        let (recorder, network) = (self.clone(), Transport::network());
        Transport::in_process(Arc::new(move |request, timeout| {
            let (recorder, network) = (recorder.clone(), network.clone());
            Box::pin(async move {
                let parts = (
                    request.method().clone(),
                    request.uri().to_string(),
                    request.body().clone(),
                );
                let (name, parameters) = (name(&request), parameters(&request));
                let answer = network.send(request, timeout).await?;
                recorder.keep(parts, name, parameters, &answer);
                Ok(answer)
            })
        }))
    }

    /// Counts the following exchanges to a step.
    pub(super) fn begin(&self, step: Step) {
        self.lock().0 = step;
    }

    /// Notes that the step has failed.
    pub(super) fn fail(&self, why: String) {
        let (step, recording) = &mut *self.lock();
        recording.failures.push(Failure { step: *step, why });
    }

    /// Returns a copy of the recording.
    pub(super) fn recording(&self) -> Recording {
        self.lock().1.clone()
    }

    fn keep(
        &self,
        request: (http::Method, String, Bytes),
        name: String,
        parameters: BTreeSet<String>,
        answer: &Response<Bytes>,
    ) {
        let (step, recording) = &mut *self.lock();
        let exchange = Exchange {
            step: *step,
            name,
            parameters,
            status: answer.status().as_u16(),
            answer: Shape::of(answer.body()),
            request,
        };
        // The client retries what a busy Stripe refuses. Only the last answer shows the API's shape.
        let exchanges = &mut recording.exchanges;
        exchanges.pop_if(|last| {
            let busy = [409, 429].contains(&last.status) || last.status >= 500;
            busy && last.request == exchange.request
        });
        exchanges.push(exchange);
    }

    fn lock(&self) -> MutexGuard<'_, (Step, Recording)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns method and path, with `{id}` for each id.
fn name(request: &Request<Bytes>) -> String {
    let segments = request.uri().path().split('/').skip(1);
    let segments: Vec<&str> = segments
        .map(|segment| {
            if SEGMENTS.contains(&segment) {
                segment
            } else {
                "{id}"
            }
        })
        .collect();
    format!("{} /{}", request.method(), segments.join("/"))
}

/// Returns the names of the parameters in the query and in the body. The body is a form or JSON.
fn parameters(request: &Request<Bytes>) -> BTreeSet<String> {
    let query = request.uri().query().unwrap_or_default();
    let mut names = BTreeSet::new();
    if let Ok(Value::Object(members)) = serde_json::from_slice(request.body()) {
        names.extend(members.into_iter().map(|(name, _)| name));
    } else {
        names.extend(form_names(request.body()));
    }
    names.extend(form_names(query.as_bytes()));
    names
}

fn form_names(form: &[u8]) -> impl Iterator<Item = String> {
    form_urlencoded::parse(form).map(|(name, _)| name.into_owned())
}
