//! Handles requests: faults, idempotency and rate limits come before an operation.

use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use super::account::Stripe;
use super::{controls, meter_errors, payment_page, portal_page};
use crate::faults::{self, Firing, Kind};
use crate::http::{self as server, Reply, Request, Response};
use crate::stripe::api::route;
use crate::stripe::billing;
use crate::stripe::state::{Claim, Flight, Logged};
use crate::stripe::wire::{API_VERSION, Call, Error, is_v2};

impl Stripe {
    /// Handles one request, without going over HTTP.
    pub async fn handle(&self, request: Request) -> Reply {
        self.pass_time();
        let path = request.uri().path();
        if path == faults::PATH {
            return Reply::Answer(self.faults.answer(&request, is_ours));
        }
        if path.starts_with("/_local/") {
            return Reply::Answer(self.kept(controls::answer(self, &request)));
        }
        let page = payment_page::answer(self, &request);
        if let Some(page) = page.or_else(|| portal_page::answer(self, &request)) {
            return Reply::Answer(self.kept(page));
        }
        let firing = self
            .faults
            .take(path, |kind| !is_execution(kind) && !kind.is_of_webhooks());
        let mut logged = Logged::of(&request);
        let (response, flight) = match &firing {
            Some(Firing {
                kind: Kind::Refuse, ..
            }) => {
                self.lock().requests.push(logged);
                return Reply::HangUp;
            }
            Some(
                firing @ Firing {
                    kind: Kind::Status(status),
                    ..
                },
            ) => (firing.dress(Error::fault(*status).response_at(path)), None),
            Some(
                firing @ Firing {
                    kind: Kind::Code(code),
                    ..
                },
            ) => (firing.dress(Error::coded(code).response_at(path)), None),
            _ => self.answer(&request),
        };
        let response = self.sign(response, &request);
        logged.answered(&response);
        self.lock().requests.push(logged);
        let response = self.kept(response);
        self.stir();
        let mut takes = self.latency;
        if flight.as_ref().is_some_and(Flight::is_exclusive) {
            takes += self.service_time;
        }
        // A sleep of zero would take a millisecond.
        if !takes.is_zero() {
            tokio::time::sleep(takes).await;
        }
        let reply = faults::deliver(firing.as_ref(), response).await;
        // Releases its key and its customer's meter.
        drop(flight);
        reply
    }

    /// Handles a call that has reached Stripe.
    fn answer(&self, request: &Request) -> (Response, Option<Flight>) {
        let now = self.now();
        let path = request.uri().path();
        let mut call = match Call::read(request, now) {
            Ok(call) => call,
            Err(error) => return (error.response_at(path), None),
        };
        let mut state = self.lock();
        if let Err(error) = state.count(&call) {
            return (error.response_at(path), None);
        }
        billing::expire_old(&mut state, now);
        meter_errors::report_rejected(&mut state, now);
        match state.keys.claim(&call) {
            Ok(Claim::First) => {}
            Ok(Claim::Replay(response)) => return (response, None),
            Err(error) => return (error.response_at(path), None),
        }
        let executed = match self.faults.take(&call.path, is_execution) {
            Some(firing) => Err(Error::of_execution(&firing)),
            None => route(&mut state, &mut call),
        };
        let (response, stored) = match executed {
            Ok(body) => (server::json(StatusCode::OK, &body), true),
            // Version 2 executes a failed call again.
            Err(error) => {
                let stored = error.is_stored() && !is_v2(path);
                (error.response_at(path), stored)
            }
        };
        if stored {
            state.keys.save(&call, &response);
        }
        (response, Some(Flight::new(self.state.clone(), call)))
    }

    /// Adds the headers that all of Stripe's responses have.
    fn sign(&self, mut response: Response, request: &Request) -> Response {
        let id = self.lock().next_id("req_");
        let headers = response.headers_mut();
        let id = HeaderValue::from_str(&id).expect("an id is letters and digits");
        headers.insert("request-id", id);
        headers.insert(header::DATE, date(self.clock.now()));
        headers.insert("stripe-version", HeaderValue::from_static(API_VERSION));
        if let Some(key) = request.headers().get("idempotency-key") {
            headers.insert("idempotency-key", key.clone());
        }
        response
    }
}

/// Formats a time as an HTTP date.
fn date(time: Timestamp) -> HeaderValue {
    let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&time);
    let date = date.expect("a time of four-digit years");
    HeaderValue::from_str(&date).expect("a date is letters and digits")
}

/// Returns whether the fake Stripe has a kind of fault.
fn is_ours(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Status(_)
            | Kind::Code(_)
            | Kind::Slow(_)
            | Kind::Truncated
            | Kind::LostReply
            | Kind::Refuse
    ) || kind.is_of_webhooks()
}

/// Returns whether a fault occurs during execution, behind the idempotency layer.
///
/// All others, such as a 429, occur before it and are kept under no key.
fn is_execution(kind: Kind) -> bool {
    kind == Kind::Status(StatusCode::INTERNAL_SERVER_ERROR)
}
