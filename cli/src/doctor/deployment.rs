//! Checks of a deployment's variables, table, clock and keys.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::process::config::{ItemVersion, TableSettings};
use shared::process::deadline::Deadline;
use shared::providers::langfuse::{self, Langfuse};

use super::check::Check;
use crate::stripe_account::StripeAccount;
use crate::{Console, Error, STEP_TIME};

/// Maximum difference between this machine's clock and Stripe's. A webhook's signature is valid for five minutes.
const MAX_SKEW: SignedDuration = SignedDuration::from_secs(60);

/// Resolution of a date in HTTP.
const DATE_STEP: SignedDuration = SignedDuration::from_secs(1);

/// Timeout of a call to Langfuse.
const LANGFUSE_TIMEOUT: Duration = Duration::from_secs(10);

/// Checks that every variable that a function reads is set and well-formed.
pub(super) fn configuration(console: &Console<'_>) -> Check {
    let name = "configuration";
    let faults = console.environment.faults().into_iter();
    let faults: Vec<String> = faults
        .map(|fault| format!("{} {}", fault.name, fault.problem))
        .collect();
    if faults.is_empty() {
        return Check::good(name, "every variable that a function needs is well-formed");
    }
    Check::bad(name, faults.join("; "))
}

/// Checks that the table exists, with its keys and indexes.
pub(super) async fn table(console: &Console<'_>) -> Result<Check, Error> {
    let name = "table";
    let deadline = Deadline::lasting(&console.clock, STEP_TIME);
    let findings = console.table()?.findings(&deadline).await?;
    if findings.is_empty() {
        let TableSettings {
            name: table,
            item_version,
        } = console.environment.table()?;
        let found = format!("{table} has its keys and indexes");
        return Ok(match item_version {
            ItemVersion::V1 | ItemVersion::V2 => Check::warning(
                name,
                format!("{found}; once this release runs everywhere, deploy it with ItemVersion 3"),
            ),
            ItemVersion::V3 => Check::good(
                name,
                format!("{found}; items have version 3, so no release before this one may run"),
            ),
        });
    }
    Ok(Check::bad(name, findings.join("; ")))
}

/// Checks that production stages have a live key, and all others a test key.
pub(super) fn key(account: &StripeAccount) -> Check {
    let name = "key";
    let stage = account.stage();
    let real = matches!(stage, "prod" | "production") || stage.starts_with("live");
    match (real, account.livemode()) {
        (true, true) => Check::good(name, format!("{stage} has a live key")),
        (false, false) => Check::good(name, format!("{stage} has a test key")),
        (true, false) => Check::bad(
            name,
            format!("{stage} has a test key: payments are not real"),
        ),
        (false, true) => Check::warning(name, format!("{stage} has a live key: payments are real")),
    }
}

/// Checks this machine's clock against Stripe's.
pub(super) async fn clock(console: &Console<'_>, account: &StripeAccount) -> Result<Check, Error> {
    let before = console.clock.now();
    let date = account.time().await?;
    Ok(skew(date, before, console.clock.now()))
}

/// Compares Stripe's date with the times just before and after the request.
fn skew(date: Option<Timestamp>, before: Timestamp, after: Timestamp) -> Check {
    let name = "clock";
    let Some(date) = date else {
        return Check::bad(name, "Stripe's response has no date");
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

/// Checks that Langfuse accepts the keys and can list its traces.
pub(super) async fn langfuse(console: &Console<'_>) -> Result<Check, Error> {
    let name = "langfuse";
    let Some(access) = console.environment.langfuse()? else {
        return Ok(Check::good(name, "not configured: nothing is traced"));
    };
    let stage = console.environment.stage()?;
    let langfuse = Langfuse::new(&access, &stage, &console.transport, &console.clock);
    let host = &access.host;
    match langfuse.check(LANGFUSE_TIMEOUT).await {
        Ok(()) => Ok(Check::good(name, format!("{host} accepts the keys"))),
        Err(langfuse::Error::Unreadable(status)) => {
            let version = langfuse.version(LANGFUSE_TIMEOUT).await.ok();
            Ok(unreadable(host, status.as_u16(), version))
        }
        Err(langfuse::Error::RateLimited) => {
            let detail = format!("{host} has too many reads right now: try again in a minute");
            Ok(Check::warning(name, detail))
        }
        Err(error) => Err(error.into()),
    }
}

/// Judges a host that does not list its traces, by the version that it reports.
fn unreadable(host: &str, status: u16, version: Option<String>) -> Check {
    let name = "langfuse";
    let Some(version) = version else {
        let detail = format!("{host} is not Langfuse: it responds with status {status}");
        return Check::bad(name, detail);
    };
    let detail = format!(
        "{host} is version {version} and accepts traces, but does not list them (status {status}): a trace that it may \
         have is parked after 6 hours. Langfuse Cloud lists them, and so does a self-hosted version 4 in v4 write mode"
    );
    Check::warning(name, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_skew_is_reported_beyond_a_minute_plus_the_response_time() {
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
