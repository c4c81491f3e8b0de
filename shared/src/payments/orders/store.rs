//! Orders of accounts, and the Checkout Sessions in which they are paid, in the table.
//!
//! An order is written before the Checkout Session is created at Stripe, and the session is stored before the buyer
//! gets its address. So every payment leads back to an account, wherever a process ended in between.

use crate::delivery::QueueItem;
use crate::ledger::credit::paid;
use crate::ledger::holdings::{Holdings, Read};
use crate::ledger::{Account, Ledger};
use crate::payments::incidents::{Fault, Incidents};
use crate::payments::orders::order::{CheckoutSession, Order, OrderStatus};
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::TransactOutcome;
use crate::table::item;
use crate::table::key::Key;
use crate::table::{Table, values};
use crate::words::id::{AccountId, InvoiceId, OrderId, SessionId};
use crate::words::sparks::Sparks;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};

/// The outcome of opening an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderOpening {
    /// It is written.
    New,
    /// Its id existed before.
    Existing(Box<Order>),
}

/// A Checkout Session with its credit.
#[derive(Debug)]
pub struct SessionWithCredit {
    /// The Checkout Session.
    pub session: CheckoutSession,
    /// The credit for it; None if there is none yet.
    pub credit: Option<SessionCredit>,
}

/// A credit for a Checkout Session, and its account.
#[derive(Debug)]
pub struct SessionCredit {
    /// The Sparks that came in.
    pub sparks: Sparks,
    /// The account with those in its balance; what is due is not settled.
    pub account: Account,
}

/// The conditions under which a session is written.
#[derive(Clone, Copy, Debug)]
enum Guard {
    /// There is no such session.
    Session,
    /// The order is of the same account.
    Order,
}

/// The orders in the table, and the Checkout Sessions in which they are paid.
#[derive(Clone, Debug)]
pub struct Orders {
    table: Table,
    ledger: Ledger,
}

impl Orders {
    /// The orders beside a ledger, in the same table.
    pub fn beside(ledger: &Ledger) -> Self {
        Self {
            table: ledger.table().clone(),
            ledger: ledger.clone(),
        }
    }

    /// Writes an order, unless its id exists.
    pub async fn open_order(
        &self,
        new: &Order,
        deadline: &Deadline,
    ) -> Result<OrderOpening, Error> {
        let actions = vec![((), self.table.put_if_absent(new.to_item()))];
        let refused = match self.table.transact(actions, deadline).await? {
            TransactOutcome::Committed => return Ok(OrderOpening::New),
            TransactOutcome::Refused(refused) => refused,
        };
        let stored = refused.into_iter().find_map(|refusal| refusal.stored);
        let unread = || Error::Broken("an order that exists was not returned".into());
        let stored = Order::from_item(&stored.ok_or_else(unread)?)?;
        Ok(OrderOpening::Existing(Box::new(stored)))
    }

    /// Reads the order with an id; None if there is none.
    pub async fn order(&self, id: &OrderId, deadline: &Deadline) -> Result<Option<Order>, Error> {
        let item = self.table.item(&Key::order(id), deadline).await?;
        Ok(item.as_ref().map(Order::from_item).transpose()?)
    }

    /// Stores the Checkout Session of an order. A repetition changes nothing.
    pub async fn bind_session(
        &self,
        session: &CheckoutSession,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let actions = vec![
            (Guard::Session, self.table.put_if_absent(session.to_item())),
            (Guard::Order, self.name_session(session)),
        ];
        let refused = match self.table.transact(actions, deadline).await? {
            TransactOutcome::Committed => return Ok(()),
            TransactOutcome::Refused(refused) => refused,
        };
        // The session of the same order was written before.
        for refusal in &refused {
            if let (Guard::Session, Some(stored)) = (&refusal.guard, &refusal.stored)
                && item::read_text(stored, "intent")? == session.order.as_str()
            {
                return Ok(());
            }
        }
        Err(Error::Broken("the session has another order".into()))
    }

    /// Reads the Checkout Session with an id; None if it is not ours.
    pub async fn session(
        &self,
        id: &SessionId,
        deadline: &Deadline,
    ) -> Result<Option<CheckoutSession>, Error> {
        let item = self
            .table
            .item(&Key::checkout_session(id), deadline)
            .await?;
        Ok(item.as_ref().map(CheckoutSession::from_item).transpose()?)
    }

    /// Reads an account's Checkout Session with the credit for it: mostly in one call.
    pub async fn find_session(
        &self,
        id: &SessionId,
        account: &AccountId,
        deadline: &Deadline,
    ) -> Result<Option<SessionWithCredit>, Error> {
        let keys = [
            Key::checkout_session(id),
            Key::entry(id.as_str()),
            Key::account(account),
        ];
        let [session, mut entry, holder] = self.table.by_keys(keys, deadline).await?;
        let session = session
            .as_ref()
            .map(CheckoutSession::from_item)
            .transpose()?;
        let Some(session) = session.filter(|session| session.account == *account) else {
            return Ok(None);
        };
        if let (None, Some(invoice)) = (&entry, &session.invoice) {
            entry = self
                .table
                .item(&Key::entry(invoice.as_str()), deadline)
                .await?;
        }
        let Some(entry) = entry else {
            return Ok(Some(SessionWithCredit {
                session,
                credit: None,
            }));
        };
        let holder = holder.as_ref().map(Account::from_item).transpose()?;
        // The items were read one by one: the account may be older than the credit.
        let booked = item::read_number(&entry, "grants_version")?;
        let holder = match holder.filter(|holder| holder.grants_version >= booked) {
            Some(holder) => Some(holder),
            None => self.ledger.account(account, deadline).await?,
        };
        let credit = SessionCredit {
            sparks: item::read_amount(&entry, "amount")?,
            account: holder.ok_or_else(|| Error::Broken("a credited account is gone".into()))?,
        };
        Ok(Some(SessionWithCredit {
            session,
            credit: Some(credit),
        }))
    }

    /// Reads the order of a Checkout Session, and its account with its grants.
    pub async fn order_and_account(
        &self,
        session: &CheckoutSession,
        deadline: &Deadline,
    ) -> Result<(Order, Option<Holdings>), Error> {
        let account = &session.account;
        let keys = [
            Key::order(&session.order),
            Key::account(account),
            Key::grants(account),
        ];
        let [order, item, grants] = self.table.by_keys(keys, deadline).await?;
        let order = order.ok_or_else(|| Error::Broken("a session has no order".into()))?;
        let holdings = match Holdings::from_items(item.as_ref(), grants.as_ref())? {
            Read::Missing => None,
            Read::Whole(holdings) => Some(holdings),
            Read::Torn => self.ledger.holdings(account, deadline).await?,
        };
        Ok((Order::from_item(&order)?, holdings))
    }

    /// Writes the status of an order, unless it is paid.
    pub async fn note_status(
        &self,
        order: &Order,
        status: OrderStatus,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        // A refusal means that the order is paid, which is right.
        let note = self.note(order, status);
        self.table.apply(note, deadline).await.map(drop)
    }

    /// Writes that an order is paid and nothing is left to be credited for it.
    pub async fn settle_order(&self, order: &OrderId, deadline: &Deadline) -> Result<(), Error> {
        self.table
            .apply(paid(&self.table, order), deadline)
            .await
            .map(drop)
    }

    /// Writes on a Checkout Session which invoice granted its plan's first period.
    pub async fn note_invoice(
        &self,
        id: &SessionId,
        invoice: &InvoiceId,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let note = self.table.update(
            &Key::checkout_session(id),
            "attribute_exists(pk)",
            "SET invoice = :invoice",
            [(":invoice", item::text(invoice.as_str()))],
        );
        self.table.apply(note, deadline).await.map(drop)
    }

    /// Writes a Checkout Session's id on its order.
    fn name_session(&self, session: &CheckoutSession) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(Key::order(&session.order).attributes()))
            .condition_expression("account = :account")
            .update_expression("SET #session = :session")
            .expression_attribute_names("#session", "session")
            .set_expression_attribute_values(Some(values([
                (":account", item::text(session.account.as_str())),
                (":session", item::text(session.id.as_str())),
            ])))
            .build()
            .expect("key, table and expression are set");
        TransactWriteItem::builder().update(update).build()
    }

    /// Changes the status of an order that is not paid. A settled order leaves the index; any other one returns to
    /// it.
    pub(crate) fn note(&self, order: &Order, status: OrderStatus) -> TransactWriteItem {
        let mut values = values([
            (":status", item::text(status.as_str())),
            (":paid", item::text(OrderStatus::Paid.as_str())),
        ]);
        let listed = if status.is_settled() {
            "REMOVE pending_bucket, pending_due"
        } else {
            let [bucket, since] = order.listed();
            values.extend([(":bucket".to_owned(), bucket), (":since".to_owned(), since)]);
            ", pending_bucket = :bucket, pending_due = if_not_exists(pending_due, :since)"
        };
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(Key::order(&order.id).attributes()))
            .condition_expression("attribute_exists(pk) AND #status <> :paid")
            .update_expression(format!("SET #status = :status {listed}"))
            .expression_attribute_names("#status", "status")
            .set_expression_attribute_values(Some(values))
            .build()
            .expect("key, table and expression are set");
        TransactWriteItem::builder().update(update).build()
    }

    /// Refuses the order of a session and stores the session's fault, both or none. A paid order stays paid.
    pub async fn refuse(
        &self,
        order: &Order,
        session: &CheckoutSession,
        incidents: &Incidents,
        fault: Fault<'_>,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let (subject, account) = (session.id.as_str(), Some(&session.account));
        let actions = vec![
            self.note(order, OrderStatus::Refused),
            incidents.sighting(subject, fault, account, deadline.start()),
        ];
        if self.table.commit(actions, deadline).await? {
            return Ok(());
        }
        // The order was paid by another session; the operator must still look at this one.
        incidents.keep(subject, fault, account, deadline).await
    }

    /// Reads a listed order as it is now; None if it is settled by now.
    pub async fn listed_order(
        &self,
        listed: &QueueItem,
        deadline: &Deadline,
    ) -> Result<Option<Order>, Error> {
        let item = self.table.item(listed.key(), deadline).await?;
        let open = item.filter(|item| item.contains_key("pending_bucket"));
        Ok(open.as_ref().map(Order::from_item).transpose()?)
    }
}
