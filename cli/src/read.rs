//! `sparks balance` and `sparks ledger`: print an account's grants and entries.

use shared::reports::{balance, history, statement};
use shared::usage::ProviderCost;
use shared::words::id::AccountId;
use shared::words::identity::Subject;

use crate::{Console, Error};

pub(crate) async fn balance(console: &mut Console<'_>, account: AccountId) -> Result<(), Error> {
    let subject = Subject {
        account,
        by_service: true,
    };
    let ledger = console.ledger()?;
    let balance = match balance::read(
        &ledger,
        &subject,
        &console.deadline.starting(console.clock.now()),
    )
    .await
    {
        Ok(balance) => balance,
        Err(balance::Error::AccountNotFound) => return Err(Error::NoAccount(subject.account)),
        Err(balance::Error::Ledger(error)) => return Err(error.into()),
    };
    if console.json {
        writeln!(console.out, "{}", serde_json::to_string(&balance)?)?;
        return Ok(());
    }
    writeln!(console.out, "{} Sparks available", balance.available)?;
    for grant in &balance.grants {
        let source = grant.source.as_str();
        let ends = grant.expires_at.as_deref().unwrap_or("never");
        writeln!(
            console.out,
            "{:>20}  {}  ends {ends}  {}",
            grant.remaining.to_string(),
            source,
            grant.id
        )?;
    }
    Ok(())
}

pub(crate) async fn ledger(
    console: &mut Console<'_>,
    account: AccountId,
    limit: u8,
) -> Result<(), Error> {
    let subject = Subject {
        account,
        by_service: true,
    };
    let ledger = console.ledger()?;
    let query = statement::Query::newest(limit);
    let deadline = &console.deadline.starting(console.clock.now());
    let cost = ProviderCost::Shown;
    let statement = statement::read(&ledger, &subject, &query, cost, deadline);
    let statement = match statement.await {
        Ok(statement) => statement,
        Err(history::Error::Account(balance::Error::AccountNotFound)) => {
            return Err(Error::NoAccount(subject.account));
        }
        Err(error) => return Err(error.into()),
    };
    if console.json {
        writeln!(console.out, "{}", serde_json::to_string(&statement)?)?;
        return Ok(());
    }
    for entry in statement.entries {
        let reason = entry.reason.unwrap_or_default();
        writeln!(
            console.out,
            "{}  {:>20}  {:<8} {}  {reason}",
            entry.recorded_at,
            entry.amount.to_string(),
            entry.kind.as_str(),
            entry.id
        )?;
    }
    Ok(())
}
