//! A running fake of Stripe. It is an account with an address, and the sender of its webhooks.

use std::net::SocketAddr;

use serde_json::Value;

use super::account::Stripe;
use super::deliveries;
use crate::clock::Clock;
use crate::faults::Faults;
use crate::http::{self as server, Server};

/// A running fake of Stripe; it ends when dropped.
pub struct FakeStripe {
    server: Server,
    stripe: Stripe,
}

impl FakeStripe {
    /// Starts on `address` with the machine's clock and an account in memory. The account has the meter.
    pub async fn start(address: SocketAddr) -> Result<Self, server::Error> {
        Self::serve(address, Stripe::new(Clock::system()).with_meter()).await
    }

    /// Serves an account on an address.
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

    /// Returns the base URL, in place of `https://api.stripe.com`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns the faults to come.
    pub fn faults(&self) -> &Faults {
        &self.stripe.faults
    }

    /// Returns its clock, which a test may move forward.
    pub fn clock(&self) -> &Clock {
        &self.stripe.clock
    }

    /// Returns the account's data, as `GET /_local/state` lists it.
    pub fn state(&self) -> Value {
        self.stripe.state()
    }

    /// Waits until each webhook has been accepted, given up, held or dropped.
    pub async fn settled(&self) {
        self.stripe.settled().await;
    }

    /// Returns the newest secret of a webhook endpoint or an event destination.
    pub fn webhook_secret(&self, endpoint: &str) -> Option<String> {
        self.stripe.lock().secret(endpoint)
    }

    /// Returns the requests so far: method, path, and the encoded parameters.
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

    /// Falsifies a session: a field of it, or its line's `price` or `quantity`.
    pub fn falsify_session(&self, id: &str, field: &str, value: Value) {
        self.falsify(id, field, value);
    }

    /// Falsifies a field of a session, a subscription or an invoice.
    ///
    /// The field is a name, or a pointer such as `/lines/data/0/amount`.
    pub fn falsify(&self, id: &str, field: &str, value: Value) {
        let mut state = self.stripe.lock();
        let overrides = if let Some(session) = state.checkout_sessions.get_mut(id) {
            &mut session.overrides
        } else if let Some(subscription) = state.subscriptions.get_mut(id) {
            &mut subscription.overrides
        } else if let Some(invoice) = state.invoices.get_mut(id) {
            &mut invoice.overrides
        } else {
            return;
        };
        overrides.insert(field.to_owned(), value);
    }

    /// Returns the account without the address, for calls in process by a simulation.
    pub fn stripe(&self) -> &Stripe {
        &self.stripe
    }

    /// Stops it, and returns when its port is free.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}
