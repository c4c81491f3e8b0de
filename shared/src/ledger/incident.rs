//! Incidents: what Stripe reported and nothing can ever be done with, kept for the operator to see.

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use serde::Serialize;

use super::calls::Judged;
use super::failure;
use super::intent::{CheckoutStatus, Intent};
use super::item::{self, Item, Key, Malformed};
use super::{Error, Ledger, Next};
use crate::process::patience::Patience;
use crate::words::id::AccountId;

/// How many incidents are listed at once: as many as can be looked up at once.
const PAGE: i32 = 100;

/// Something that somebody has to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Incident {
    /// The object at Stripe, such as `cs_…`, or the event when it names none.
    pub subject: String,
    /// What is wrong with it, in one word.
    pub code: String,
    /// What is wrong with it, in a sentence.
    pub detail: String,
    /// Whose it is, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// When it was last seen.
    pub seen_at: Timestamp,
}

impl Ledger {
    /// Keeps an incident. Seen again as it is stored, nothing is written: one that was dismissed stays so.
    pub async fn keep_incident(
        &self,
        incident: &Incident,
        patience: &Patience,
    ) -> Result<(), Error> {
        let key = Key::incident(&incident.subject, &incident.code);
        let stored = self.item(&key, patience).await?;
        let stored = stored.as_ref().map(Incident::from_item).transpose()?;
        if stored.is_some_and(|stored| stored.detail == incident.detail) {
            return Ok(());
        }
        self.apply(self.keep(incident), patience).await.map(drop)
    }

    /// Refuses an intent and keeps why, both or none. An intent that is paid stays so.
    pub async fn refuse_checkout(
        &self,
        intent: &Intent,
        incident: &Incident,
        patience: &Patience,
    ) -> Result<(), Error> {
        let actions = vec![
            self.note(intent, CheckoutStatus::Refused),
            self.keep(incident),
        ];
        match self.transact(actions, patience).await? {
            Judged::Committed => Ok(()),
            // The intent was paid by another page; this one is still to be looked at.
            Judged::Refused(_) => self.keep_incident(incident, patience).await,
        }
    }

    /// Some of the incidents that nobody has looked at, in the order of their subjects, and where they go on.
    pub async fn incidents(
        &self,
        from: Option<Next>,
        patience: &Patience,
    ) -> Result<(Vec<Incident>, Option<Next>), Error> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .filter_expression("attribute_not_exists(dismissed)")
            .expression_attribute_values(":pk", item::text(Key::INCIDENTS))
            .consistent_read(true)
            .limit(PAGE)
            .set_exclusive_start_key(from);
        let found = self
            .persist(patience, || async {
                query.clone().send().await.map_err(failure::of_call)
            })
            .await?;
        let incidents = found.items().iter().map(Incident::from_item);
        let incidents = incidents.collect::<Result<_, _>>()?;
        Ok((incidents, found.last_evaluated_key))
    }

    /// Notes that somebody has looked at all incidents of a subject; answers how many. Seen again, one is listed again.
    pub async fn dismiss_incidents(
        &self,
        subject: &str,
        patience: &Patience,
    ) -> Result<u32, Error> {
        let query = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :subject)")
            .expression_attribute_values(":pk", item::text(Key::INCIDENTS))
            .expression_attribute_values(":subject", item::text(format!("{subject}#")))
            .consistent_read(true);
        let found = self
            .persist(patience, || async {
                query.clone().send().await.map_err(failure::of_call)
            })
            .await?;
        let mut dismissed = 0;
        for item in found.items() {
            let incident = Incident::from_item(item)?;
            let action = self.update(
                &Key::incident(&incident.subject, &incident.code),
                "seen_at = :seen_at",
                "SET dismissed = :dismissed",
                [
                    (":seen_at", item::time(incident.seen_at)),
                    (":dismissed", item::number(1)),
                ],
            );
            // Refused, it was seen again just now.
            dismissed += u32::from(self.apply(action, patience).await?);
        }
        Ok(dismissed)
    }

    fn keep(&self, incident: &Incident) -> TransactWriteItem {
        let account = incident.account.as_ref();
        self.update(
            &Key::incident(&incident.subject, &incident.code),
            // Seen late, an earlier sight changes nothing.
            "attribute_not_exists(pk) OR seen_at <= :seen_at",
            "SET subject = :subject, code = :code, detail = :detail, account_seen = :account, \
             seen_at = :seen_at",
            [
                (":subject", item::text(&incident.subject)),
                (":code", item::text(&incident.code)),
                (":detail", item::text(&incident.detail)),
                (
                    ":account",
                    item::text(account.map_or("", AccountId::as_str)),
                ),
                (":seen_at", item::time(incident.seen_at)),
            ],
        )
    }
}

impl Incident {
    fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            subject: item::read_text(item, "subject")?.to_owned(),
            code: item::read_text(item, "code")?.to_owned(),
            detail: item::read_text(item, "detail")?.to_owned(),
            account: item::read_text(item, "account_seen")?.parse().ok(),
            seen_at: item::read_time(item, "seen_at")?,
        })
    }
}
