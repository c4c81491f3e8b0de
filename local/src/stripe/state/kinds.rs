//! The kinds of objects: their paths, names in errors, and filters of lists.

use serde_json::Value;

use crate::stripe::wire::json::{pointer, text};
use crate::stripe::wire::{Created, Error, Form, Result};

/// A kind of objects.
pub(crate) struct Kind {
    /// The name in the state of an account.
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    /// The name in `No such …`.
    pub(crate) noun: &'static str,
    pub(crate) filters: &'static [Filter],
}

/// A parameter that filters a list. Unless it says where, it compares the member that it names.
pub(crate) enum Filter {
    Text(&'static str, usize),
    /// A text, with the pointer to the member.
    At(&'static str, usize, &'static str),
    Word(&'static str, &'static [&'static str]),
    Truth(&'static str),
    /// A list of texts, with the pointer to the member that equals one of them.
    OneOf(&'static str, &'static str),
    Created,
    /// A customer.
    Customer,
    Special(fn(&mut Form) -> Result<Test>),
}

/// Returns whether an object belongs to a list.
pub(crate) type Test = Box<dyn Fn(&Value) -> bool>;

use Filter::{At, Created as CreatedAt, Customer, OneOf, Special, Text, Truth, Word};

macro_rules! kinds {
    ($($name:literal $path:literal $noun:literal [$($filter:expr),*];)*) => {
        /// All kinds, in the order of `GET /_local/state`.
        pub(crate) const KINDS: &[Kind] =
            &[$(Kind { name: $name, path: $path, noun: $noun, filters: &[$($filter),*] }),*];
    };
}

kinds! {
    "customers" "/v1/customers" "customer" [Text("email", 512), CreatedAt];
    "products" "/v1/products" "product" [Truth("active"), OneOf("ids", "/id")];
    "prices" "/v1/prices" "price" [
        Truth("active"), OneOf("lookup_keys", "/lookup_key"), Text("product", 255),
        Word("type", &["one_time", "recurring"]), Text("recurring[meter]", 255)
    ];
    "coupons" "/v1/coupons" "coupon" [];
    "promotion_codes" "/v1/promotion_codes" "promotion code" [Text("code", 500)];
    "checkout_sessions" "/v1/checkout/sessions" "checkout.session" [
        Customer, Text("payment_intent", 255), Text("subscription", 255),
        Word("status", &["open", "complete", "expired"]), CreatedAt
    ];
    "payment_intents" "/v1/payment_intents" "payment_intent" [Customer, CreatedAt];
    "subscriptions" "/v1/subscriptions" "subscription" [
        Customer, Special(subscribed_price), Special(subscription_status), CreatedAt
    ];
    "invoices" "/v1/invoices" "invoice" [
        Customer, At("subscription", 255, "/parent/subscription_details/subscription"),
        Word("status", &["draft", "open", "paid", "uncollectible", "void"]), CreatedAt
    ];
    "invoice_payments" "/v1/invoice_payments" "invoice_payment" [
        Text("invoice", 255), Word("status", &["canceled", "open", "paid"]), Special(paid_by)
    ];
    "refunds" "/v1/refunds" "refund" [Text("payment_intent", 255), Text("charge", 255), CreatedAt];
    "disputes" "/v1/disputes" "dispute" [Text("payment_intent", 255), Text("charge", 255), CreatedAt];
    "credit_notes" "/v1/credit_notes" "credit note" [Text("invoice", 5_000), Customer, CreatedAt];
    "early_fraud_warnings" "/v1/radar/early_fraud_warnings" "early fraud warning" [
        Text("payment_intent", 255), Text("charge", 255), CreatedAt
    ];
    "balance_transactions" "/v1/balance_transactions" "balance transaction" [
        Text("source", 255), Text("type", 100), Text("currency", 3), CreatedAt
    ];
    "meters" "/v1/billing/meters" "billing meter" [Word("status", &["active", "inactive"])];
    "portal_configurations" "/v1/billing_portal/configurations" "configuration" [
        Truth("active"), Truth("is_default")
    ];
    "portal_sessions" "/v1/billing_portal/sessions" "portal session" [];
    "webhook_endpoints" "/v1/webhook_endpoints" "webhook endpoint" [];
    "event_destinations" "/v2/core/event_destinations" "event destination" [];
    "events" "/v1/events" "event" [Special(event_type), CreatedAt];
    "thin_events" "/v2/core/events" "event" [];
    "charges" "/v1/charges" "charge" [];
}

/// The values of the filter of subscriptions by status.
const SUBSCRIPTION_STATUSES: [&str; 10] = [
    "active",
    "all",
    "canceled",
    "ended",
    "incomplete",
    "incomplete_expired",
    "past_due",
    "paused",
    "trialing",
    "unpaid",
];

impl Kind {
    /// Returns the kind of this name.
    pub(crate) fn of(name: &str) -> &'static Self {
        let found = KINDS.iter().find(|kind| kind.name == name);
        found.expect("the names of kinds are constants")
    }

    /// Returns whether its list can be filtered by customer.
    pub(crate) fn is_by_customer(&self) -> bool {
        self.filters.iter().any(|filter| matches!(filter, Customer))
    }

    /// Returns the error that no object has this id.
    pub(crate) fn no_such(name: &str, param: &str, id: &str) -> Error {
        Error::no_such(Self::of(name).noun, param, id)
    }
}

impl Filter {
    /// Takes the parameter; returns None if it is not given.
    pub(crate) fn take(&self, form: &mut Form) -> Result<Option<Test>> {
        let (given, at): (Option<Value>, String) = match self {
            Text(name, max) => (form.text(name, *max)?.map(Value::from), pointer(name)),
            At(name, max, at) => (form.text(name, *max)?.map(Value::from), (*at).to_owned()),
            Word(name, words) => (form.word(name, words)?.map(Value::from), pointer(name)),
            Truth(name) => (form.truth(name)?.map(Value::from), pointer(name)),
            Customer => (
                form.text("customer", 5_000)?.map(Value::from),
                pointer("customer"),
            ),
            OneOf(name, at) => {
                let (texts, at) = (form.list(name), *at);
                let is_one = move |object: &Value| {
                    let member = object.pointer(at).and_then(Value::as_str);
                    let mut texts = texts.iter();
                    texts.len() == 0 || texts.any(|text| Some(text.as_str()) == member)
                };
                return Ok(Some(Box::new(is_one)));
            }
            CreatedAt => {
                let created = Created::take(form)?;
                let holds = move |object: &Value| {
                    created.holds(object["created"].as_i64().unwrap_or_default())
                };
                return Ok(Some(Box::new(holds)));
            }
            Special(take) => return take(form).map(Some),
        };
        let Some(given) = given else { return Ok(None) };
        let is = move |object: &Value| object.pointer(&at) == Some(&given);
        Ok(Some(Box::new(is)))
    }
}

/// Filters subscriptions by the price of an item.
fn subscribed_price(form: &mut Form) -> Result<Test> {
    let price = form.text("price", 255)?;
    Ok(Box::new(move |subscription| {
        let items = subscription["items"]["data"].as_array();
        let mut items = items.into_iter().flatten();
        let Some(price) = &price else { return true };
        items.any(|item| item["price"]["id"] == price.as_str())
    }))
}

/// Filters subscriptions by status; canceled ones are listed only on request.
fn subscription_status(form: &mut Form) -> Result<Test> {
    let asked = form.word("status", &SUBSCRIPTION_STATUSES)?;
    Ok(Box::new(move |subscription| {
        let status = text(subscription, "status");
        match asked {
            None => status != "canceled",
            Some("all") => true,
            Some("ended") => ["canceled", "incomplete_expired"].contains(&status),
            Some(asked) => status == asked,
        }
    }))
}

/// Filters invoice payments by the payment.
fn paid_by(form: &mut Form) -> Result<Test> {
    let kind = form.word("payment[type]", &["payment_intent", "payment_record"])?;
    let payment = form.text("payment[payment_intent]", 255)?;
    if payment.is_some() && kind != Some("payment_intent") {
        return Err(Error::missing("payment[type]"));
    }
    Ok(Box::new(move |one| {
        let own = text(&one["payment"], "payment_intent");
        kind != Some("payment_record") && payment.as_ref().is_none_or(|payment| payment == own)
    }))
}

/// Filters events by `types` or `type`.
fn event_type(form: &mut Form) -> Result<Test> {
    let mut types = form.list("types");
    types.extend(form.text("type", 100)?);
    Ok(Box::new(move |event| {
        types.is_empty() || types.iter().any(|asked| event["type"] == asked.as_str())
    }))
}
