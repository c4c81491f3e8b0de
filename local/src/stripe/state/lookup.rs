//! Finds objects by their ids, and stores them.

use serde_json::Value;

use super::account::State;
use super::kinds::Kind;
use crate::stripe::objects::{Invoice, Price, Session, Subscription};
use crate::stripe::wire::json::{shown, text};
use crate::stripe::wire::{Error, Result};

impl State {
    /// Returns the stored object of an id in the path.
    pub(crate) fn object(&self, kind: &str, id: &str) -> Result<&Value> {
        self.object_of(kind, "id", id)
    }

    /// Returns the stored object of an id in a parameter.
    pub(crate) fn object_of(&self, kind: &str, param: &str, id: &str) -> Result<&Value> {
        let object = self.objects.get(kind, id);
        object.ok_or_else(|| Kind::no_such(kind, param, id))
    }

    /// Stores an object; returns it as Stripe shows it.
    pub(crate) fn keep(&mut self, kind: &str, object: Value) -> Value {
        let shown = shown(&object);
        self.objects.insert(kind, object);
        shown
    }

    /// Stores an object and emits an event with it; returns it as Stripe shows it.
    pub(crate) fn keep_and_emit(
        &mut self,
        kind: &str,
        object: Value,
        event: &str,
        now: i64,
    ) -> Value {
        let shown = self.keep(kind, object);
        self.emit(event, &shown, now);
        shown
    }

    /// Returns a customer that is not deleted.
    pub(crate) fn customer(&self, param: &str, id: &str) -> Result<&Value> {
        let customer = self.objects.get("customers", id);
        let customer = customer.filter(|customer| customer["deleted"] != true);
        customer.ok_or_else(|| Error::no_such("customer", param, id))
    }

    /// Returns the price of an id in a parameter.
    pub(crate) fn price(&self, param: &str, id: &str) -> Result<&Price> {
        let price = self.prices.get(id);
        price.ok_or_else(|| Error::no_such("price", param, id))
    }

    /// Returns the name of a product; an empty one without the product.
    pub(crate) fn product_name(&self, id: &str) -> String {
        let product = self.objects.get("products", id);
        product.map_or_else(String::new, |known| text(known, "name").to_owned())
    }

    /// Returns a Checkout Session by its id.
    pub(crate) fn session(&self, id: &str) -> Result<&Session> {
        let found = self.checkout_sessions.get(id);
        found.ok_or_else(|| Kind::no_such("checkout_sessions", "id", id))
    }

    /// Returns a Checkout Session by its id, mutable.
    pub(crate) fn session_mut(&mut self, id: &str) -> Result<&mut Session> {
        let found = self.checkout_sessions.get_mut(id);
        found.ok_or_else(|| Kind::no_such("checkout_sessions", "id", id))
    }

    /// Returns a subscription by its id.
    pub(crate) fn subscription(&self, id: &str) -> Result<&Subscription> {
        let found = self.subscriptions.get(id);
        found.ok_or_else(|| Kind::no_such("subscriptions", "id", id))
    }

    /// Returns a subscription by its id, mutable.
    pub(crate) fn subscription_mut(&mut self, id: &str) -> Result<&mut Subscription> {
        let found = self.subscriptions.get_mut(id);
        found.ok_or_else(|| Kind::no_such("subscriptions", "id", id))
    }

    /// Returns an invoice by its id.
    pub(crate) fn invoice(&self, id: &str) -> Result<&Invoice> {
        let found = self.invoices.get(id);
        found.ok_or_else(|| Kind::no_such("invoices", "id", id))
    }

    /// Returns an invoice by its id, mutable.
    pub(crate) fn invoice_mut(&mut self, id: &str) -> Result<&mut Invoice> {
        let found = self.invoices.get_mut(id);
        found.ok_or_else(|| Kind::no_such("invoices", "id", id))
    }
}
