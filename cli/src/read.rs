//! `sparks balance` and `sparks ledger`: what the table says of an account.

use serde_json::json;
use shared::balance;
use shared::id::AccountId;
use shared::identity::Subject;

use crate::{Desk, Error};

pub(crate) async fn balance(desk: &mut Desk<'_>, account: AccountId) -> Result<(), Error> {
    let subject = Subject {
        account,
        may_open: false,
    };
    let ledger = desk.ledger()?;
    let balance = match balance::read(&ledger, &subject, desk.clock.now(), &desk.patience).await {
        Ok(balance) => balance,
        Err(balance::Error::AccountNotFound) => return Err(Error::NoAccount(subject.account)),
        Err(balance::Error::Ledger(error)) => return Err(error.into()),
    };
    if desk.json {
        writeln!(desk.out, "{}", serde_json::to_string(&balance)?)?;
        return Ok(());
    }
    writeln!(desk.out, "{} Sparks available", balance.available)?;
    for grant in &balance.grants {
        let source = grant.source.as_str();
        let ends = grant.expires_at.as_deref().unwrap_or("never");
        writeln!(
            desk.out,
            "{:>20}  {}  ends {ends}  {}",
            grant.remaining.to_string(),
            source,
            grant.id
        )?;
    }
    Ok(())
}

pub(crate) async fn ledger(
    desk: &mut Desk<'_>,
    account: AccountId,
    limit: u8,
) -> Result<(), Error> {
    let ledger = desk.ledger()?;
    if ledger.account(&account, &desk.patience).await?.is_none() {
        return Err(Error::NoAccount(account));
    }
    let rows = ledger
        .newest_entries(&account, limit, &desk.patience)
        .await?;
    if desk.json {
        writeln!(desk.out, "{}", json!({ "entries": rows }))?;
        return Ok(());
    }
    for row in rows {
        let reason = row.reason.unwrap_or_default();
        writeln!(
            desk.out,
            "{:.3}  {:>20}  {:<8} {}  {reason}",
            row.recorded_at,
            row.amount.to_string(),
            row.kind,
            row.id
        )?;
    }
    Ok(())
}
