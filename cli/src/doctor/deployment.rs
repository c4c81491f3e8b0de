//! Whether variables, table, clock and keys are as a deployment needs them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::process::config::{ItemVersion, Table};
use shared::process::patience::Patience;
use shared::providers::langfuse::{self, Langfuse};

use super::check::Check;
use crate::stripe_account::StripeAccount;
use crate::{Desk, Error, PATIENCE};

/// How far this machine's clock may be from Stripe's. Webhooks are good for five minutes.
const MAX_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// A date of HTTP counts whole seconds.
const DATE_STEP: SignedDuration = SignedDuration::from_secs(1);

/// How long Langfuse may take.
const LANGFUSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether every variable that a function reads is there and well-formed.
pub(super) fn configuration(desk: &Desk<'_>) -> Check {
    let name = "configuration";
    let faults = desk.environment.faults().into_iter();
    let faults: Vec<String> = faults
        .map(|fault| format!("{} {}", fault.name, fault.problem))
        .collect();
    if faults.is_empty() {
        return Check::good(name, "every variable that a function needs is well-formed");
    }
    Check::bad(name, faults.join("; "))
}

/// Whether the table is there, with its keys and indexes.
pub(super) async fn table(desk: &Desk<'_>) -> Result<Check, Error> {
    let name = "table";
    let patience = Patience::lasting(&desk.clock, PATIENCE);
    let findings = desk.ledger()?.table_findings(&patience).await?;
    if findings.is_empty() {
        let Table {
            name: table,
            item_version,
        } = desk.environment.table()?;
        let found = format!("{table} has its keys and indexes");
        return Ok(match item_version {
            ItemVersion::V1 | ItemVersion::V2 => Check::warning(
                name,
                format!("{found}; once this release runs everywhere, deploy it with ItemVersion 3"),
            ),
            ItemVersion::V3 => Check::good(
                name,
                format!("{found}; items are of version 3, so no release before this one may run"),
            ),
        });
    }
    Ok(Check::bad(name, findings.join("; ")))
}

/// Whether the key moves real money where that is meant, and only there.
pub(super) fn key(account: &StripeAccount) -> Check {
    let name = "key";
    let stage = account.stage();
    let real = matches!(stage, "prod" | "production") || stage.starts_with("live");
    match (real, account.livemode()) {
        (true, true) => Check::good(name, format!("{stage} has a live key")),
        (false, false) => Check::good(name, format!("{stage} has a test key")),
        (true, false) => Check::bad(name, format!("{stage} has a test key: nobody really pays")),
        (false, true) => Check::warning(name, format!("{stage} has a live key: people really pay")),
    }
}

/// Whether this machine and Stripe agree on the time.
pub(super) async fn clock(desk: &Desk<'_>, account: &StripeAccount) -> Result<Check, Error> {
    let before = desk.clock.now();
    let date = account.time().await?;
    Ok(skew(date, before, desk.clock.now()))
}

/// Judges Stripe's date by when it was asked for and when it had come.
fn skew(date: Option<Timestamp>, before: Timestamp, after: Timestamp) -> Check {
    let name = "clock";
    let Some(date) = date else {
        return Check::bad(name, "Stripe's answer has no date");
    };
    let (ahead, behind) = (
        before.duration_since(date) - DATE_STEP,
        date.duration_since(after),
    );
    let (skew, side) = if ahead > behind {
        (ahead, "ahead of")
    } else {
        (behind, "behind")
    };
    if skew > MAX_SKEW {
        let seconds = skew.as_secs();
        let detail = format!("this machine is {seconds} seconds {side} Stripe: set its clock");
        return Check::bad(name, detail);
    }
    Check::good(name, "this machine and Stripe agree on the time")
}

/// Whether Langfuse takes the keys and says which traces it has.
pub(super) async fn langfuse(desk: &Desk<'_>) -> Result<Check, Error> {
    let name = "langfuse";
    let Some(access) = desk.environment.langfuse()? else {
        return Ok(Check::good(name, "it is not configured: nothing is traced"));
    };
    let stage = desk.environment.stage()?;
    let langfuse = Langfuse::new(&access, &stage, &desk.transport, &desk.clock);
    let host = &access.host;
    match langfuse.check(LANGFUSE_TIMEOUT).await {
        Ok(()) => Ok(Check::good(name, format!("{host} takes the keys"))),
        Err(langfuse::Error::Unreadable(status)) => {
            let version = langfuse.version(LANGFUSE_TIMEOUT).await.ok();
            Ok(unreadable(host, status.as_u16(), version))
        }
        Err(langfuse::Error::RateLimited) => {
            let detail = format!("{host} has too many reads right now: look again in a minute");
            Ok(Check::warning(name, detail))
        }
        Err(error) => Err(error.into()),
    }
}

/// Judges a host that does not say which traces it has by the version that it says it is.
fn unreadable(host: &str, status: u16, version: Option<String>) -> Check {
    let name = "langfuse";
    let Some(version) = version else {
        let detail = format!("{host} is no Langfuse: it answers with status {status}");
        return Check::bad(name, detail);
    };
    let detail = format!(
        "{host} is version {version} and takes traces, but does not say which it has (status {status}): a trace that \
         it may have is parked after 6 hours. Langfuse Cloud does, and a self-hosted version 4 in v4 write mode"
    );
    Check::warning(name, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_off_only_beyond_a_minute_and_what_the_answer_took() {
        let at = |second| Timestamp::from_second(second).unwrap();
        for (date, ok, detail) in [
            (1_000, true, "agree"),
            (1_005, true, "agree"),
            (1_065, true, "agree"),
            (1_066, false, "61 seconds behind Stripe"),
            (939, true, "agree"),
            (938, false, "61 seconds ahead of Stripe"),
        ] {
            let check = skew(Some(at(date)), at(1_000), at(1_005));
            assert_eq!(check.ok, ok, "{date}");
            assert!(check.detail.contains(detail), "{date}: {}", check.detail);
        }
        assert!(!skew(None, at(1), at(2)).ok);
    }
}
