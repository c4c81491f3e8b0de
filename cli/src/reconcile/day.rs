//! Compares one UTC day of the ledger with Stripe and Langfuse.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use shared::ledger::DeliveryState;

use super::look::Look;
use super::report::Report;
use super::table::Table;
use super::{meter, payments, reversals, table, traces};
use crate::{Console, Error};

/// Maximum time that a delivery may be pending before it is listed.
const MAY_WAIT: SignedDuration = SignedDuration::from_hours(1);

/// Compares a day, by default yesterday, and lists every difference; fails if there is one.
pub(crate) async fn day(console: &mut Console<'_>, day: Option<Date>) -> Result<(), Error> {
    let now = console.clock.now();
    let today = now.to_zoned(TimeZone::UTC).date();
    let day = day.unwrap_or_else(|| today.saturating_sub(1.day()));
    if day > today {
        return Err(Error::DayToCome(day));
    }
    let during = begin(day)..begin(day.saturating_add(1.day()));
    let report = Report::new(day);
    let mut look = Look {
        payments: console.payments()?,
        console,
        during,
        now,
        report,
    };
    let table = table::read(&mut look).await?;
    still_pending(&mut look, &table);
    let paid = Box::pin(payments::paid_is_credited(&mut look)).await?;
    Box::pin(payments::credited_is_paid(&mut look, &table, &paid)).await?;
    Box::pin(reversals::compare(&mut look, &table)).await?;
    Box::pin(meter::compare(&mut look, &table)).await?;
    Box::pin(traces::compare(&mut look, &table)).await?;
    let Look {
        console, report, ..
    } = look;
    report.print(console)
}

fn begin(day: Date) -> Timestamp {
    let midnight = day.to_zoned(TimeZone::UTC);
    midnight.map_or(Timestamp::MAX, |midnight| midnight.timestamp())
}

/// Lists usages that the outbox should have delivered by now.
fn still_pending(look: &mut Look<'_, '_>, table: &Table) {
    for usage in &table.usages {
        let deliveries = usage.deliveries;
        let waits = look.now.duration_since(usage.waits_since);
        if !deliveries.any_pending() || waits <= MAY_WAIT {
            continue;
        }
        let providers = [
            ("Langfuse", deliveries.langfuse),
            ("Stripe", deliveries.stripe),
        ];
        let pending = providers
            .into_iter()
            .filter(|(_, state)| *state == DeliveryState::Pending)
            .map(|(provider, _)| provider);
        let pending = pending.collect::<Vec<_>>().join(" and ");
        let detail = format!(
            "not confirmed by {pending} within {} minutes",
            waits.as_mins()
        );
        let id = usage.id.as_str();
        look.report
            .differ("still_pending", id, Some(&usage.account), detail);
    }
}
