//! `sparks repair`: rebuilds an account from its entries, after a restore has left half of a transaction.

use serde_json::json;
use shared::ledger::{Repair, Repaired};
use shared::process::patience::Patience;
use shared::words::id::AccountId;

use crate::{Desk, Error, PATIENCE};

/// Prints what would change; writes it only if `yes`.
pub(crate) async fn run(desk: &mut Desk<'_>, account: AccountId, yes: bool) -> Result<(), Error> {
    let patience = Patience::lasting(&desk.clock, PATIENCE);
    let repaired = desk.ledger()?.repair(&account, yes, &patience).await?;
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
    if desk.json {
        let report = json!({
            "account_id": account, "available_before": before, "available": after, "rollups": rollups,
            "written": written,
        });
        writeln!(desk.out, "{report}")?;
    } else if written {
        writeln!(
            desk.out,
            "{account} rebuilt: {before} Sparks available before, {after} now; {rollups} roll-ups corrected"
        )?;
    } else {
        writeln!(
            desk.out,
            "{account} has {before} Sparks available and would have {after}; {rollups} roll-ups are wrong. \
             Stop all functions that write, then add --yes"
        )?;
    }
    Ok(())
}
