//! The order that a caller places, and the terms that it is sold at. Pure.

use serde::Deserialize;

use crate::ledger::RequestHash;
use crate::pricing::catalog::{self, OrderTerms, Terms};
use crate::process::config::{self, Environment};
use crate::words::id::sha256;
use crate::words::return_url::{AllowedOrigins, NotAllowed, ReturnUrl};
use crate::words::whole::Whole;

/// The body of `POST /v1/checkout`. It has no amounts, Sparks or prices: those come from the catalogue.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CheckoutBody {
    /// The pack or plan.
    pub item: String,
    /// The quantity; one by default.
    #[serde(default)]
    pub quantity: Option<Whole>,
    /// The URL that the buyer returns to after paying.
    pub success_url: String,
    /// The URL that the buyer returns to without paying.
    pub cancel_url: String,
}

/// The deployment's settings of Checkout Sessions.
#[derive(Debug)]
pub struct Settings {
    /// The origins that buyers may be sent back to.
    pub allowed_origins: AllowedOrigins,
    /// True if sessions take promotion codes.
    pub promotion_codes: bool,
    /// True if Stripe adds taxes.
    pub automatic_tax: bool,
}

/// An order that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invalid {
    /// The rule it breaks.
    pub rule: Rule,
    /// The field that breaks it.
    pub field: &'static str,
    /// The problem, worded as the rest of a sentence that begins with the field.
    pub detail: String,
}

/// A rule that orders must follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Items are in the catalogue.
    Item,
    /// Quantities are at least 1, and limited.
    Quantity,
    /// Return URLs belong to an allowed origin.
    Url,
}

/// A requested order: its terms and its return URLs.
pub(super) struct OrderRequest {
    pub(super) terms: OrderTerms,
    pub(super) success_url: String,
    pub(super) cancel_url: String,
}

impl CheckoutBody {
    /// Hashes the request as it was sent, before it is interpreted.
    pub(super) fn hash(&self) -> RequestHash {
        let text = |quantity: Whole| {
            quantity
                .at_most(u64::MAX)
                .map_or("-".to_owned(), |all| all.to_string())
        };
        let quantity = self.quantity.map(text);
        RequestHash(sha256(&[
            "checkout",
            &self.item,
            quantity.as_deref().unwrap_or_default(),
            &self.success_url,
            &self.cancel_url,
        ]))
    }
}

impl Settings {
    /// Reads the settings from the environment.
    pub fn new(environment: Environment<'_>) -> Result<Self, config::Error> {
        Ok(Self {
            allowed_origins: environment.allowed_origins()?,
            promotion_codes: environment.promotion_codes()?,
            automatic_tax: environment.automatic_tax()?,
        })
    }

    /// Takes an order at the catalogue's terms.
    pub(super) fn request(
        &self,
        terms: &Terms,
        body: &CheckoutBody,
    ) -> Result<OrderRequest, Invalid> {
        let count = |quantity: Whole| quantity.at_most(u32::MAX.into())?.try_into().ok();
        // A number that is no valid count becomes 0, which the catalogue refuses.
        let quantity = body
            .quantity
            .map_or(1, |quantity| count(quantity).unwrap_or(0));
        let terms = catalog::order(&body.item, quantity, &terms.price_ids).map_err(not_sold)?;
        let url = |field, text: &str| {
            ReturnUrl::new(text, &self.allowed_origins).map_err(|error| not_allowed(field, error))
        };
        Ok(OrderRequest {
            success_url: url("success_url", &body.success_url)?.with_session_id(),
            cancel_url: url("cancel_url", &body.cancel_url)?.as_str().to_owned(),
            terms,
        })
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to `map_err`")]
fn not_sold(error: catalog::Error) -> Invalid {
    match error {
        catalog::Error::UnknownItem => Invalid {
            rule: Rule::Item,
            field: "item",
            detail: "is not for sale; see the catalogue".into(),
        },
        catalog::Error::Quantity(most) => Invalid {
            rule: Rule::Quantity,
            field: "quantity",
            detail: format!("must be from 1 to {most}"),
        },
    }
}

fn not_allowed(field: &'static str, error: NotAllowed) -> Invalid {
    Invalid {
        rule: Rule::Url,
        field,
        detail: error.to_string(),
    }
}
