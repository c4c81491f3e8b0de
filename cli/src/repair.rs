//! `sparks repair`: rebuilds an account from its entries. It is for a restore that has left half of a transaction.

use serde_json::json;
use shared::process::deadline::Deadline;
use shared::reports::audit::{Audits, Repair, Repaired};
use shared::words::id::AccountId;

use crate::{Console, Error, STEP_TIME};

/// Prints what would change; writes it only if `yes`.
pub(crate) async fn run(
    console: &mut Console<'_>,
    account: AccountId,
    yes: bool,
) -> Result<(), Error> {
    let deadline = Deadline::lasting(&console.clock, STEP_TIME);
    let repaired = Audits::beside(&console.ledger()?)
        .repair(&account, yes, &deadline)
        .await?;
    let (repair, written) = match repaired {
        Repaired::Written(repair) => (repair, true),
        Repaired::Planned(repair) => (repair, false),
        Repaired::NoAccount => return Err(Error::NoAccount(account)),
        Repaired::Impossible(why) => return Err(Error::NotRepairable(account, why)),
    };
    let Repair {
        before,
        after,
        rollups,
    } = repair;
    if console.json {
        let report = json!({
            "account_id": account, "available_before": before, "available": after, "rollups": rollups,
            "written": written,
        });
        writeln!(console.out, "{report}")?;
    } else if written {
        writeln!(
            console.out,
            "{account} rebuilt: {before} Sparks available before, {after} now; {rollups} roll-ups corrected"
        )?;
    } else {
        writeln!(
            console.out,
            "{account} has {before} Sparks available and would have {after}; {rollups} roll-ups are wrong. \
             Stop all functions that write, then add --yes"
        )?;
    }
    Ok(())
}
