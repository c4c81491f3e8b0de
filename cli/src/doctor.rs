//! `sparks doctor`: whether a deployment is as it should be, and what somebody has to look at.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;
use shared::catalog::OFFERS;
use shared::ledger::Incident;
use shared::stripe::API_VERSION;

use crate::stripe_account::StripeAccount;
use crate::{Desk, Error};

/// What is wrong with a refund or a dispute although it has its entry.
const STANDING: [&str; 2] = ["no_share", "taken_again"];

/// One look at one thing.
#[derive(Serialize)]
struct Check {
    name: &'static str,
    ok: bool,
    detail: String,
}

impl Check {
    fn good(name: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            name,
            ok: true,
            detail,
        }
    }

    fn bad(name: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self {
            name,
            ok: false,
            detail,
        }
    }
}

/// Looks at everything and says what is found; an error when anything is not in order.
pub(crate) async fn run(desk: &mut Desk<'_>) -> Result<(), Error> {
    let account = StripeAccount::new(desk.stripe()?, desk.environment.stage()?);
    let checks = vec![
        or_bad("meter", meter(&account).await),
        or_bad("prices", prices(desk, &account).await),
        or_bad("webhooks", webhooks(&account).await),
    ];
    let incidents = open_incidents(desk).await?;
    let ok = incidents.is_empty() && checks.iter().all(|check| check.ok);
    if desk.json {
        let found = json!({ "ok": ok, "checks": checks, "incidents": incidents });
        writeln!(desk.out, "{found}")?;
    } else {
        print(desk, &checks, &incidents)?;
    }
    if ok { Ok(()) } else { Err(Error::NotInOrder) }
}

/// What somebody has to look at: without what was looked at, and what has come right by itself.
async fn open_incidents(desk: &Desk<'_>) -> Result<Vec<Incident>, Error> {
    let ledger = desk.ledger()?;
    let mut open = Vec::new();
    let mut from = None;
    loop {
        let (incidents, next) = ledger.incidents(from, &desk.patience).await?;
        let subjects: BTreeSet<String> = incidents.iter().map(|one| one.subject.clone()).collect();
        let subjects: Vec<String> = subjects.into_iter().collect();
        // A payment or a refund that has its entry by now was mended.
        let booked = ledger.credited(&subjects, &desk.patience).await?;
        let still = incidents.into_iter();
        open.extend(still.filter(|one| {
            STANDING.contains(&one.code.as_str()) || !booked.contains_key(&one.subject)
        }));
        if next.is_none() {
            return Ok(open);
        }
        from = next;
    }
}

/// Notes that somebody has looked at everything that is kept of an object.
pub(crate) async fn dismiss(desk: &mut Desk<'_>, subject: String) -> Result<(), Error> {
    let dismissed = desk
        .ledger()?
        .dismiss_incidents(&subject, &desk.patience)
        .await?;
    if dismissed == 0 {
        return Err(Error::NoIncident(subject));
    }
    if desk.json {
        let report = json!({ "subject": subject, "dismissed": dismissed });
        writeln!(desk.out, "{report}")?;
    } else {
        writeln!(desk.out, "{dismissed} of {subject} dismissed")?;
    }
    Ok(())
}

fn print(desk: &mut Desk<'_>, checks: &[Check], incidents: &[Incident]) -> Result<(), Error> {
    for check in checks {
        let verdict = if check.ok { "ok " } else { "bad" };
        writeln!(desk.out, "{verdict} {}: {}", check.name, check.detail)?;
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
        writeln!(desk.out, "see {subject}{account}: {detail} ({seen_at})")?;
    }
    Ok(())
}

/// A look that fails is a bad sign, too.
fn or_bad(name: &'static str, check: Result<Check, Error>) -> Check {
    check.unwrap_or_else(|error| Check::bad(name, shared::telemetry::chain(&error)))
}

async fn meter(account: &StripeAccount) -> Result<Check, Error> {
    let name = "meter";
    let Some(meter) = account.meter().await? else {
        return Ok(Check::bad(name, "there is none; run `sparks stripe-setup`"));
    };
    let prices = account.prices_on(&meter).await?;
    Ok(match prices.first() {
        Some(price) => {
            let price = &price.id;
            Check::bad(
                name,
                format!("the price {price} charges for it, and Sparks are prepaid: archive it"),
            )
        }
        None if !meter.is_active() => Check::bad(name, "it is archived; run `sparks stripe-setup`"),
        None if !meter.counts_sparks() => Check::bad(name, "it does not sum `value` by customer"),
        None => Check::good(name, format!("{} counts, and has no price", meter.id)),
    })
}

async fn prices(desk: &Desk<'_>, account: &StripeAccount) -> Result<Check, Error> {
    let name = "prices";
    let price_ids = desk.environment.stripe_price_ids()?;
    for offer in &OFFERS {
        let id = &price_ids[offer.item];
        match account.price(id).await? {
            Some(price) if price.is_of(offer) => {}
            Some(_) => {
                let item = offer.item;
                let detail = format!("{id} of {item} is not active at the catalogue's amount");
                return Ok(Check::bad(name, detail));
            }
            None => return Ok(Check::bad(name, format!("there is no {id}"))),
        }
    }
    let mode = if account.livemode() { "live" } else { "test" };
    Ok(Check::good(
        name,
        format!(
            "all {} are as in the catalogue, in {mode} mode",
            OFFERS.len()
        ),
    ))
}

async fn webhooks(account: &StripeAccount) -> Result<Check, Error> {
    let name = "webhooks";
    let endpoints = account.endpoints().await?;
    let mut current = endpoints
        .iter()
        .filter(|endpoint| endpoint.api_version.as_deref() == Some(API_VERSION));
    let Some(endpoint) = current.next() else {
        let detail = format!("there is no endpoint of {API_VERSION}; run `sparks stripe-setup`");
        return Ok(Check::bad(name, detail));
    };
    let missing = endpoint.missing_events();
    if endpoint.status != "enabled" {
        return Ok(Check::bad(name, format!("{} is disabled", endpoint.id)));
    }
    if !missing.is_empty() {
        let missing = missing.join(", ");
        return Ok(Check::bad(name, format!("{missing} are not sent")));
    }
    Ok(Check::good(name, format!("{} gets them all", endpoint.id)))
}
