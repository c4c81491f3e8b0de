//! A running fake of Stripe: an account with an address, and what sends its webhooks.

use std::net::SocketAddr;

use serde_json::Value;

use super::{Stripe, deliveries};
use crate::clock::Clock;
use crate::faults::Faults;
use crate::http::{self as server, Server};

/// A running fake of Stripe; it ends when dropped.
pub struct FakeStripe {
    server: Server,
    stripe: Stripe,
}

impl FakeStripe {
    /// Starts on `address` with an account in memory that has the meter, and the machine's clock.
    pub async fn start(address: SocketAddr) -> Result<Self, server::Error> {
        Self::serve(address, Stripe::new(Clock::system()).with_meter()).await
    }

    /// Gives an account an address.
    pub async fn serve(address: SocketAddr, stripe: Stripe) -> Result<Self, server::Error> {
        let handler = stripe.clone();
        let server = Server::start(address, move |request| {
            let stripe = handler.clone();
            async move { stripe.handle(request).await }
        })
        .await?;
        stripe.lock().base = server.url();
        server.beside(deliveries::send(stripe.clone()));
        Ok(Self { server, stripe })
    }

    /// What stands in for `https://api.stripe.com`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// The faults to come.
    pub fn faults(&self) -> &Faults {
        &self.stripe.faults
    }

    /// Its clock, which a test may move forward.
    pub fn clock(&self) -> &Clock {
        &self.stripe.clock
    }

    /// What is there, as `GET /_local/state` lists it.
    pub fn state(&self) -> Value {
        self.stripe.state()
    }

    /// Waits until every webhook is delivered, given up, or kept back on purpose.
    pub async fn settled(&self) {
        self.stripe.settled().await;
    }

    /// The newest secret of a webhook endpoint or an event destination.
    pub fn webhook_secret(&self, endpoint: &str) -> Option<String> {
        let mut state = self.stripe.lock();
        state.secrets(endpoint)?.first().cloned()
    }

    /// What it was asked: method, path, and the parameters as they were encoded.
    pub fn asked(&self) -> Vec<(String, String, String)> {
        let state = self.stripe.lock();
        let requests = state.requests.iter();
        requests
            .map(|one| {
                let parameters = one.parameters.clone();
                (one.method.clone(), one.path.clone(), parameters)
            })
            .collect()
    }

    /// Makes a session say something else than it is: a field of it, or its line's `price` or `quantity`.
    pub fn falsify_session(&self, id: &str, field: &str, value: Value) {
        self.stripe.lock().falsify(id, field, value);
    }

    /// Makes a session, a subscription or an invoice say something else than it is.
    ///
    /// The field is a name, or a pointer such as `/lines/data/0/amount`.
    pub fn falsify(&self, id: &str, field: &str, value: Value) {
        self.stripe.lock().falsify(id, field, value);
    }

    /// The account without the address: what a simulation calls in process.
    pub fn stripe(&self) -> &Stripe {
        &self.stripe
    }

    /// Ends it, and returns when its port is free.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
