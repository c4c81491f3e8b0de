//! The buyer's part: customer, checkout, portal and meter.

use jiff::SignedDuration;
use shared::providers::stripe::{
    MeterEvent, NewCheckoutSession, NewPortalSession, PortalFlow, SessionStatus,
};
use shared::words::id::{AccountId, CustomerId, IdempotencyKey, OrderId};
use shared::words::sparks::Sparks;

use super::{RETURN_URL, Script, SetUp, expected, refused};
use crate::live_check::account::{Failure, STAGE, TIMEOUT};
use crate::live_check::step::Step;

/// A customer that does not exist.
const UNKNOWN: &str = "cus_LiveCheckNone";

/// The time for which a Checkout Session stays open.
const OPEN: SignedDuration = SignedDuration::from_hours(2);

/// The usage of the meter event.
const USED: Sparks = Sparks::from_milli(1_500);

impl Script<'_> {
    pub(super) async fn pages(&mut self, setup: &SetUp) -> Result<(), Failure> {
        self.recorder.begin(Step::Customer);
        let account = self.account_id();
        let customer = self.stripe.create_customer(STAGE, &account, 0, TIMEOUT);
        let customer = customer.await?;
        self.leftovers.push(format!("/v1/customers/{customer}"));
        if self.stripe.is_customer_deleted(&customer, TIMEOUT).await? {
            return Err(Failure::Unexpected("a new customer is deleted"));
        }
        self.recorder.begin(Step::PackSession);
        self.session(setup, &customer, "pack_125k").await?;
        self.recorder.begin(Step::PlanSession);
        self.session(setup, &customer, "plus").await?;
        self.recorder.begin(Step::PortalSession);
        for flow in [None, Some(PortalFlow::PaymentMethodUpdate)] {
            self.portal(setup, &customer, flow).await?;
        }
        self.recorder.begin(Step::MeterEvent);
        self.meter_event(&customer).await?;
        self.recorder.begin(Step::UnknownCustomer);
        self.unknown_customer(setup).await
    }

    fn account_id(&self) -> AccountId {
        let account = self.name("account").parse();
        account.expect("a run is letters, digits and dashes")
    }

    pub(super) fn order(&self, name: &str) -> OrderId {
        let key: Result<IdempotencyKey, _> = name.parse();
        let key = key.expect("a name of ours is visible ASCII");
        OrderId::derive(STAGE, &self.account_id(), &key)
    }

    /// Creates a Checkout Session for an item, reads and lists it, and expires it.
    async fn session(
        &self,
        setup: &SetUp,
        customer: &CustomerId,
        item: &str,
    ) -> Result<(), Failure> {
        let price_id = expected(setup.price_ids.get(item), "an item has no price")?;
        let (order, plan) = (self.order(item), item == "plus");
        let success_url = format!("{RETURN_URL}paid?session={{CHECKOUT_SESSION_ID}}");
        let new = NewCheckoutSession {
            order: &order,
            stage: STAGE,
            customer,
            subscription: plan,
            price_id,
            quantity: 1,
            success_url: &success_url,
            cancel_url: RETURN_URL,
            expires_at: self.began + OPEN,
            promotion_codes: true,
            automatic_tax: false,
        };
        let stripe = &self.stripe;
        let (session, url) = stripe.create_checkout_session(&new, TIMEOUT).await?;
        expected(url, "an open session has no address")?;
        let read = stripe.checkout_session(&session, TIMEOUT).await?;
        let read = expected(read, "a new session is not found")?;
        if read.status != Some(SessionStatus::Open) {
            return Err(Failure::Unexpected("a new session is not open"));
        }
        let found = stripe.session_of_order(customer, &order, TIMEOUT).await?;
        expected(found, "a session is not listed for its customer")?;
        let plans = stripe.open_plan_sessions(customer, STAGE, TIMEOUT).await?;
        if plans.contains(&session) != plan {
            return Err(Failure::Unexpected(
                "the list of open plan sessions is wrong",
            ));
        }
        stripe.complete_sessions(self.made(), TIMEOUT).await?;
        stripe.expire_session(&session, TIMEOUT).await?;
        // Another key makes it a new request, and the session is no longer open.
        let path = format!("/v1/checkout/sessions/{session}/expire");
        let again = self.make(&path, &[], &format!("expire-{item}")).await;
        match again {
            Err(Failure::Call(error)) => refused::<()>(Err(error), "")?,
            Err(failure) => return Err(failure),
            Ok(_) => return Err(Failure::Unexpected("an expired session expires again")),
        }
        let read = stripe.checkout_session(&session, TIMEOUT).await?;
        expected(read, "an expired session is not found")?;
        Ok(())
    }

    pub(super) async fn portal(
        &self,
        setup: &SetUp,
        customer: &CustomerId,
        flow: Option<PortalFlow<'_>>,
    ) -> Result<(), Failure> {
        let new = NewPortalSession {
            customer,
            return_url: RETURN_URL,
            configuration: Some(&setup.portal_configuration),
            flow,
        };
        let key = self.name(&format!("portal-{flow:?}"));
        let made = self.stripe.create_portal_session(&new, &key, TIMEOUT).await;
        if flow.is_none() {
            made?;
            return Ok(());
        }
        // If Stripe refuses a flow, the product opens the portal's overview instead.
        super::either(made)
    }

    /// Reports a usage of the hour before to the meter, twice. The second event is a duplicate.
    async fn meter_event(&self, customer: &CustomerId) -> Result<(), Failure> {
        let identifier = self.name("usage");
        for attempt in 0..2 {
            let event = MeterEvent {
                identifier: &identifier,
                customer,
                value: USED,
                occurred_at: self.hour() - SignedDuration::from_mins(30),
                attempt,
            };
            self.stripe.record_meter_event(&event, TIMEOUT).await?;
        }
        Ok(())
    }

    /// Returns the beginning of the hour in which the script began.
    fn hour(&self) -> jiff::Timestamp {
        let second = self.began.as_second();
        let hour = jiff::Timestamp::from_second(second - second.rem_euclid(3_600));
        hour.expect("a time some minutes ago")
    }

    /// Reads the objects and lists of a customer that does not exist.
    async fn unknown_customer(&self, setup: &SetUp) -> Result<(), Failure> {
        let unknown: CustomerId = UNKNOWN.parse().expect("an id");
        let stripe = &self.stripe;
        let what = "lists of an unknown customer are not refused";
        refused(stripe.subscriptions(&unknown, TIMEOUT).await, what)?;
        let sessions = stripe.open_plan_sessions(&unknown, STAGE, TIMEOUT).await;
        refused(sessions, what)?;
        let hours = self.hours(setup, &unknown).await?;
        if hours.is_some() {
            return Err(Failure::Unexpected("the meter knows an unknown customer"));
        }
        let session = "cs_test_LiveCheckNone".parse().expect("an id");
        match stripe.checkout_session(&session, TIMEOUT).await? {
            None => Ok(()),
            Some(_) => Err(Failure::Unexpected("an unknown session is found")),
        }
    }

    async fn hours(&self, setup: &SetUp, customer: &CustomerId) -> Result<Option<usize>, Failure> {
        let (from, before) = (self.hour() - SignedDuration::from_hours(1), self.hour());
        let hours = self
            .stripe
            .metered_hours(&setup.meter, customer, from, before, TIMEOUT)
            .await?;
        Ok(hours.map(|hours| hours.len()))
    }

    /// Reads the hours that the meter has counted for the buyer. There may be none yet.
    pub(super) async fn summaries(&self, setup: &SetUp) -> Result<(), Failure> {
        self.recorder.begin(Step::MeterSummaries);
        let mut customers = self.leftovers.iter();
        let customer = customers.find_map(|path| path.strip_prefix("/v1/customers/"));
        let customer = expected(customer, "there is no customer")?;
        let customer = customer.parse().expect("an id that was read");
        let hours = self.hours(setup, &customer).await?;
        expected(hours, "the meter does not know the customer").map(drop)
    }
}
