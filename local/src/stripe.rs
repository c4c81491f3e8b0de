//! A fake Stripe: the part of Stripe's API that Sparks uses, with Stripe's error messages.
//!
//! It accepts the key [`SECRET_KEY`] and the version [`API_VERSION`]. It refuses what Stripe refuses. It also refuses
//! what Stripe would accept silently but Sparks must not send (another version, a repeated parameter), so that a test
//! fails. Its data is in memory until it stops, or in a folder.
//!
//! | request | effect |
//! |---|---|
//! | `POST /v1/customers` | accepts `pm_card_visa` and `pm_card_chargeCustomerFail` as `payment_method` and `invoice_settings[default_payment_method]`: the card that is charged for subscriptions made by the API |
//! | `/c/pay/{id}` | the page of a Checkout Session |
//! | `/p/session/{id}` | the customer portal |
//! | `GET /_local/state` | returns everything in the account as lists, and `requests` |
//! | `POST /_local/checkout/{id}/pay` | `{"card":"4242424242424242"}` pays a session; also `4000000000000002` (declined), `4000002500003155` (needs `"confirm"`), `delayed`, `transfer` |
//! | `POST /_local/checkout/{id}/settle` | `{"outcome":"succeeded"}` or `failed` ends a delayed payment |
//! | `POST /_local/checkout/{id}/expire` | ends a session now |
//! | `POST /_local/subscriptions/{id}/renew` | ends the period; `{"outcome":"succeeded"}` or `failed` sets whether the card pays. The invoice is a draft for one hour of the clock, and then charged. If an invoice is open, `succeeded` pays that one instead. With `"now":true`, or without a body, there is no draft hour |
//! | `POST /_local/subscriptions/{id}/card` | `{"outcome":"failed"}` makes each charge fail from now on; `succeeded` makes them succeed again |
//! | `POST /_local/subscriptions/{id}/status` | `{"status":"unpaid"}` sets any status |
//! | `POST /_local/settings` | `{"dunning_ends":"cancel"}`, `unpaid` or `past_due` sets the end of the retries after 3, 5 and 7 days; `{"tax":"exclusive"}`, `inclusive` or `none` sets the account's tax settings; `{"periods":"clock"}` lets the clock end periods, not only `renew` (`control`); `"balance_transactions":false` creates no balance transactions from now on; `"rate_limits":true` limits calls to 25 a second for each operation and 100 in all, or to 25 in all with `"sandbox":true`; `"late_meter_errors":false` refuses a meter event of a deleted customer at once, instead of reporting it 10 seconds later |
//! | `POST /_local/customers/{id}` | `{"location":"missing"}` makes automatic tax fail at finalization; `known` makes it succeed again |
//! | `POST /_local/invoices` | `{"subscription","billing_reason","lines":[{"price","amount","quantity","proration","period":{"start","end"},"parent"}]}` makes an invoice, which is paid at once; a `parent` of `invoice_item` is that of a pending item, and `"starting_balance"` is the part that the customer's balance pays or adds |
//! | `POST /_local/invoices/{id}/pay` | `{"amount":500}` pays a part of an open invoice |
//! | `POST /_local/disputes` | `{"payment_intent","status"}` disputes a payment, or moves its open dispute; optional are `"amount"`, `"currency"`, `"settled"` (cents withdrawn from the balance; by default the converted amount), `"case_type"` (`block`, `chargeback`, `compliance`, `inquiry`, `resolution`; by default the one that fits the status) and `"new":true` (another dispute). A `prevented` dispute is `block` (no money moved) or `resolution` (the cardholder got the money) |
//! | `POST /_local/disputes/{id}` | `{"status":"lost"}` moves a dispute; `"case_type"` is optional |
//! | `POST /_local/refunds` | `{"payment_intent"}` refunds a payment, as the Dashboard does; optional are `"amount"` and `"status"` (`pending`, `requires_action`) |
//! | `POST /_local/refunds/{id}` | `{"status":"failed"}` moves a refund; also `canceled`, `succeeded`, `pending`, `requires_action` |
//! | `POST /_local/credit_notes/{id}/void` | voids a credit note whatever its invoice's status; the API does so only while the invoice is open |
//! | `POST /_local/early_fraud_warnings` | `{"payment_intent"}` creates an early fraud warning for a payment; `"fraud_type"` is optional |
//! | `POST /_local/meter_errors` | `{"identifiers":["use_…"],"code":"meter_event_customer_not_found"}` removes events from their meter and reports them in a thin event. `"errors":[{"identifiers","code"}]` reports several kinds; `no_meter` needs a report of its own. `"keep":true` keeps the events, `"forget":true` lets their identifiers be used again, `"samples"` is the number of samples for each kind, `"meter"` is their meter, and `"as":"idempotency_key"` names them by their idempotency keys |
//! | `DELETE /_local/meter_events/{identifier}` | loses an event without a report; with `?forget=true` its identifier too |
//! | `POST /_local/webhooks/{event}/redeliver` | delivers an event again |
//! | `POST /_local/webhooks/release` | releases held deliveries |
//! | `POST /_local/webhook_endpoints/{id}/roll` | adds a new secret to a webhook endpoint or an event destination, beside the old one; `{"expire":true}` ends the old one |
//! | `/_local/faults` | see [`crate::faults`]; a `status:500` is kept under the `Idempotency-Key`; faults at `webhooks/<type>` affect deliveries |

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use serde_json::Value;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::faults::{self, Faults, Firing, Kind};
use crate::http::{self as server, Reply, Request, Response};

mod balance_transactions;
mod billing;
mod call;
mod charges;
mod checkout_sessions;
mod controls;
mod credit_notes;
mod customers;
mod deliveries;
mod discounts;
mod disputes;
mod early_fraud_warnings;
mod error;
mod event_destinations;
mod events;
mod expand;
mod fake;
mod falsify;
mod form;
mod idempotency;
mod invoice_items;
mod invoice_payments;
mod invoices;
mod list;
mod meter_errors;
mod meter_events;
mod meters;
mod page;
mod paying;
mod payment_intents;
mod payment_page;
mod period;
mod portal_configurations;
mod portal_page;
mod portal_sessions;
mod prices;
mod products;
mod rate_limits;
mod refunds;
mod routes;
mod settings;
mod state;
mod subscriptions;
mod tax;
mod thin_events;
mod v2;
mod webhook_endpoints;

pub use deliveries::{Due, signature};
pub use fake::FakeStripe;

use call::Call;
use error::Error;
use idempotency::{Claim, Flight};
use state::{Logged, State};

/// The secret key that the fake accepts.
pub const SECRET_KEY: &str = "sk_test_local";

/// The version of Stripe's API that the fake accepts.
pub const API_VERSION: &str = "2026-10-28.endive";

/// The default duration of a meter event, so that two of one customer can overlap.
const SERVICE_TIME: Duration = Duration::from_millis(1);

/// One Stripe account; clones are the same account.
#[derive(Clone)]
pub struct Stripe {
    state: Arc<Mutex<State>>,
    faults: Faults,
    clock: Clock,
    service_time: Duration,
    latency: Duration,
    file: Option<PathBuf>,
    /// Notified when there may be deliveries to send, and after each attempt.
    stirred: Arc<watch::Sender<()>>,
}

impl Stripe {
    /// Returns an empty account in memory.
    pub fn new(clock: Clock) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new())),
            faults: Faults::default(),
            clock,
            service_time: SERVICE_TIME,
            latency: Duration::ZERO,
            file: None,
            stirred: Arc::new(watch::Sender::new(())),
        }
    }

    /// Opens the account in a folder, or creates one there.
    pub fn open(directory: &Path, clock: Clock) -> std::io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let file = directory.join("stripe.json");
        let mut account = if file.exists() {
            Self::of_copy(&std::fs::read(&file)?, clock)?
        } else {
            Self::new(clock)
        };
        account.file = Some(file);
        Ok(account)
    }

    /// Returns an account in memory with the data of a [copy](Self::copy).
    pub fn of_copy(copy: &[u8], clock: Clock) -> serde_json::Result<Self> {
        let state = serde_json::from_slice(copy)?;
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
            ..Self::new(clock)
        })
    }

    /// Returns a copy of the account's data, for [`Stripe::of_copy`].
    pub fn copy(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&*self.lock())
    }

    /// Adds the meter for usage, as `sparks stripe-setup` does.
    #[must_use]
    pub fn with_meter(self) -> Self {
        let now = self.clock.now().as_second();
        self.lock().add_meter(now);
        self
    }

    /// Sets the duration of a meter event. Meanwhile, another event of its customer is refused.
    #[must_use]
    pub fn with_service_time(mut self, service_time: Duration) -> Self {
        self.service_time = service_time;
        self
    }

    /// Delays each response of the API; its effect comes first.
    #[must_use]
    pub fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Delays events in a meter's summaries, by whole seconds of the clock.
    #[must_use]
    pub fn with_summary_delay(self, delay: Duration) -> Self {
        let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX / 2);
        self.lock().summary_delay_seconds = seconds;
        self
    }

    /// Returns the faults to come.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Returns the account's data, as `GET /_local/state` lists it.
    pub fn state(&self) -> Value {
        self.lock().listed()
    }

    /// Does what is due by the clock: finalizes and charges drafts, retries failed charges.
    ///
    /// Each request and each round of deliveries begins with it; there is no timer.
    pub fn pass_time(&self) {
        let now = self.clock.now().as_second();
        if billing::pass_time(&mut self.lock(), now) {
            self.stir();
        }
    }

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
        let now = self.clock.now().as_second();
        let path = request.uri().path();
        let mut call = match Call::read(request, now) {
            Ok(call) => call,
            Err(error) => return (error.response_at(path), None),
        };
        let mut state = self.lock();
        if let Err(error) = state.count(&call) {
            return (error.response_at(path), None);
        }
        checkout_sessions::expire_old(&mut state, now);
        meter_errors::report_rejected(&mut state, now);
        match state.keys.claim(&call) {
            Ok(Claim::First) => {}
            Ok(Claim::Replay(response)) => return (response, None),
            Err(error) => return (error.response_at(path), None),
        }
        let executed = match self.faults.take(&call.path, is_execution) {
            Some(firing) => Err(Error::of_execution(&firing)),
            None => routes::route(&mut state, &mut call),
        };
        let (response, stored) = match executed {
            Ok(body) => (server::json(StatusCode::OK, &body), true),
            // Version 2 executes a failed call again.
            Err(error) => {
                let stored = error.is_stored() && !v2::is_path(path);
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

    /// Writes the account to its folder; returns the response, or an error if that fails.
    fn kept(&self, response: Response) -> Response {
        match self.keep() {
            Ok(()) => response,
            Err(error) => Error::unkept(&error).response(),
        }
    }

    fn keep(&self) -> std::io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let new = file.with_extension("json.new");
        let state = self.lock();
        std::fs::write(&new, serde_json::to_vec(&*state)?)?;
        std::fs::rename(new, file)
    }

    /// Notifies the sender and waiters that there may be deliveries.
    fn stir(&self) {
        self.stirred.send_replace(());
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
