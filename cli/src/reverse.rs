//! `sparks reverse`: takes back a grant's rest, or gives a usage's Sparks back. It does so once per entry.

use serde_json::json;
use shared::ledger::{Corrected, Irreversible};
use shared::words::sparks::Sparks;

use crate::reason::Reason;
use crate::{Console, Error};

pub(crate) async fn run(
    console: &mut Console<'_>,
    entry: String,
    reason: &Reason,
) -> Result<(), Error> {
    let now = console.clock.now();
    let ledger = console.ledger()?;
    let Ok(id) = entry.parse() else {
        return Err(Error::NoEntry(entry));
    };
    let corrected = ledger
        .correct(&id, reason.as_str(), &console.deadline.starting(now))
        .await?;
    let (correction, available) = match corrected {
        Corrected::Recorded(correction, available) => (correction, Some(available)),
        Corrected::Replayed(correction) => (correction, None),
        Corrected::NoEntry => return Err(Error::NoEntry(entry)),
        Corrected::Refused(what) => return Err(Error::NotReversible(entry, why_not(what))),
        Corrected::TooMany(account) => return Err(Error::TooManyGrants(account)),
    };
    let (id, account, amount) = (&correction.id, &correction.account, correction.amount);
    if console.json {
        let reversal = json!({
            "id": id, "entry": entry, "account_id": account, "amount": amount,
            "replayed": available.is_none(), "available": available,
        });
        writeln!(console.out, "{reversal}")?;
        return Ok(());
    }
    let (out, sparks) = (
        &mut console.out,
        Sparks::from_milli(amount.milli().saturating_abs()),
    );
    match available {
        None => writeln!(
            out,
            "{entry} of {account} was already reversed, by {id} with {amount} Sparks; nothing was written"
        ),
        Some(available) if amount == Sparks::ZERO => writeln!(
            out,
            "{entry} of {account} had nothing left to reverse, {available} available"
        ),
        Some(available) if amount.is_negative() => writeln!(
            out,
            "{sparks} Sparks of {entry} taken back from {account}, {available} available"
        ),
        Some(available) => writeln!(
            out,
            "{sparks} Sparks of {entry} given back to {account}, {available} available"
        ),
    }?;
    Ok(())
}

const fn why_not(what: Irreversible) -> &'static str {
    match what {
        Irreversible::Purchase => "was bought: refund it at Stripe, and its Sparks are taken back",
        Irreversible::Free => "is a month of the free plan: it ends with the month",
        Irreversible::Expiry => "is the expiry of a grant: grant new Sparks instead",
        Irreversible::Reversal => "is itself a reversal: grant new Sparks instead",
        Irreversible::Restoration => {
            "restored Sparks after a refund or dispute: refund its purchase at Stripe"
        }
    }
}
