//! Automatic tax: the account's settings, and the tax of an amount.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::price::Price;
use crate::stripe::wire::{Error, Form, Result};

/// The tax rate of all locations, in percent of the amount without tax.
const TAX_PERCENT: i64 = 10;

/// The tax behavior of a price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Behavior {
    /// The tax is added to the price.
    #[default]
    Exclusive,
    /// The price includes the tax.
    Inclusive,
}

impl Behavior {
    /// Returns the tax of an amount; half a cent and more is rounded up.
    pub(crate) fn tax_on(self, amount: i64) -> i64 {
        let whole = match self {
            Self::Exclusive => 100,
            Self::Inclusive => 100 + TAX_PERCENT,
        };
        (amount * TAX_PERCENT + whole / 2) / whole
    }
}

/// The tax settings of the account. A new account of this fake adds tax to the price.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Settings {
    tax_behavior: Option<String>,
    tax_code: Option<String>,
    head_office: Option<BTreeMap<String, String>>,
}

impl Default for Settings {
    fn default() -> Self {
        let head_office = [("country", "US"), ("line1", "1 Local Street")];
        let head_office = head_office.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self {
            tax_behavior: Some("exclusive".to_owned()),
            tax_code: None,
            head_office: Some(head_office.into()),
        }
    }
}

impl Settings {
    /// Returns the settings that a control names: `exclusive`, `inclusive`, or `none` for no settings.
    pub(crate) fn of_word(word: &str) -> Option<Self> {
        match word {
            "exclusive" | "inclusive" => Some(Self {
                tax_behavior: Some(word.to_owned()),
                ..Self::default()
            }),
            "none" => Some(Self {
                tax_behavior: None,
                tax_code: None,
                head_office: None,
            }),
            _ => None,
        }
    }

    /// Returns the tax behavior of a price: its own, or else the account's.
    pub(crate) fn behavior_of(&self, price: &Price) -> Option<Behavior> {
        let own = Some(price.tax_behavior.as_str()).filter(|own| *own != "unspecified");
        match own.or(self.tax_behavior.as_deref())? {
            "inclusive" => Some(Behavior::Inclusive),
            // In the United States and in Canada, prices are without tax.
            "inferred_by_currency" if !["usd", "cad"].contains(&price.currency.as_str()) => {
                Some(Behavior::Inclusive)
            }
            _ => Some(Behavior::Exclusive),
        }
    }

    /// Fails without a head office, or without a tax behavior. The message for the latter is not Stripe's own.
    /// <https://docs.stripe.com/tax/set-up>
    pub(crate) fn require(&self, prices: &[&Price]) -> Result<()> {
        if self.head_office.is_none() {
            let message = "You must have a valid head office address to enable automatic tax \
                 calculation in test mode. Visit https://dashboard.stripe.com/test/settings/tax to \
                 update it.";
            return Err(Error::invalid(message).executed());
        }
        for price in prices {
            if self.behavior_of(price).is_none() {
                let message = format!(
                    "The price `{}` has no `tax_behavior`, and your account has no default tax \
                     behavior. Set one of them to use automatic tax.",
                    price.id
                );
                let error = Error::param("parameter_invalid", "automatic_tax", message);
                return Err(error.executed());
            }
        }
        Ok(())
    }

    /// Stripe's `tax.settings`.
    pub(crate) fn to_json(&self) -> Value {
        let fields = ["city", "country", "line1", "line2", "postal_code", "state"];
        let head_office = self.head_office.as_ref().map(|known| {
            let address = fields.map(|field| (field, known.get(field)));
            json!({ "address": BTreeMap::from(address) })
        });
        let (status, details) = if head_office.is_some() {
            ("active", json!({ "active": {} }))
        } else {
            let missing = json!({ "missing_fields": ["head_office"] });
            ("pending", json!({ "pending": missing }))
        };
        json!({
            "object": "tax.settings",
            "defaults": {
                "provider": "stripe",
                "tax_behavior": self.tax_behavior,
                "tax_code": self.tax_code,
            },
            "head_office": head_office,
            "livemode": false,
            "status": status,
            "status_details": details,
        })
    }

    /// Changes the settings by the parameters of a call. Each part can be set, but not removed.
    pub(crate) fn change(&mut self, form: &mut Form) -> Result<()> {
        let words = ["exclusive", "inclusive", "inferred_by_currency"];
        let tax_behavior = form.word("defaults[tax_behavior]", &words)?;
        let tax_code = form.text("defaults[tax_code]", 255)?;
        let address = form.nested("head_office[address]");
        form.finish()?;
        if let Some(tax_behavior) = tax_behavior {
            self.tax_behavior = Some(tax_behavior.to_owned());
        }
        self.tax_code = tax_code.or(self.tax_code.take());
        if !address.is_empty() {
            self.head_office = Some(address);
        }
        Ok(())
    }
}
