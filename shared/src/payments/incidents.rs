//! Incidents: reports of Stripe that no retry can handle, stored for the operator.

mod code;
mod fault;

use aws_sdk_dynamodb::types::TransactWriteItem;
use jiff::Timestamp;
use serde::Serialize;

pub use code::{IncidentCode, StoredCode};
pub use fault::Fault;

use crate::process::deadline::Deadline;
use crate::table::Table;
use crate::table::item::{self, Item, Malformed};
use crate::table::key::Key;
use crate::table::{Error, Next};
use crate::words::id::AccountId;

/// The number of incidents in one page. It is as many as can be looked up at once.
const PAGE: i32 = 100;

/// An incident that the operator must look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Incident {
    /// The object at Stripe, such as `cs_…`, or the event if it names none.
    pub subject: String,
    /// The fault, in one word.
    pub code: StoredCode,
    /// The fault, in a sentence.
    pub detail: String,
    /// The account of the object, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Time of the last sighting.
    pub seen_at: Timestamp,
}

/// The incidents in the table.
#[derive(Clone, Debug)]
pub struct Incidents {
    table: Table,
}

impl Incidents {
    /// The rows of this table.
    pub const fn over(table: Table) -> Self {
        Self { table }
    }

    /// Stores a fault of a subject. That is the object at Stripe, or the event if it names none.
    ///
    /// If it is already stored with the same detail, nothing is written: a dismissed one stays dismissed.
    pub async fn keep(
        &self,
        subject: &str,
        fault: Fault<'_>,
        account: Option<&AccountId>,
        deadline: &Deadline,
    ) -> Result<(), Error> {
        let key = Key::incident(subject, &fault.code().to_string());
        let stored = self.table.item(&key, deadline).await?;
        let stored = stored.as_ref().map(Incident::from_item).transpose()?;
        if stored.is_some_and(|stored| stored.detail == fault.detail()) {
            return Ok(());
        }
        let sighting = self.sighting(subject, fault, account, deadline.start());
        self.table.apply(sighting, deadline).await.map(drop)
    }

    /// Reads one page of the incidents that are not dismissed, ordered by subject. Returns the next page's cursor.
    pub async fn incidents(
        &self,
        from: Option<Next>,
        deadline: &Deadline,
    ) -> Result<(Vec<Incident>, Option<Next>), Error> {
        let query = self
            .table
            .client
            .query()
            .table_name(&self.table.name)
            .key_condition_expression("pk = :pk")
            .filter_expression("attribute_not_exists(dismissed)")
            .expression_attribute_values(":pk", item::text(Key::INCIDENTS))
            .consistent_read(true)
            .limit(PAGE)
            .set_exclusive_start_key(from);
        let found = self.table.query(&query, deadline).await?;
        let incidents = found.items().iter().map(Incident::from_item);
        let incidents = incidents.collect::<Result<_, _>>()?;
        Ok((incidents, found.last_evaluated_key))
    }

    /// Dismisses all incidents of a subject; returns their number.
    ///
    /// An incident that is seen again is listed again.
    pub async fn dismiss_incidents(
        &self,
        subject: &str,
        deadline: &Deadline,
    ) -> Result<u32, Error> {
        let query = self
            .table
            .client
            .query()
            .table_name(&self.table.name)
            .key_condition_expression("pk = :pk AND begins_with(sk, :subject)")
            .expression_attribute_values(":pk", item::text(Key::INCIDENTS))
            .expression_attribute_values(":subject", item::text(format!("{subject}#")))
            .consistent_read(true);
        let found = self.table.query(&query, deadline).await?;
        let mut dismissed = 0;
        for item in found.items() {
            let incident = Incident::from_item(item)?;
            let action = self.table.update(
                &Key::incident(&incident.subject, &incident.code.to_string()),
                "seen_at = :seen_at",
                "SET dismissed = :dismissed",
                [
                    (":seen_at", item::time(incident.seen_at)),
                    (":dismissed", item::number(1)),
                ],
            );
            // A refusal means that it was seen again just now.
            dismissed += u32::from(self.table.apply(action, deadline).await?);
        }
        Ok(dismissed)
    }

    /// The write of a fault that was seen at a time.
    pub(crate) fn sighting(
        &self,
        subject: &str,
        fault: Fault<'_>,
        account: Option<&AccountId>,
        seen_at: Timestamp,
    ) -> TransactWriteItem {
        let code = fault.code().to_string();
        self.table.update(
            &Key::incident(subject, &code),
            // An earlier sight that arrives late changes nothing.
            "attribute_not_exists(pk) OR seen_at <= :seen_at",
            "SET subject = :subject, code = :code, detail = :detail, account_seen = :account, \
             seen_at = :seen_at",
            [
                (":subject", item::text(subject)),
                (":code", item::text(code)),
                (":detail", item::text(fault.detail())),
                (
                    ":account",
                    item::text(account.map_or("", AccountId::as_str)),
                ),
                (":seen_at", item::time(seen_at)),
            ],
        )
    }
}

impl Incident {
    fn from_item(item: &Item) -> Result<Self, Malformed> {
        Ok(Self {
            subject: item::read_text(item, "subject")?.to_owned(),
            code: StoredCode::read(item::read_text(item, "code")?),
            detail: item::read_text(item, "detail")?.to_owned(),
            account: item::read_text(item, "account_seen")?.parse().ok(),
            seen_at: item::read_time(item, "seen_at")?,
        })
    }
}
