//! The accounts that the script is played on, and the failures of it. Each account is a fake's, or one of Stripe's in
//! test mode.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, header};
use jiff::Timestamp;
use local::faults::Fault;
use local::http::FREE_PORT;
use local::stripe::{FakeStripe, SECRET_KEY, Stripe as Fake};
use secrecy::ExposeSecret;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::json;
use shared::process::clock::Clock;
use shared::process::config::{Environment, StripeAccess};
use shared::process::transport::{self, Transport};
use shared::providers::stripe::{self, API_VERSION, Stripe};

/// The stage of everything that the script makes.
pub const STAGE: &str = "live-check";

/// The time that one call may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(30);

/// The pause between two looks at a test clock.
const PAUSE: Duration = Duration::from_secs(2);

/// The most looks at a test clock that advances.
const MAX_LOOKS: u32 = 150;

/// The failure that ended a part of the script.
#[derive(Debug)]
pub(super) enum Failure {
    /// `sparks stripe-setup` failed.
    Setup(cli::Error),
    /// A call by the product's client failed.
    Call(stripe::Error),
    /// A call that the client does not make failed.
    Transport(transport::Error),
    /// An object was not deleted.
    NotDeleted(StatusCode),
    /// The answer is not the one that the product relies on.
    Unexpected(&'static str),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Setup(error) => f.write_str(&cli::failure(error)),
            Self::Call(error) => f.write_str(&cli::failure(error)),
            Self::Transport(error) => f.write_str(&cli::failure(error)),
            Self::NotDeleted(status) => write!(f, "not deleted, status {status}"),
            Self::Unexpected(what) => f.write_str(what),
        }
    }
}

impl From<cli::Error> for Failure {
    fn from(error: cli::Error) -> Self {
        Self::Setup(error)
    }
}

impl From<stripe::Error> for Failure {
    fn from(error: stripe::Error) -> Self {
        Self::Call(error)
    }
}

/// An account that the script is played on.
pub struct Account {
    pub(super) access: StripeAccess,
    time: Time,
}

/// The way in which an account lets time pass.
enum Time {
    /// The fake's clock skips it.
    Fake(Box<FakeStripe>),
    /// A test clock advances. <https://docs.stripe.com/billing/testing/test-clocks>
    TestClock,
}

/// A clock that was started on an account.
pub(super) struct Started {
    /// The id of the test clock, for the customers on it.
    pub(super) test_clock: Option<String>,
    at: Timestamp,
    /// A client whose calls are not recorded: the fake has no test clocks.
    stripe: Stripe,
    waits: Clock,
}

#[derive(Deserialize)]
struct TestClock {
    id: String,
    status: String,
}

/// Starts an empty fake, whose clock ends periods and whose webhooks are dropped.
pub async fn quiet_fake() -> Result<FakeStripe, local::http::Error> {
    let account = Fake::new(local::clock::Clock::system());
    let fake = FakeStripe::serve(FREE_PORT, account).await?;
    let drop = Fault::new("webhooks/", "drop").expect("a fault");
    fake.faults().add(drop.times(u32::MAX));
    let settings = json!({ "periods": "clock" }).to_string();
    let request = http::Request::post("/_local/settings").body(Bytes::from(settings));
    let request = request.expect("a request of constants");
    fake.stripe().handle(request).await;
    Ok(fake)
}

impl Account {
    /// The account of a fake.
    pub fn of_fake(fake: FakeStripe) -> Self {
        let lookup = |name: &str| match name {
            "STRIPE_SECRET_KEY" => Some(SECRET_KEY.to_owned()),
            "STRIPE_API_BASE" => Some(fake.url()),
            _ => None,
        };
        let access = Environment::from_lookup(&lookup).required_stripe();
        Self {
            access: access.expect("access to a fake"),
            time: Time::Fake(Box::new(fake)),
        }
    }

    /// An account of Stripe's in test mode.
    pub const fn in_test_mode(access: StripeAccess) -> Self {
        Self {
            access,
            time: Time::TestClock,
        }
    }

    /// The variables of the operator's command.
    pub(super) fn variables(&self) -> BTreeMap<String, String> {
        let StripeAccess { base, secret_key } = &self.access;
        let variables = [
            ("STAGE", STAGE),
            ("STRIPE_API_BASE", base),
            ("STRIPE_SECRET_KEY", secret_key.expose_secret()),
        ];
        variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    /// Starts a clock, which waits by the caller's clock.
    pub(super) async fn start_clock(&self, run: &str, waits: &Clock) -> Result<Started, Failure> {
        let stripe = Stripe::new(&self.access, &Transport::network(), waits);
        let at = waits.now();
        let test_clock = match &self.time {
            Time::Fake(_) => None,
            Time::TestClock => {
                let frozen_time = at.as_second().to_string();
                let form = [("frozen_time", frozen_time.as_str()), ("name", STAGE)];
                let path = "/v1/test_helpers/test_clocks";
                let key = format!("{run}:clock");
                let made: TestClock = stripe.make(path, &form, &key, TIMEOUT).await?;
                Some(made.id)
            }
        };
        Ok(Started {
            test_clock,
            at,
            stripe,
            waits: waits.clone(),
        })
    }

    /// Lets time pass, and returns when everything that was due is done.
    pub(super) async fn pass(&self, clock: &mut Started, time: Duration) -> Result<(), Failure> {
        let seconds = i64::try_from(time.as_secs()).expect("a time of some weeks");
        clock.at += time;
        match &self.time {
            Time::Fake(fake) => {
                fake.clock().skip(seconds);
                fake.stripe().pass_time();
                Ok(())
            }
            Time::TestClock => clock.advance().await,
        }
    }

    /// Deletes a test clock, and with it the customers and subscriptions that are on it.
    pub(super) async fn end_clock(&self, clock: &Started) -> Result<(), Failure> {
        let Some(id) = &clock.test_clock else {
            return Ok(());
        };
        let path = format!("/v1/test_helpers/test_clocks/{id}");
        self.delete(&Transport::network(), &path).await
    }

    /// Deletes an object, which the product's client never does.
    pub(super) async fn delete(&self, transport: &Transport, path: &str) -> Result<(), Failure> {
        let StripeAccess { base, secret_key } = &self.access;
        let key = secret_key.expose_secret();
        let request = http::Request::delete(format!("{base}{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {key}"))
            .header("stripe-version", API_VERSION)
            .body(Bytes::new());
        let unfit = |_| Failure::Unexpected("an id cannot be part of an address");
        let answer = transport.send(request.map_err(unfit)?, TIMEOUT).await;
        match answer.map_err(Failure::Transport)?.status() {
            status if status.is_success() => Ok(()),
            status => Err(Failure::NotDeleted(status)),
        }
    }
}

impl Started {
    /// Advances the test clock, and waits until it is there.
    async fn advance(&self) -> Result<(), Failure> {
        let id = self.test_clock.as_deref().unwrap_or_default();
        let path = format!("/v1/test_helpers/test_clocks/{id}");
        let until = self.at.as_second().to_string();
        let advance = format!("{path}/advance");
        let form = [("frozen_time", until.as_str())];
        let key = format!("{id}:{until}");
        let _: IgnoredAny = self.stripe.make(&advance, &form, &key, TIMEOUT).await?;
        for _ in 0..MAX_LOOKS {
            let found: Option<TestClock> = self.stripe.read(&path, TIMEOUT).await?;
            match found.as_ref().map(|clock| clock.status.as_str()) {
                Some("ready") => return Ok(()),
                Some("advancing") => self.waits.sleep(PAUSE).await,
                _ => break,
            }
        }
        Err(Failure::Unexpected("the test clock does not advance"))
    }
}
