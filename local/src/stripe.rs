//! A fake Stripe: the part of Stripe's API that Sparks uses, with Stripe's error messages.
//!
//! It accepts the key [`SECRET_KEY`] and the version [`API_VERSION`]. It refuses what Stripe refuses. It also refuses
//! what Stripe would accept silently but Sparks must not send (another version, a repeated parameter), so that a test
//! fails. Its data is in memory until it stops, or in a folder.
//!
//! | request | effect |
//! |---|---|
//! | `POST /v1/customers` | accepts `pm_card_visa` and `pm_card_chargeCustomerFail` as `payment_method` and `invoice_settings[default_payment_method]`: the card that is charged for subscriptions made by the API |
//! | `/c/pay/{id}` | the page of a Checkout Session |
//! | `/p/session/{id}` | the customer portal |
//! | `GET /_local/state` | returns everything in the account as lists, and `requests` |
//! | `POST /_local/checkout/{id}/pay` | `{"card":"4242424242424242"}` pays a session; also `4000000000000002` (declined), `4000002500003155` (needs `"confirm"`), `delayed`, `transfer` |
//! | `POST /_local/checkout/{id}/settle` | `{"outcome":"succeeded"}` or `failed` ends a delayed payment |
//! | `POST /_local/checkout/{id}/expire` | ends a session now |
//! | `POST /_local/subscriptions/{id}/renew` | ends the period; `{"outcome":"succeeded"}` or `failed` sets whether the card pays. The invoice is a draft for one hour of the clock, and then charged. If an invoice is open, `succeeded` pays that one instead. With `"now":true`, or without a body, there is no draft hour |
//! | `POST /_local/subscriptions/{id}/card` | `{"outcome":"failed"}` makes each charge fail from now on; `succeeded` makes them succeed again |
//! | `POST /_local/subscriptions/{id}/status` | `{"status":"unpaid"}` sets any status |
//! | `POST /_local/settings` | `{"dunning_ends":"cancel"}`, `unpaid` or `past_due` sets the end of the retries after 3, 5 and 7 days; `{"tax":"exclusive"}`, `inclusive` or `none` sets the account's tax settings; `{"periods":"clock"}` lets the clock end periods, not only `renew` (`control`); `"balance_transactions":false` creates no balance transactions from now on; `"rate_limits":true` limits calls to 25 a second for each operation and 100 in all, or to 25 in all with `"sandbox":true`; `"late_meter_errors":false` refuses a meter event of a deleted customer at once, instead of reporting it 10 seconds later |
//! | `POST /_local/customers/{id}` | `{"location":"missing"}` makes automatic tax fail at finalization; `known` makes it succeed again |
//! | `POST /_local/invoices` | `{"subscription","billing_reason","lines":[{"price","amount","quantity","proration","period":{"start","end"},"parent"}]}` makes an invoice, which is paid at once; a `parent` of `invoice_item` is that of a pending item, and `"starting_balance"` is the part that the customer's balance pays or adds |
//! | `POST /_local/invoices/{id}/pay` | `{"amount":500}` pays a part of an open invoice |
//! | `POST /_local/disputes` | `{"payment_intent","status"}` disputes a payment, or moves its open dispute; optional are `"amount"`, `"currency"`, `"settled"` (cents withdrawn from the balance; by default the converted amount), `"case_type"` (`block`, `chargeback`, `compliance`, `inquiry`, `resolution`; by default the one that fits the status) and `"new":true` (another dispute). A `prevented` dispute is `block` (no money moved) or `resolution` (the cardholder got the money) |
//! | `POST /_local/disputes/{id}` | `{"status":"lost"}` moves a dispute; `"case_type"` is optional |
//! | `POST /_local/refunds` | `{"payment_intent"}` refunds a payment, as the Dashboard does; optional are `"amount"` and `"status"` (`pending`, `requires_action`) |
//! | `POST /_local/refunds/{id}` | `{"status":"failed"}` moves a refund; also `canceled`, `succeeded`, `pending`, `requires_action` |
//! | `POST /_local/credit_notes/{id}/void` | voids a credit note whatever its invoice's status; the API does so only while the invoice is open |
//! | `POST /_local/early_fraud_warnings` | `{"payment_intent"}` creates an early fraud warning for a payment; `"fraud_type"` is optional |
//! | `POST /_local/meter_errors` | `{"identifiers":["use_…"],"code":"meter_event_customer_not_found"}` removes events from their meter and reports them in a thin event. `"errors":[{"identifiers","code"}]` reports several kinds; `no_meter` needs a report of its own. `"keep":true` keeps the events, `"forget":true` lets their identifiers be used again, `"samples"` is the number of samples for each kind, `"meter"` is their meter, and `"as":"idempotency_key"` names them by their idempotency keys |
//! | `DELETE /_local/meter_events/{identifier}` | loses an event without a report; with `?forget=true` its identifier too |
//! | `POST /_local/webhooks/{event}/redeliver` | delivers an event again |
//! | `POST /_local/webhooks/release` | releases held deliveries |
//! | `POST /_local/webhook_endpoints/{id}/roll` | adds a new secret to a webhook endpoint or an event destination, beside the old one; `{"expire":true}` ends the old one |
//! | `/_local/faults` | see [`crate::faults`]; a `status:500` is kept under the `Idempotency-Key`; faults at `webhooks/<type>` affect deliveries |
//!
//! The folders import downwards, in this order, and so do the files in each:
//!
//! | folder | content |
//! |---|---|
//! | `server` | the account as a server: faults, idempotency, pages, controls and deliveries, and the fake with an address |
//! | `api` | the operations of the API, and the routes to them |
//! | `billing` | the timeline of subscriptions, their invoices and Checkout Sessions |
//! | `money` | payments, refunds, disputes, credit notes, and balances |
//! | `state` | the data of an account: a table of the kinds of objects, a store for all of them, events, and keys |
//! | `objects` | the objects that have a type of their own |
//! | `wire` | calls, parameters, errors and lists, as they are on the wire |

mod api;
mod billing;
mod money;
mod objects;
mod server;
mod state;
mod wire;

pub use server::{Due, FakeStripe, Stripe};
pub use state::signature;
pub use wire::{API_VERSION, SECRET_KEY};
