//! The subscriber's part: cards, renewals, refunds, credit notes and disputes.

use std::time::Duration;

use serde::de::IgnoredAny;
use shared::providers::stripe::{
    Invoice, InvoiceStatus, PortalFlow, Subscription, SubscriptionStatus,
};
use shared::words::id::{CustomerId, InvoiceId, PaymentIntentId, ReversalId, SubscriptionId};
use shared::words::reversal_kind::ReversalKind;

use super::{Id, Script, SetUp, either, expected};
use crate::live_check::account::{Failure, STAGE, Started, TIMEOUT};
use crate::live_check::step::Step;

/// A card that pays, by Stripe's name. <https://docs.stripe.com/testing>
const PAYS: &str = "pm_card_visa";

/// A card that can be attached to a customer and never pays.
const NEVER_PAYS: &str = "pm_card_chargeCustomerFail";

/// The trial of the subscription whose card never pays. It ends within the time that passes, and too late for a retry.
const TRIAL_DAYS: &str = "30";

/// A month, plus an hour for the draft and two hours of margin. Two periods are longer.
const PERIOD: Duration = Duration::from_hours(31 * 24 + 3);

/// A subscription on a clock, and its customer.
struct Subscribed {
    id: SubscriptionId,
    customer: CustomerId,
}

impl Script<'_> {
    pub(super) async fn billing(&mut self, setup: &SetUp) -> Result<(), Failure> {
        let mut clock = self.account.start_clock(&self.run, &self.clock).await?;
        let played = self.on_clock(setup, &mut clock).await;
        let ended = self.account.end_clock(&clock).await;
        played.and(ended)
    }

    async fn on_clock(&self, setup: &SetUp, clock: &mut Started) -> Result<(), Failure> {
        self.recorder.begin(Step::Cards);
        let good = self.customer(PAYS, clock).await?;
        let bad = self.customer(NEVER_PAYS, clock).await?;
        self.recorder.begin(Step::Subscriptions);
        let good = self.subscribe(setup, good, None).await?;
        let bad = self.subscribe(setup, bad, Some(TRIAL_DAYS)).await?;
        self.stands(&good, SubscriptionStatus::Active).await?;
        self.stands(&bad, SubscriptionStatus::Trialing).await?;
        self.recorder.begin(Step::PortalFlows);
        for flow in [
            PortalFlow::SubscriptionCancel(&good.id),
            PortalFlow::SubscriptionUpdate(&good.id),
        ] {
            self.portal(setup, &good.customer, Some(flow)).await?;
        }
        self.account.pass(clock, PERIOD).await?;
        self.recorder.begin(Step::Renewal);
        self.stands(&good, SubscriptionStatus::Active).await?;
        let unpaid = self.stands(&bad, SubscriptionStatus::PastDue).await?;
        self.recorder.begin(Step::PaidInvoices);
        let invoices = self.paid_invoices(&good).await?;
        let payments = self.payments(&invoices).await?;
        self.recorder.begin(Step::Refund);
        self.refund(&payments[0]).await?;
        self.recorder.begin(Step::CreditNote);
        self.credit_note(&invoices[0].id).await?;
        self.recorder.begin(Step::Disputes);
        self.disputes(&payments[0]).await?;
        self.recorder.begin(Step::UnpaidRenewal);
        self.unpaid_renewal(&unpaid).await?;
        self.recorder.begin(Step::Cancellation);
        for subscribed in [&good, &bad] {
            self.delete(&format!("/v1/subscriptions/{}", subscribed.id))
                .await?;
            self.stands(subscribed, SubscriptionStatus::Canceled)
                .await?;
        }
        Ok(())
    }

    /// Makes a customer with a card.
    async fn customer(&self, card: &str, clock: &Started) -> Result<CustomerId, Failure> {
        let mut form = vec![
            ("payment_method", card),
            ("invoice_settings[default_payment_method]", card),
            ("metadata[sparks_stage]", STAGE),
        ];
        let test_clock = clock.test_clock.as_deref();
        form.extend(test_clock.map(|id| ("test_clock", id)));
        let made = self.make("/v1/customers", &form, card).await?;
        let id = made.id.parse();
        id.map_err(|_| Failure::Unexpected("the id of a customer is malformed"))
    }

    /// Subscribes a customer to the plan, as a Checkout Session does.
    async fn subscribe(
        &self,
        setup: &SetUp,
        customer: CustomerId,
        trial_days: Option<&str>,
    ) -> Result<Subscribed, Failure> {
        let price = expected(setup.price_ids.get("plus"), "the plan has no price")?;
        let order = self.order(trial_days.unwrap_or("paid"));
        let mut form = vec![
            ("customer", customer.as_str()),
            ("items[0][price]", price.as_str()),
            ("metadata[sparks_intent]", order.as_str()),
            ("metadata[sparks_stage]", STAGE),
        ];
        form.extend(trial_days.map(|days| ("trial_period_days", days)));
        let name = format!("subscription-{order}");
        let Id { id } = self.make("/v1/subscriptions", &form, &name).await?;
        let id = id.parse();
        let id = id.map_err(|_| Failure::Unexpected("the id of a subscription is malformed"))?;
        Ok(Subscribed { id, customer })
    }

    /// Reads a subscription as the product does, and checks its status.
    async fn stands(
        &self,
        of: &Subscribed,
        status: SubscriptionStatus,
    ) -> Result<Subscription, Failure> {
        let found = self.stripe.subscriptions(&of.customer, TIMEOUT).await?;
        let found = found.into_iter().flatten().find(|one| one.id == of.id);
        let found = expected(found, "a subscription is not listed for its customer")?;
        if found.status == status {
            Ok(found)
        } else {
            Err(Failure::Unexpected(
                "a subscription does not have the status that the product relies on",
            ))
        }
    }

    /// Lists the invoices of both periods, newest first, and reads each.
    async fn paid_invoices(&self, of: &Subscribed) -> Result<Vec<Invoice>, Failure> {
        let stripe = &self.stripe;
        let found = stripe.paid_invoices_of(&of.id, None, TIMEOUT).await?.data;
        if found.len() != 2 {
            return Err(Failure::Unexpected(
                "the number of paid invoices is not two",
            ));
        }
        let after = Some(&found[0].id);
        stripe.paid_invoices_of(&of.id, after, TIMEOUT).await?;
        stripe.paid_invoices_of_all(self.made(), TIMEOUT).await?;
        for invoice in &found {
            let read = stripe.invoice(&invoice.id, TIMEOUT).await?;
            let read = expected(read, "an invoice is not found")?;
            if read.subscription_metadata("sparks_stage") != Some(STAGE) {
                return Err(Failure::Unexpected("an invoice lacks the metadata"));
            }
        }
        Ok(found)
    }

    /// Returns the payments of invoices, each of which must lead back to its invoice.
    async fn payments(&self, invoices: &[Invoice]) -> Result<Vec<PaymentIntentId>, Failure> {
        let stripe = &self.stripe;
        let mut payments = Vec::new();
        for invoice in invoices {
            let payment = stripe.payment_of_invoice(&invoice.id, TIMEOUT).await?;
            let payment = expected(payment, "a paid invoice has no payment")?;
            let of = stripe.invoice_of_payment(payment.id(), TIMEOUT).await?;
            if of.as_ref() != Some(&invoice.id) {
                return Err(Failure::Unexpected("a payment leads to no invoice"));
            }
            let read = stripe.payment(payment.id(), TIMEOUT).await?;
            expected(read, "a payment is not found")?;
            let session = stripe.session_of_payment(payment.id(), TIMEOUT).await?;
            if session.is_some() {
                return Err(Failure::Unexpected("a renewal has a Checkout Session"));
            }
            payments.push(payment.id().clone());
        }
        Ok(payments)
    }

    async fn refund(&self, payment: &PaymentIntentId) -> Result<(), Failure> {
        let form = [
            ("payment_intent", payment.as_str()),
            ("amount", "500"),
            ("metadata[sparks_stage]", STAGE),
        ];
        let refund = self.make("/v1/refunds", &form, "refund").await?;
        let refund = reversal(&refund)?;
        let stripe = &self.stripe;
        let read = stripe
            .money_back(ReversalKind::Refund, &refund, TIMEOUT)
            .await?;
        let read = expected(read, "a refund is not found")?;
        let charge = expected(read.charge, "a refund has no charge")?;
        stripe.settled_amount(&charge, TIMEOUT).await?;
        let made = self.made();
        stripe
            .moneys_back(ReversalKind::Refund, made, TIMEOUT)
            .await?;
        Ok(())
    }

    /// Credits a part of a paid invoice to the customer's balance. Then it tries to void the note.
    async fn credit_note(&self, invoice: &InvoiceId) -> Result<(), Failure> {
        let note = self
            .issue(invoice, &[("credit_amount", "100")], "note")
            .await?;
        let made = self.made();
        let stripe = &self.stripe;
        stripe
            .moneys_back(ReversalKind::CreditNote, made, TIMEOUT)
            .await?;
        either(self.void(&note, "void").await)
    }

    /// Issues a credit note of a dollar, and reads it.
    async fn issue(
        &self,
        invoice: &InvoiceId,
        more: &[(&str, &str)],
        name: &str,
    ) -> Result<ReversalId, Failure> {
        let mut form = vec![
            ("invoice", invoice.as_str()),
            ("amount", "100"),
            ("metadata[sparks_stage]", STAGE),
        ];
        form.extend_from_slice(more);
        let note = self.make("/v1/credit_notes", &form, name).await?;
        let note = reversal(&note)?;
        let read = self
            .stripe
            .money_back(ReversalKind::CreditNote, &note, TIMEOUT)
            .await?;
        expected(read, "a credit note is not found")?;
        Ok(note)
    }

    async fn void(
        &self,
        note: &ReversalId,
        name: &str,
    ) -> Result<Id, shared::providers::stripe::Error> {
        let path = format!("/v1/credit_notes/{note}/void");
        let key = self.name(name);
        self.stripe.make(&path, &[], &key, TIMEOUT).await
    }

    /// Lists disputes and early fraud warnings, of which a new account has none.
    async fn disputes(&self, payment: &PaymentIntentId) -> Result<(), Failure> {
        let (stripe, made) = (&self.stripe, self.made());
        stripe
            .moneys_back(ReversalKind::Dispute, made, TIMEOUT)
            .await?;
        let path = format!("/v1/radar/early_fraud_warnings?payment_intent={payment}&limit=1");
        let listed: Option<IgnoredAny> = stripe.read(&path, TIMEOUT).await?;
        expected(listed, "early fraud warnings are not listed")?;
        let warning = "issfr_LiveCheckNone".parse().expect("an id");
        match stripe.fraud_warning(&warning, TIMEOUT).await? {
            None => Ok(()),
            Some(_) => Err(Failure::Unexpected("an unknown warning is found")),
        }
    }

    /// Credits a part of the open invoice, which lowers what is due. Then it voids the note.
    async fn unpaid_renewal(&self, unpaid: &Subscription) -> Result<(), Failure> {
        let invoice = expected(unpaid.latest_invoice.as_ref(), "there is no invoice")?;
        if invoice.status != Some(InvoiceStatus::Open) {
            return Err(Failure::Unexpected("the unpaid invoice is not open"));
        }
        let stripe = &self.stripe;
        stripe.invoice(&invoice.id, TIMEOUT).await?;
        stripe.payment_of_invoice(&invoice.id, TIMEOUT).await?;
        let note = self.issue(&invoice.id, &[], "unpaid-note").await?;
        self.void(&note, "unpaid-void").await?;
        let read = stripe.money_back(ReversalKind::CreditNote, &note, TIMEOUT);
        expected(read.await?, "a void credit note is not found")?;
        stripe.invoice(&invoice.id, TIMEOUT).await?;
        Ok(())
    }
}

fn reversal(made: &Id) -> Result<ReversalId, Failure> {
    let id = made.id.parse();
    id.map_err(|_| Failure::Unexpected("the id of a refund or credit note is malformed"))
}
