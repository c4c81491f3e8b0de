//! `sparks verify`: compares accounts with what their entries add up to.

use serde_json::{Value, json};
use shared::process::deadline::Deadline;
use shared::process::telemetry::chain;
use shared::reports::audit::Audits;
use shared::words::id::AccountId;

use crate::{Console, Error, STEP_TIME};

/// Verifies one account, or all of them; fails if anything disagrees.
pub(crate) async fn run(
    console: &mut Console<'_>,
    account: Option<AccountId>,
) -> Result<(), Error> {
    let audits = Audits::beside(&console.ledger()?);
    let mut report = Report::default();
    if let Some(account) = account {
        let found = verify(console, &audits, &account, &mut report).await?;
        if !found {
            return Err(Error::NoAccount(account));
        }
        return report.print(console);
    }
    let mut from = None;
    loop {
        let deadline = Deadline::lasting(&console.clock, STEP_TIME);
        let part = audits.accounts(from, &deadline).await?;
        for key in part.unlisted {
            let finding = format!("`{key}` is in no account's ledger");
            report.findings.push((None, finding));
        }
        for account in part.accounts {
            verify(console, &audits, &account, &mut report).await?;
        }
        if part.next.is_none() {
            return report.print(console);
        }
        from = part.next;
    }
}

/// Counts and findings of a verification.
#[derive(Default)]
struct Report {
    accounts: u64,
    entries: u64,
    /// Disagreements, each with its account if that is known.
    findings: Vec<(Option<AccountId>, String)>,
    /// Accounts that kept changing while they were read.
    unsettled: Vec<AccountId>,
}

async fn verify(
    console: &mut Console<'_>,
    audits: &Audits,
    account: &AccountId,
    report: &mut Report,
) -> Result<bool, Error> {
    let deadline = Deadline::lasting(&console.clock, STEP_TIME);
    let verified = match audits.verify(account, &deadline).await {
        Ok(Some(verified)) => verified,
        Ok(None) => return Ok(false),
        // A failure of one account does not stop the verification of the others.
        Err(error) => {
            let finding = format!("could not be verified: {}", chain(&error));
            report.findings.push((Some(account.clone()), finding));
            return Ok(true);
        }
    };
    report.accounts += 1;
    report.entries += verified.entries;
    if verified.unsettled {
        report.unsettled.push(account.clone());
    }
    if report.accounts.is_multiple_of(100) {
        writeln!(console.notes, "{} accounts", report.accounts)?;
    }
    let findings = verified.findings.into_iter();
    report
        .findings
        .extend(findings.map(|finding| (Some(account.clone()), finding)));
    Ok(true)
}

impl Report {
    fn print(self, console: &mut Console<'_>) -> Result<(), Error> {
        let ok = self.findings.is_empty();
        if console.json {
            let findings = self
                .findings
                .iter()
                .map(|(account, finding)| json!({ "account_id": account, "finding": finding }));
            let findings: Vec<Value> = findings.collect();
            let report = json!({
                "ok": ok, "accounts": self.accounts, "entries": self.entries, "findings": findings,
                "unsettled": self.unsettled,
            });
            writeln!(console.out, "{report}")?;
        } else {
            for (account, finding) in &self.findings {
                let account = account.as_ref();
                let account = account.map_or_else(String::new, |account| format!("{account}: "));
                writeln!(console.out, "{account}{finding}")?;
            }
            for account in &self.unsettled {
                writeln!(
                    console.out,
                    "{account}: kept changing while it was read; verify it again"
                )?;
            }
            let (accounts, entries) = (self.accounts, self.entries);
            writeln!(
                console.out,
                "{accounts} accounts with {entries} entries verified"
            )?;
        }
        if ok { Ok(()) } else { Err(Error::NotInOrder) }
    }
}
