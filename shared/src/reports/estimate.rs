//! Estimates the cost of a usage with the arithmetic that charges it. Records nothing.

use serde::Serialize;

use crate::ledger::Ledger;
use crate::pricing::price_book;
use crate::process::deadline::Deadline;
use crate::reports::balance;
use crate::usage::{Error, ProviderCost, ReceiptLine, Usage, priced};
use crate::words::identity::Subject;
use crate::words::sparks::Sparks;

/// The current cost of a usage. It is not binding: another usage may come first.
#[derive(Debug, Serialize)]
pub struct Estimate {
    sparks: Sparks,
    lines: Vec<ReceiptLine>,
    price_version: String,
    available: Sparks,
    sufficient: bool,
}

/// Prices a usage, and reads whether the balance covers it.
///
/// An account's own first request creates it.
pub async fn estimate(
    ledger: &Ledger,
    subject: &Subject,
    usage: &Usage,
    cost: ProviderCost,
    deadline: &Deadline,
) -> Result<Estimate, Error> {
    let now = deadline.start();
    let (_, price) = priced(usage, now)?;
    let account = match balance::account(ledger, subject, deadline).await {
        Ok(account) => account,
        Err(balance::Error::AccountNotFound) => return Err(Error::AccountNotFound),
        Err(balance::Error::Ledger(error)) => return Err(error.into()),
    };
    Ok(Estimate {
        sparks: price.total,
        lines: ReceiptLine::all_of(&price.lines, cost),
        price_version: price_book::version().to_owned(),
        available: account.available,
        sufficient: price.total <= account.available,
    })
}
