//! The state of a Stripe account, and its log of requests.

use std::collections::{BTreeMap, HashSet};

use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::balance_transactions::BalanceTransaction;
use super::call::Call;
use super::checkout_sessions::Session;
use super::credit_notes::CreditNote;
use super::customers::{Customer, Transaction};
use super::deliveries::Delivery;
use super::discounts::{Coupon, PromotionCode};
use super::disputes::Dispute;
use super::early_fraud_warnings::EarlyFraudWarning;
use super::error::Error;
use super::event_destinations::Destination;
use super::idempotency::Keys;
use super::invoice_payments::InvoicePayment;
use super::invoices::Invoice;
use super::meter_events::MeterEvent;
use super::meters::Meter;
use super::payment_intents::PaymentIntent;
use super::portal_configurations::PortalConfiguration;
use super::portal_sessions::PortalSession;
use super::prices::Price;
use super::products::Product;
use super::rate_limits::Rates;
use super::refunds::Refund;
use super::settings::Settings;
use super::subscriptions::Subscription;
use super::webhook_endpoints::Endpoint;
use crate::http::{Request, Response, single};

/// The state of an account. Ids rise, so their order is the order of creation.
///
/// Fields that an older folder lacks get their defaults.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct State {
    pub(super) settings: Settings,
    pub(super) customers: BTreeMap<String, Customer>,
    pub(super) customer_balance_transactions: BTreeMap<String, Transaction>,
    pub(super) meters: BTreeMap<String, Meter>,
    pub(super) meter_events: Vec<MeterEvent>,
    /// Accepted events that are to be reported as errors later.
    pub(super) rejected_events: Vec<MeterEvent>,
    /// The time at which each identifier of an event was last received.
    pub(super) identifiers: BTreeMap<String, i64>,
    pub(super) products: BTreeMap<String, Product>,
    pub(super) prices: BTreeMap<String, Price>,
    pub(super) coupons: BTreeMap<String, Coupon>,
    pub(super) promotion_codes: BTreeMap<String, PromotionCode>,
    pub(super) checkout_sessions: BTreeMap<String, Session>,
    pub(super) payment_intents: BTreeMap<String, PaymentIntent>,
    pub(super) subscriptions: BTreeMap<String, Subscription>,
    pub(super) invoices: BTreeMap<String, Invoice>,
    pub(super) invoice_payments: BTreeMap<String, InvoicePayment>,
    pub(super) refunds: BTreeMap<String, Refund>,
    pub(super) disputes: BTreeMap<String, Dispute>,
    pub(super) balance_transactions: BTreeMap<String, BalanceTransaction>,
    pub(super) credit_notes: BTreeMap<String, CreditNote>,
    pub(super) early_fraud_warnings: BTreeMap<String, EarlyFraudWarning>,
    pub(super) portal_configurations: BTreeMap<String, PortalConfiguration>,
    pub(super) portal_sessions: BTreeMap<String, PortalSession>,
    pub(super) webhook_endpoints: BTreeMap<String, Endpoint>,
    pub(super) event_destinations: BTreeMap<String, Destination>,
    pub(super) events: Vec<Value>,
    /// Events of version 2 with their data; deliveries contain only a notification.
    pub(super) thin_events: Vec<Value>,
    pub(super) deliveries: Vec<Delivery>,
    pub(super) keys: Keys,
    pub(super) requests: Vec<Logged>,
    /// The customers' meters that calls in progress have locked.
    #[serde(skip)]
    pub(super) busy: HashSet<(String, String)>,
    /// The calls of this second.
    #[serde(skip)]
    rates: Rates,
    /// The delay until a meter's summaries include an event.
    #[serde(skip)]
    pub(super) summary_delay_seconds: i64,
    /// The base URL of its pages.
    #[serde(skip)]
    pub(super) base: String,
    last_id: u64,
}

impl State {
    /// Returns an empty account.
    pub(super) fn new() -> Self {
        Self {
            base: "https://checkout.stripe.com".to_owned(),
            ..Self::default()
        }
    }

    /// Adds the meter of Sparks.
    pub(super) fn add_meter(&mut self, now: i64) {
        let meter = Meter::of_sparks(self.next_id("mtr_test_"), now);
        self.meters.insert(meter.id.clone(), meter);
    }

    /// Counts a call towards the rate limits; fails above them.
    pub(super) fn count(&mut self, call: &Call) -> Result<(), Error> {
        self.rates.count(call, &self.settings)
    }

    /// Returns a new id.
    pub(super) fn next_id(&mut self, prefix: &str) -> String {
        self.last_id += 1;
        format!("{prefix}Local{:09}", self.last_id)
    }

    /// Returns the state as lists, for `GET /_local/state`.
    pub(super) fn listed(&self) -> Value {
        let meter_events: Vec<Value> = self.meter_events.iter().map(MeterEvent::to_json).collect();
        json!({
            "customers": listed(&self.customers, Customer::to_json),
            "products": listed(&self.products, Product::to_json),
            "prices": listed(&self.prices, Price::to_json),
            "coupons": listed(&self.coupons, Coupon::to_json),
            "promotion_codes": listed(&self.promotion_codes, PromotionCode::to_json),
            "checkout_sessions": listed(&self.checkout_sessions, Session::to_json),
            "payment_intents": listed(&self.payment_intents, PaymentIntent::to_json),
            "subscriptions": listed(&self.subscriptions, Subscription::to_json),
            "invoices": listed(&self.invoices, Invoice::to_json),
            "invoice_payments": listed(&self.invoice_payments, InvoicePayment::to_json),
            "refunds": listed(&self.refunds, Refund::to_json),
            "disputes": listed(&self.disputes, Dispute::to_json),
            "credit_notes": listed(&self.credit_notes, CreditNote::to_json),
            "early_fraud_warnings": listed(&self.early_fraud_warnings, |one| one.to_json(self)),
            "balance_transactions": listed(&self.balance_transactions, BalanceTransaction::to_json),
            "meters": listed(&self.meters, Meter::to_json),
            "meter_events": meter_events,
            "portal_configurations": listed(&self.portal_configurations, PortalConfiguration::to_json),
            "portal_sessions": listed(&self.portal_sessions, PortalSession::to_json),
            "webhook_endpoints": listed(&self.webhook_endpoints, Endpoint::to_json),
            "event_destinations": listed(&self.event_destinations, Destination::to_json),
            "events": self.events,
            "thin_events": self.thin_events,
            "deliveries": self.listed_deliveries(),
            "requests": self.requests,
        })
    }
}

/// Lists objects as Stripe shows them, in the order of their creation.
fn listed<T>(objects: &BTreeMap<String, T>, show: impl Fn(&T) -> Value) -> Vec<Value> {
    objects.values().map(show).collect()
}

/// A logged request and the status of its response, even a lost one; without a status, the connection was refused.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Logged {
    pub(super) method: String,
    pub(super) path: String,
    /// The body of a POST, or else the query. It is for tests only, and is not listed.
    #[serde(skip)]
    pub(super) parameters: String,
    idempotency_key: Option<String>,
    status: Option<u16>,
    replayed: bool,
}

impl Logged {
    /// Returns the entry of a request without a response yet.
    pub(super) fn of(request: &Request) -> Self {
        let posted = request.method() == Method::POST;
        let key = single(request.headers(), "idempotency-key").filter(|_| posted);
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            parameters: if posted {
                String::from_utf8_lossy(request.body()).into_owned()
            } else {
                request.uri().query().unwrap_or_default().to_owned()
            },
            idempotency_key: key.map(str::to_owned),
            status: None,
            replayed: false,
        }
    }

    /// Records the response.
    pub(super) fn answered(&mut self, response: &Response) {
        self.status = Some(response.status().as_u16());
        self.replayed = response.headers().contains_key("idempotent-replayed");
    }
}
