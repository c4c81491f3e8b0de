//! The only reader of the environment. Each function takes the variables that it uses, typed and checked.

mod elsewhere;
mod faults;
mod table;

use std::str::FromStr;
use std::time::Duration;

use jiff::SignedDuration;
use secrecy::{ExposeSecret, SecretString};
use tracing_subscriber::filter::Targets;
use url::Url;

use crate::pricing::catalog::{OFFERS, PriceIds, Terms};
use crate::words::return_url::AllowedOrigins;

pub use elsewhere::Elsewhere;
pub use table::{ItemVersion, TableSettings};

/// A missing or malformed variable, which stops the start.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the environment variable {name} {problem}")]
pub struct Error {
    /// The variable.
    pub name: &'static str,
    /// The problem, such as `is not set`.
    pub problem: &'static str,
}

/// The environment variables.
#[derive(Clone, Copy)]
pub struct Environment<'a>(&'a (dyn Fn(&str) -> Option<String> + Sync));

/// Access to AWS.
#[derive(Clone, Debug)]
pub struct Aws {
    /// The region, `AWS_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: SecretString,
    /// `AWS_SESSION_TOKEN`; Lambda always sets one.
    pub session_token: Option<SecretString>,
    /// `AWS_ENDPOINT_URL_DYNAMODB`, for a stack that is not AWS.
    pub dynamodb_endpoint: Option<String>,
    /// `AWS_ENDPOINT_URL_SSM`, likewise.
    pub ssm_endpoint: Option<String>,
}

/// Access to Stripe.
#[derive(Clone, Debug)]
pub struct StripeAccess {
    /// `STRIPE_API_BASE`, by default `https://api.stripe.com`.
    pub base: String,
    /// `STRIPE_SECRET_KEY`.
    pub secret_key: SecretString,
}

/// Access to Langfuse.
#[derive(Clone, Debug)]
pub struct LangfuseAccess {
    /// `LANGFUSE_HOST`, such as `https://cloud.langfuse.com`.
    pub host: String,
    /// `LANGFUSE_PUBLIC_KEY`.
    pub public_key: String,
    /// `LANGFUSE_SECRET_KEY`.
    pub secret_key: SecretString,
}

const MISSING: &str = "is not set";

impl<'a> Environment<'a> {
    /// The variables of this process.
    pub fn process() -> Environment<'static> {
        Environment(&|name| {
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the reader of the environment"
            )]
            std::env::var(name).ok()
        })
    }

    /// Variables looked up by a function.
    pub fn from_lookup(lookup: &'a (dyn Fn(&str) -> Option<String> + Sync)) -> Self {
        Self(lookup)
    }

    /// Returns a variable unchanged.
    pub(crate) fn variable(self, name: &str) -> Option<String> {
        (self.0)(name)
    }

    /// Returns a variable without surrounding white space; None if it is absent or blank.
    fn optional(self, name: &'static str) -> Option<String> {
        (self.0)(name)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    fn required(self, name: &'static str) -> Result<String, Error> {
        self.optional(name).ok_or(Error {
            name,
            problem: MISSING,
        })
    }

    fn secret(self, name: &'static str) -> Result<SecretString, Error> {
        self.required(name).map(SecretString::from)
    }

    /// Returns an address without trailing slashes: https, or http on a loopback host.
    fn address(self, name: &'static str, default: Option<&str>) -> Result<String, Error> {
        let address = match (self.optional(name), default) {
            (Some(address), _) => address,
            (None, Some(default)) => default.to_owned(),
            (None, None) => {
                return Err(Error {
                    name,
                    problem: MISSING,
                });
            }
        };
        let address = address.trim_end_matches('/').to_owned();
        let uri = http::Uri::from_str(&address).map_err(|_| Error {
            name,
            problem: "is not a valid URL",
        })?;
        let loopback = matches!(uri.host(), Some("127.0.0.1" | "[::1]" | "localhost"));
        let scheme = uri.scheme_str();
        // Paths are appended to it, and the transport parses it again.
        let whole = scheme.is_none()
            || Url::parse(&address).is_ok_and(|url| {
                let bare = url.username().is_empty() && url.password().is_none();
                bare && url.query().is_none() && url.fragment().is_none()
            });
        if !whole {
            let problem = "is not a valid URL";
            return Err(Error { name, problem });
        }
        match scheme {
            Some("https") => Ok(address),
            Some("http") if loopback => Ok(address),
            _ => Err(Error {
                name,
                problem: "must be an https URL",
            }),
        }
    }

    fn optional_address(self, name: &'static str) -> Result<Option<String>, Error> {
        match self.optional(name) {
            Some(_) => self.address(name, None).map(Some),
            None => Ok(None),
        }
    }

    /// `RUST_LOG`: the log filter, as a level or as `target=level` pairs, by default `info`.
    pub fn log_filter(self) -> Result<Targets, Error> {
        let name = "RUST_LOG";
        let filter = self.optional(name).unwrap_or_else(|| "info".to_owned());
        let problem = "must be a level such as `info`, or pairs such as `shared=debug`";
        filter.parse().map_err(|_| Error { name, problem })
    }

    /// `STAGE`: the name of this deployment; ids derived from it differ between deployments.
    ///
    /// It is also the environment of traces, so it must be a name that Langfuse accepts.
    pub fn stage(self) -> Result<String, Error> {
        let name = "STAGE";
        let stage = self.required(name)?;
        let allowed =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        if stage.len() > 40 || !stage.bytes().all(allowed) || stage.starts_with("langfuse") {
            return Err(Error {
                name,
                problem: "must be 1 to 40 characters of `a-z 0-9 _ -` and must not begin with `langfuse`",
            });
        }
        Ok(stage)
    }

    /// `ACCOUNT_CLAIM`: the claim of a token that names the account, by default `sub`.
    pub fn account_claim(self) -> String {
        self.optional("ACCOUNT_CLAIM")
            .unwrap_or_else(|| "sub".to_owned())
    }

    /// `PROBLEMS_URL`: the page that describes problems, each under its code with dashes; by default none.
    pub fn problems_url(self) -> Result<Option<String>, Error> {
        self.optional_address("PROBLEMS_URL")
    }

    /// `DELIVERY_BUDGET_MS`: the longest wait of a response for deliveries, by default 3,000, at most 10,000.
    pub fn delivery_budget(self) -> Result<Duration, Error> {
        let name = "DELIVERY_BUDGET_MS";
        let Some(text) = self.optional(name) else {
            return Ok(Duration::from_secs(3));
        };
        text.parse()
            .ok()
            .filter(|budget_ms| (100..=10_000).contains(budget_ms))
            .map(Duration::from_millis)
            .ok_or(Error {
                name,
                problem: "must be a number of milliseconds from 100 to 10000",
            })
    }

    /// `AWS_REGION`, the credentials, and `AWS_ENDPOINT_URL_DYNAMODB` and `AWS_ENDPOINT_URL_SSM`.
    pub fn aws(self) -> Result<Aws, Error> {
        Ok(Aws {
            region: self.required("AWS_REGION")?,
            access_key_id: self.required("AWS_ACCESS_KEY_ID")?,
            secret_access_key: self.secret("AWS_SECRET_ACCESS_KEY")?,
            session_token: self.optional("AWS_SESSION_TOKEN").map(SecretString::from),
            dynamodb_endpoint: self.optional_address("AWS_ENDPOINT_URL_DYNAMODB")?,
            ssm_endpoint: self.optional_address("AWS_ENDPOINT_URL_SSM")?,
        })
    }

    /// Access to Stripe. None if none of its variables is set, and then usage is not metered.
    pub fn stripe(self) -> Result<Option<StripeAccess>, Error> {
        if self.none_of(&["STRIPE_SECRET_KEY", "STRIPE_API_BASE"]) {
            return Ok(None);
        }
        let name = "STRIPE_SECRET_KEY";
        let secret_key = self.secret(name)?;
        // Any other key would count as test mode, and every live payment as a mistake.
        let modes = ["sk_test_", "rk_test_", "sk_live_", "rk_live_"];
        if !modes
            .iter()
            .any(|mode| secret_key.expose_secret().starts_with(mode))
        {
            let problem = "must begin with `sk_test_`, `rk_test_`, `sk_live_` or `rk_live_`";
            return Err(Error { name, problem });
        }
        Ok(Some(StripeAccess {
            base: self.address("STRIPE_API_BASE", Some("https://api.stripe.com"))?,
            secret_key,
        }))
    }

    /// Access to Stripe; fails if it is not configured.
    pub fn required_stripe(self) -> Result<StripeAccess, Error> {
        let name = "STRIPE_SECRET_KEY";
        self.stripe()?.ok_or(Error {
            name,
            problem: MISSING,
        })
    }

    /// `STRIPE_PRICE_IDS`: the Stripe price id of every item on sale, as `pack_125k=price_…,…`.
    ///
    /// `sparks stripe-setup` prints it.
    pub fn stripe_price_ids(self) -> Result<PriceIds, Error> {
        let name = "STRIPE_PRICE_IDS";
        let malformed = Error {
            name,
            problem: "must be a list such as `pack_125k=price_1,pack_500k=price_2`",
        };
        let mut price_ids = PriceIds::new();
        for pair in self.required(name)?.split(',') {
            let (item, price_id) = pair.trim().split_once('=').ok_or(malformed)?;
            let known = OFFERS.iter().any(|offer| offer.item == item);
            let clear =
                !price_id.is_empty() && price_id.bytes().all(|byte| byte.is_ascii_graphic());
            if !known || !clear || price_ids.insert(item.into(), price_id.into()).is_some() {
                return Err(malformed);
            }
        }
        if price_ids.len() < OFFERS.len() {
            let problem = "lacks the price of an item of the catalogue";
            return Err(Error { name, problem });
        }
        Ok(price_ids)
    }

    /// `STRIPE_WEBHOOK_SECRETS`: the secrets of the webhook endpoints, `whsec_…`, separated by commas.
    pub fn stripe_webhook_secrets(self) -> Result<Vec<SecretString>, Error> {
        let name = "STRIPE_WEBHOOK_SECRETS";
        let secrets = self.required(name)?;
        let secrets = secrets.split(',').map(|secret| {
            let secret = secret.trim();
            let problem = "must be a list of secrets such as `whsec_…`";
            let blank = secret.is_empty();
            (!blank)
                .then(|| SecretString::from(secret))
                .ok_or(Error { name, problem })
        });
        secrets.collect()
    }

    /// `ALLOWED_ORIGINS`: the origins of the app's frontend, separated by commas.
    pub fn allowed_origins(self) -> Result<AllowedOrigins, Error> {
        let name = "ALLOWED_ORIGINS";
        let problem = "must be a list of origins such as `https://app.example.com`";
        let origins = self.required(name)?;
        origins.parse().map_err(|_| Error { name, problem })
    }

    /// `STRIPE_PORTAL_CONFIGURATION`: the customer portal's configuration, `bpc_…`; by default the dashboard's.
    ///
    /// `sparks stripe-setup` prints it.
    pub fn stripe_portal_configuration(self) -> Result<Option<String>, Error> {
        let name = "STRIPE_PORTAL_CONFIGURATION";
        let Some(id) = self.optional(name) else {
            return Ok(None);
        };
        let clear = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if id.bytes().all(clear) {
            return Ok(Some(id));
        }
        let problem = "must be an id such as `bpc_1`";
        Err(Error { name, problem })
    }

    /// `STAGE`, `STRIPE_PRICE_IDS` and `PLAN_GRACE_HOURS`: the terms at which plans are granted.
    ///
    /// In the hours of grace, a plan's Sparks can be used after their period: by default 24 hours, at most 2,160.
    pub fn plan_terms(self) -> Result<Terms, Error> {
        let name = "PLAN_GRACE_HOURS";
        let hours = match self.optional(name) {
            None => 24,
            Some(text) => text
                .parse()
                .ok()
                .filter(|hours| (0..=2_160).contains(hours))
                .ok_or(Error {
                    name,
                    problem: "must be a number of hours from 0 to 2160",
                })?,
        };
        Ok(Terms {
            stage: self.stage()?,
            price_ids: self.stripe_price_ids()?,
            grace: SignedDuration::from_hours(hours),
        })
    }

    /// `CHECKOUT_PROMOTION_CODES`: whether checkout pages take promotion codes, by default `false`.
    pub fn promotion_codes(self) -> Result<bool, Error> {
        self.switch("CHECKOUT_PROMOTION_CODES")
    }

    /// `CHECKOUT_AUTOMATIC_TAX`: whether Stripe adds taxes at checkout, by default `false`.
    pub fn automatic_tax(self) -> Result<bool, Error> {
        self.switch("CHECKOUT_AUTOMATIC_TAX")
    }

    /// `SHOW_PROVIDER_COST`: whether accounts see the provider's cost of their usage, by default `false`.
    pub fn show_provider_cost(self) -> Result<bool, Error> {
        self.switch("SHOW_PROVIDER_COST")
    }

    fn switch(self, name: &'static str) -> Result<bool, Error> {
        match self.optional(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(Error {
                name,
                problem: "must be `true` or `false`",
            }),
        }
    }

    /// Access to Langfuse. None if none of its variables is set, and then usage is not traced.
    pub fn langfuse(self) -> Result<Option<LangfuseAccess>, Error> {
        if self.none_of(&[
            "LANGFUSE_HOST",
            "LANGFUSE_PUBLIC_KEY",
            "LANGFUSE_SECRET_KEY",
        ]) {
            return Ok(None);
        }
        Ok(Some(LangfuseAccess {
            host: self.address("LANGFUSE_HOST", None)?,
            public_key: self.required("LANGFUSE_PUBLIC_KEY")?,
            secret_key: self.secret("LANGFUSE_SECRET_KEY")?,
        }))
    }

    /// Returns whether none of these variables is set.
    ///
    /// A partial configuration must not turn a provider off: usage recorded meanwhile would never be delivered.
    fn none_of(self, names: &[&'static str]) -> bool {
        names.iter().all(|name| self.optional(name).is_none())
    }
}

#[cfg(test)]
mod tests;
