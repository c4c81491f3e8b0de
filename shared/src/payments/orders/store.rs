//! Checkouts: intents of accounts to buy, and the Checkout Sessions in which they pay.
//!
//! An intent is written before the Checkout Session is created at Stripe, and the session is stored before the buyer
//! gets its address. So every payment leads back to an account, wherever a process ended in between.

use crate::delivery::QueueItem;
use crate::ledger::credit::paid;
use crate::ledger::holdings::{Holdings, Read};
use crate::ledger::{Account, Ledger};
use crate::payments::incidents::{Incident, Incidents};
use crate::payments::orders::intent::{Checkout, CheckoutStatus, Intent};
use crate::process::deadline::Deadline;
use crate::table::Error;
use crate::table::TransactOutcome;
use crate::table::item;
use crate::table::key::Key;
use crate::table::{Table, values};
use crate::words::id::{AccountId, IntentId, InvoiceId, SessionId};
use crate::words::sparks::Sparks;
use aws_sdk_dynamodb::types::{TransactWriteItem, Update};

/// The outcome of opening an intent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// It is written.
    New,
    /// Its id existed before.
    Existing(Box<Intent>),
}

/// A Checkout Session with its credit.
#[derive(Debug)]
pub struct FoundCheckout {
    /// The Checkout Session.
    pub checkout: Checkout,
    /// The credit for it; None if there is none yet.
    pub credited: Option<CreditedCheckout>,
}

/// A credit for a Checkout Session, and its account.
#[derive(Debug)]
pub struct CreditedCheckout {
    /// The Sparks that came in.
    pub sparks: Sparks,
    /// The account with those in its balance; what is due is not settled.
    pub account: Account,
}

/// The conditions under which a page is written.
#[derive(Clone, Copy, Debug)]
enum Guard {
    /// There is no such page.
    Page,
    /// The intent is of the same account.
    Intent,
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
}

impl Orders {
    /// Writes an intent, unless its id exists.
    pub async fn open_intent(&self, new: &Intent, deadline: &Deadline) -> Result<Opened, Error> {
        let actions = vec![((), self.table.put_if_absent(new.to_item()))];
        let refused = match self.table.transact(actions, deadline).await? {
            TransactOutcome::Committed => return Ok(Opened::New),
            TransactOutcome::Refused(refused) => refused,
        };
        let stored = refused.into_iter().find_map(|refusal| refusal.stored);
        let unread = || Error::Broken("an intent that exists was not returned".into());
        let stored = Intent::from_item(&stored.ok_or_else(unread)?)?;
        Ok(Opened::Existing(Box::new(stored)))
    }

    /// Reads the intent with an id; None if there is none.
    pub async fn intent(
        &self,
        id: &IntentId,
        deadline: &Deadline,
    ) -> Result<Option<Intent>, Error> {
        let item = self.table.item(&Key::intent(id), deadline).await?;
        Ok(item.as_ref().map(Intent::from_item).transpose()?)
    }

    /// Stores the Checkout Session of an intent. A repetition changes nothing.
    pub async fn bind_checkout(&self, page: &Checkout, deadline: &Deadline) -> Result<(), Error> {
        let actions = vec![
            (Guard::Page, self.table.put_if_absent(page.to_item())),
            (Guard::Intent, self.name_page(page)),
        ];
        let refused = match self.table.transact(actions, deadline).await? {
            TransactOutcome::Committed => return Ok(()),
            TransactOutcome::Refused(refused) => refused,
        };
        // The page of the same intent was written before.
        for refusal in &refused {
            if let (Guard::Page, Some(stored)) = (&refusal.guard, &refusal.stored)
                && item::read_text(stored, "intent")? == page.intent.as_str()
            {
                return Ok(());
            }
        }
        Err(Error::Broken("the session has another intent".into()))
    }

    /// Reads the Checkout Session with an id; None if it is not ours.
    pub async fn checkout(
        &self,
        session: &SessionId,
        deadline: &Deadline,
    ) -> Result<Option<Checkout>, Error> {
        let item = self.table.item(&Key::checkout(session), deadline).await?;
        Ok(item.as_ref().map(Checkout::from_item).transpose()?)
    }

    /// Reads an account's Checkout Session with the credit for it: mostly in one call.
    pub async fn find_checkout(
        &self,
        session: &SessionId,
        account: &AccountId,
        deadline: &Deadline,
    ) -> Result<Option<FoundCheckout>, Error> {
        let keys = [
            Key::checkout(session),
            Key::entry(session.as_str()),
            Key::account(account),
        ];
        let [page, mut entry, holder] = self.table.by_keys(keys, deadline).await?;
        let page = page.as_ref().map(Checkout::from_item).transpose()?;
        let Some(checkout) = page.filter(|page| page.account == *account) else {
            return Ok(None);
        };
        if let (None, Some(invoice)) = (&entry, &checkout.invoice) {
            entry = self
                .table
                .item(&Key::entry(invoice.as_str()), deadline)
                .await?;
        }
        let Some(entry) = entry else {
            return Ok(Some(FoundCheckout {
                checkout,
                credited: None,
            }));
        };
        let holder = holder.as_ref().map(Account::from_item).transpose()?;
        // The items were read one by one: the account may be older than the credit.
        let booked = item::read_number(&entry, "grants_version")?;
        let holder = match holder.filter(|holder| holder.grants_version >= booked) {
            Some(holder) => Some(holder),
            None => self.ledger.account(account, deadline).await?,
        };
        let credited = CreditedCheckout {
            sparks: item::read_amount(&entry, "amount")?,
            account: holder.ok_or_else(|| Error::Broken("a credited account is gone".into()))?,
        };
        Ok(Some(FoundCheckout {
            checkout,
            credited: Some(credited),
        }))
    }

    /// Reads the intent of a Checkout Session, and its account with its grants.
    pub async fn intent_and_account(
        &self,
        page: &Checkout,
        deadline: &Deadline,
    ) -> Result<(Intent, Option<Holdings>), Error> {
        let account = &page.account;
        let keys = [
            Key::intent(&page.intent),
            Key::account(account),
            Key::grants(account),
        ];
        let [intent, item, grants] = self.table.by_keys(keys, deadline).await?;
        let intent = intent.ok_or_else(|| Error::Broken("a session has no intent".into()))?;
        let holdings = match Holdings::from_items(item.as_ref(), grants.as_ref())? {
            Read::Missing => None,
            Read::Whole(holdings) => Some(holdings),
            Read::Torn => self.ledger.holdings(account, deadline).await?,
        };
        Ok((Intent::from_item(&intent)?, holdings))
    }

    /// Writes the status of an intent, unless it is paid.
    pub async fn note_checkout(
        &self,
        intent: &Intent,
        status: CheckoutStatus,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        // A refusal means that the intent is paid, which is right.
        let note = self.note(intent, status);
        self.table.apply(note, deadline).await.map(drop)
    }

    /// Writes that an intent is paid, and that nothing is left to be credited for it.
    pub async fn settle_intent(&self, intent: &IntentId, deadline: &Deadline) -> Result<(), Error> {
        self.table
            .apply(paid(&self.table, intent), deadline)
            .await
            .map(drop)
    }

    /// Writes on a Checkout Session which invoice granted its plan's first period.
    pub async fn note_invoice(
        &self,
        session: &SessionId,
        invoice: &InvoiceId,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let note = self.table.update(
            &Key::checkout(session),
            "attribute_exists(pk)",
            "SET invoice = :invoice",
            [(":invoice", item::text(invoice.as_str()))],
        );
        self.table.apply(note, deadline).await.map(drop)
    }

    /// Writes a Checkout Session's id on its intent.
    fn name_page(&self, page: &Checkout) -> TransactWriteItem {
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(Key::intent(&page.intent).attributes()))
            .condition_expression("account = :account")
            .update_expression("SET #session = :session")
            .expression_attribute_names("#session", "session")
            .set_expression_attribute_values(Some(values([
                (":account", item::text(page.account.as_str())),
                (":session", item::text(page.session.as_str())),
            ])))
            .build()
            .expect("key, table and expression are set");
        TransactWriteItem::builder().update(update).build()
    }

    /// Changes the status of an intent that is not paid. A settled intent leaves the index; any other one returns to
    /// it.
    pub(crate) fn note(&self, intent: &Intent, status: CheckoutStatus) -> TransactWriteItem {
        let mut values = values([
            (":status", item::text(status.as_str())),
            (":paid", item::text(CheckoutStatus::Paid.as_str())),
        ]);
        let listed = if status.is_settled() {
            "REMOVE pending_bucket, pending_due"
        } else {
            let [bucket, since] = intent.listed();
            values.extend([(":bucket".to_owned(), bucket), (":since".to_owned(), since)]);
            ", pending_bucket = :bucket, pending_due = if_not_exists(pending_due, :since)"
        };
        let update = Update::builder()
            .table_name(&self.table.name)
            .set_key(Some(Key::intent(&intent.id).attributes()))
            .condition_expression("attribute_exists(pk) AND #status <> :paid")
            .update_expression(format!("SET #status = :status {listed}"))
            .expression_attribute_names("#status", "status")
            .set_expression_attribute_values(Some(values))
            .build()
            .expect("key, table and expression are set");
        TransactWriteItem::builder().update(update).build()
    }

    /// Refuses an intent and stores the incident, both or none. A paid intent stays paid.
    pub async fn refuse_checkout(
        &self,
        intent: &Intent,
        incidents: &Incidents,
        incident: &Incident,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let actions = vec![
            self.note(intent, CheckoutStatus::Refused),
            incidents.keep(incident),
        ];
        if self.table.commit(actions, deadline).await? {
            return Ok(());
        }
        // The intent was paid by another session; the operator must still look at this one.
        incidents.keep_incident(incident, deadline).await
    }

    /// Reads a listed intent as it is now; None if it is settled by now.
    pub async fn listed_intent(
        &self,
        listed: &QueueItem,
        deadline: &Deadline,
    ) -> Result<Option<Intent>, Error> {
        let item = self.table.item(listed.key(), deadline).await?;
        let open = item.filter(|item| item.contains_key("pending_bucket"));
        Ok(open.as_ref().map(Intent::from_item).transpose()?)
    }
}
