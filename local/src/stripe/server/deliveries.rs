//! Deliveries of events: signed requests to each endpoint, retried until the endpoint accepts one.
//!
//! The interface is [`Stripe::due`] and [`Stripe::report`]; [`send`] calls both for a fake with an address.
//! Faults at `webhooks/<type>` apply when a delivery is first processed: `duplicate:N`, `reorder` (after the next one
//! that is accepted), `hold` and `drop`.

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use serde_json::json;

use super::account::Stripe;
use crate::faults::Kind;
use crate::http::Request;
use crate::stripe::state::{Delivery, Stage, State};

/// The wait after the first failure; each further one doubles it.
const FIRST_WAIT_MS: i64 = 50;

/// The number of attempts of a delivery.
const MAX_ATTEMPTS: usize = 8;

/// The timeout of an endpoint.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// The longest wait before the clock is read again. A test may move it forward.
const LONGEST_WAIT: Duration = Duration::from_millis(100);

/// A delivery that is due, with its request.
#[derive(Clone, Debug)]
pub struct Due {
    /// The delivery's id, for [`Stripe::report`].
    pub delivery: u64,
    /// The signed request.
    pub request: Request,
}

impl Stripe {
    /// Returns the deliveries that are due, and marks them as in flight.
    pub fn due(&self) -> Vec<Due> {
        self.pass_time();
        let now = self.clock.now();
        let mut state = self.lock();
        self.disturb(&mut state);
        let mut due = Vec::new();
        for index in 0..state.deliveries.len() {
            let delivery = &state.deliveries[index];
            if delivery.stage != Stage::Pending || delivery.due_ms > now.as_millisecond() {
                continue;
            }
            let request = state.request(delivery, now.as_second());
            let delivery = &mut state.deliveries[index];
            match request {
                Some(request) => {
                    delivery.stage = Stage::Sending;
                    due.push(Due {
                        delivery: delivery.id,
                        request,
                    });
                }
                None => delivery.stage = Stage::Failed,
            }
        }
        due
    }

    /// Applies faults to new deliveries.
    fn disturb(&self, state: &mut State) {
        for index in 0..state.deliveries.len() {
            let Delivery {
                stage: Stage::New,
                event,
                kind,
                endpoint,
                ..
            } = state.deliveries[index].clone()
            else {
                continue;
            };
            let path = format!("webhooks/{kind}");
            let fault = self.faults.take(&path, Kind::is_of_webhooks);
            state.deliveries[index].stage = match fault.map(|firing| firing.kind) {
                Some(Kind::Drop) => Stage::Dropped,
                Some(Kind::Hold) => Stage::Held,
                Some(Kind::Reorder) => Stage::Reordered,
                Some(Kind::Duplicate(more)) => {
                    for _ in 0..more {
                        state.add_delivery(&event, &kind, &endpoint, Stage::Pending);
                    }
                    Stage::Pending
                }
                _ => Stage::Pending,
            };
        }
    }

    /// Reports the outcome of a delivery. That is the status of its response, or why there was none.
    pub fn report(&self, delivery: u64, outcome: Result<u16, String>) {
        let now_ms = self.clock.now().as_millisecond();
        let mut state = self.lock();
        let index = usize::try_from(delivery).unwrap_or(usize::MAX);
        let Some(delivery) = state.deliveries.get_mut(index) else {
            return;
        };
        let taken = outcome
            .as_ref()
            .is_ok_and(|status| (200..300).contains(status));
        delivery.attempts.push(match outcome {
            Ok(status) => json!({ "status": status }),
            Err(error) => json!({ "error": error }),
        });
        let failures = delivery.attempts.len();
        if taken {
            delivery.stage = Stage::Delivered;
            for waiting in &mut state.deliveries {
                if waiting.stage == Stage::Reordered {
                    waiting.stage = Stage::Pending;
                }
            }
        } else if failures < MAX_ATTEMPTS {
            delivery.stage = Stage::Pending;
            delivery.due_ms = now_ms + (FIRST_WAIT_MS << (failures - 1));
        } else {
            delivery.stage = Stage::Failed;
        }
        drop(state);
        self.stir();
    }

    /// Delivers an event again to each endpoint subscribed to it; returns the new deliveries.
    pub(crate) fn redeliver(&self, event: &str) -> Vec<u64> {
        let mut state = self.lock();
        let Some((kind, receivers)) = state.addressed(event) else {
            return Vec::new();
        };
        let again = receivers
            .into_iter()
            .map(|endpoint| state.add_delivery(event, &kind, &endpoint, Stage::Pending))
            .collect();
        drop(state);
        self.stir();
        again
    }

    /// Releases all held deliveries.
    pub(crate) fn release(&self) {
        for delivery in &mut self.lock().deliveries {
            if delivery.stage == Stage::Held {
                delivery.stage = Stage::Pending;
            }
        }
        self.stir();
    }

    /// Waits until each delivery has been accepted, given up, held or dropped.
    pub async fn settled(&self) {
        self.pass_time();
        let mut stirred = self.stirred.subscribe();
        while !self.lock().is_settled() {
            if stirred.changed().await.is_err() {
                return;
            }
        }
    }
}

/// Sends due deliveries, for as long as it is polled.
pub(crate) async fn send(stripe: Stripe) {
    let client = crate::client::plain();
    let mut stirred = stripe.stirred.subscribe();
    let mut under_way = FuturesUnordered::new();
    loop {
        // Outside of the state's lock: a page or a call may add deliveries during this loop.
        stirred.borrow_and_update();
        for due in stripe.due() {
            under_way.push(attempt(&stripe, &client, due));
        }
        tokio::select! {
            Some(()) = under_way.next() => {}
            _ = stirred.changed() => {}
            () = tokio::time::sleep(LONGEST_WAIT) => {}
        }
    }
}

async fn attempt(stripe: &Stripe, client: &reqwest::Client, due: Due) {
    let (head, body) = due.request.into_parts();
    let request = client
        .post(head.uri.to_string())
        .headers(head.headers)
        .timeout(ANSWER_LIMIT)
        .body(body);
    let outcome = match request.send().await {
        Ok(answer) => Ok(answer.status().as_u16()),
        Err(error) => Err(error.to_string()),
    };
    stripe.report(due.delivery, outcome);
}
