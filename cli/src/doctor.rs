//! `sparks doctor`: checks a deployment, and lists the open incidents.

mod at_stripe;
mod check;
mod deployment;

use std::collections::BTreeSet;

use serde_json::json;
use shared::payments::incidents::{Incident, Incidents};
use shared::process::deadline::Deadline;
use shared::process::telemetry::chain;
use shared::words::entry_id::EntryId;

use crate::stripe_account::StripeAccount;
use crate::{Console, Error, STEP_TIME};
use check::Check;

/// Checks that need the Stripe account.
const AT_STRIPE: [&str; 7] = [
    "key",
    "clock",
    "meter",
    "prices",
    "tax",
    "webhooks",
    "meter_errors",
];

/// Runs all checks and prints the results. Fails if a check fails or an incident is open.
pub(crate) async fn run(console: &mut Console<'_>) -> Result<(), Error> {
    let mut checks = vec![
        deployment::configuration(console),
        Check::or_bad("table", deployment::table(console).await),
    ];
    checks.extend(of_stripe(console).await);
    checks.push(Check::or_bad(
        "langfuse",
        deployment::langfuse(console).await,
    ));
    let incidents = open_incidents(console).await.unwrap_or_else(|error| {
        checks.push(Check::bad("incidents", chain(&error)));
        Vec::new()
    });
    let ok = incidents.is_empty() && checks.iter().all(|check| check.ok);
    if console.json {
        let found = json!({ "ok": ok, "checks": checks, "incidents": incidents });
        writeln!(console.out, "{found}")?;
    } else {
        print(console, &checks, &incidents)?;
    }
    if ok { Ok(()) } else { Err(Error::NotInOrder) }
}

/// Runs the checks of the Stripe account.
async fn of_stripe(console: &Console<'_>) -> Vec<Check> {
    let account = match stripe_account(console) {
        Ok(account) => account,
        Err(error) => {
            let why = chain(&error);
            return AT_STRIPE.map(|name| Check::bad(name, why.clone())).into();
        }
    };
    vec![
        deployment::key(&account),
        Check::or_bad("clock", deployment::clock(console, &account).await),
        Check::or_bad("meter", at_stripe::meter(&account).await),
        Check::or_bad("prices", at_stripe::prices(console, &account).await),
        Check::or_bad("tax", at_stripe::tax(console, &account).await),
        Check::or_bad("webhooks", at_stripe::webhooks(&account).await),
        Check::or_bad("meter_errors", at_stripe::meter_errors(&account).await),
    ]
}

fn stripe_account(console: &Console<'_>) -> Result<StripeAccount, Error> {
    let stage = console.environment.stage()?;
    Ok(StripeAccount::new(console.stripe()?, stage))
}

/// Returns the incidents that are neither dismissed nor settled by themselves.
async fn open_incidents(console: &Console<'_>) -> Result<Vec<Incident>, Error> {
    let (ledger, stored) = (console.ledger()?, Incidents::over(console.table()?));
    let deadline = Deadline::lasting(&console.clock, STEP_TIME);
    let mut open = Vec::new();
    let mut from = None;
    loop {
        let (incidents, next) = stored.incidents(from, &deadline).await?;
        let subjects = incidents.iter().filter_map(|one| one.subject.parse().ok());
        let subjects: BTreeSet<EntryId> = subjects.collect();
        let subjects: Vec<EntryId> = subjects.into_iter().collect();
        // A payment or refund that has its entry by now is settled.
        let booked = ledger.credited(&subjects, &deadline).await?;
        let is_booked = |one: &Incident| {
            let entry = one.subject.parse::<EntryId>();
            entry.is_ok_and(|entry| booked.contains_key(&entry))
        };
        let still = incidents.into_iter();
        open.extend(still.filter(|one| one.code.stays_open() || !is_booked(one)));
        if next.is_none() {
            return Ok(open);
        }
        from = next;
    }
}

/// Dismisses all incidents of an object.
pub(crate) async fn dismiss(console: &mut Console<'_>, subject: String) -> Result<(), Error> {
    let incidents = Incidents::over(console.table()?);
    let dismissed = incidents.dismiss_incidents(&subject, &console.deadline);
    let dismissed = dismissed.await?;
    if dismissed == 0 {
        return Err(Error::NoIncident(subject));
    }
    if console.json {
        let report = json!({ "subject": subject, "dismissed": dismissed });
        writeln!(console.out, "{report}")?;
    } else {
        writeln!(console.out, "incidents of {subject} dismissed: {dismissed}")?;
    }
    Ok(())
}

fn print(console: &mut Console<'_>, checks: &[Check], incidents: &[Incident]) -> Result<(), Error> {
    for check in checks {
        let Check { name, detail, .. } = check;
        writeln!(console.out, "{:<4} {name}: {detail}", check.verdict())?;
    }
    for incident in incidents {
        let Incident {
            subject,
            detail,
            seen_at,
            ..
        } = incident;
        let account = incident.account.as_ref();
        let account = account.map_or_else(String::new, |account| format!(" of {account}"));
        writeln!(console.out, "see  {subject}{account}: {detail} ({seen_at})")?;
    }
    Ok(())
}
