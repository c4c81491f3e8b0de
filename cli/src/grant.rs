//! `sparks grant`: grants Sparks by hand, once per key.

use serde_json::json;
use shared::ledger::{Credited, NewCredit, Source};
use shared::words::entry_id::EntryId;
use shared::words::id::{AccountId, IdempotencyKey};
use shared::words::sparks::Sparks;

use crate::reason::Reason;
use crate::{Console, Error};

/// Maximum of one grant. It is far more than is needed, and far less than an account can hold.
const MOST: Sparks = Sparks::from_milli(1_000_000_000_000_000);

pub(crate) async fn grant(
    console: &mut Console<'_>,
    account: AccountId,
    sparks: Sparks,
    reason: &Reason,
    free_plan: bool,
    key: Option<IdempotencyKey>,
) -> Result<(), Error> {
    if sparks <= Sparks::ZERO || sparks > MOST {
        return Err(Error::AmountToGrant(MOST));
    }
    let key = key.unwrap_or_else(made_up_key);
    // Printed before the write, so that a grant with an unknown outcome can be repeated with its key.
    writeln!(console.notes, "key {key}")?;
    let now = console.clock.now();
    let id = EntryId::granted(&account, &key);
    let credit = NewCredit {
        id: id.clone(),
        account: account.clone(),
        source: Source::Manual,
        sparks,
        expires_at: None,
        reason: Some(reason.as_str().to_owned()),
        free_plan,
        purchase: None,
    };
    let ledger = console.ledger()?;
    let replayed = match ledger
        .credit(&credit, &console.deadline.starting(now))
        .await?
    {
        Credited::Recorded(_) => false,
        Credited::Replayed => true,
        Credited::Reused => return Err(Error::KeyReused(key)),
        Credited::TooMany => return Err(Error::TooManyGrants(account)),
    };
    let balance = ledger
        .settled_account(&account, &console.deadline.starting(now))
        .await?;
    let available = balance.map_or(Sparks::ZERO, |account| account.available);
    if console.json {
        let grant = json!({
            "id": id, "key": key, "account_id": account, "sparks": sparks, "replayed": replayed,
            "available": available,
        });
        writeln!(console.out, "{grant}")?;
    } else {
        let verb = if replayed {
            "were already granted"
        } else {
            "granted"
        };
        writeln!(
            console.out,
            "{sparks} Sparks {verb} to {account}, {available} available"
        )?;
    }
    Ok(())
}

fn made_up_key() -> IdempotencyKey {
    format!("{:032x}", fastrand::u128(..))
        .parse()
        .expect("hexadecimal digits are a valid key")
}
