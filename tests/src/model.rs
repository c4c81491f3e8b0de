//! The rules of Sparks as a plain and slow program. It is the specification that the tests compare the product with.
//!
//! | part | rule | compared with |
//! |---|---|---|
//! | [`Usage`] | the cost of a usage | the API's answers; entries and meter in a simulation |
//! | [`Purchase`] | the share that a refund or a dispute takes | the ledger; commits and the end of a simulation |
//! | [`Account`] | balance, burn order, expiry, debt, free Sparks | the ledger and the API, after each step |
//! | [`History`] | random steps of an account | the ledger |
//!
//! An [`Account`] takes every debit from its grants at once. The ledger attributes debits later, and commits much in one
//! go; its results must be the same. No production code is used here, except for the ids of usages.
//!
//! Two neighbours state no rule of an account, and so are no part of this model: `simulation/auditor.rs` checks that
//! items agree with each other and with Stripe and Langfuse, and `tests/fuzzing` reads the grammar of requests, and
//! prices in the committed table, from bytes.

mod account;
mod history;
mod purchase;
mod usage;

pub use account::{Account, Credit, Left};
pub use history::{History, Step};
pub use purchase::{Purchase, Reversal, share};
pub use usage::Usage;

/// The packs: catalogue item and milli-Sparks.
pub const PACKS: [(&str, i64); 3] = [
    ("pack_125k", 125_000_000),
    ("pack_500k", 500_000_000),
    ("pack_2500k", 2_500_000_000),
];

/// The plan: catalogue item and milli-Sparks of a period.
pub const PLAN: (&str, i64) = ("plus", 500_000_000);

/// The milli-Sparks that the free plan grants for a month.
pub const FREE: i64 = 10_000_000;

/// Prints milli-Sparks as the API does, such as `-1.500`.
pub fn print(milli: i64) -> String {
    let (sign, milli) = (if milli < 0 { "-" } else { "" }, milli.unsigned_abs());
    format!("{sign}{}.{:03}", milli / 1_000, milli % 1_000)
}

/// Parses printed Sparks as milli-Sparks; None if the text has not exactly three places.
pub fn parse(text: &str) -> Option<i64> {
    let (whole, places) = text.split_once('.')?;
    (places.len() == 3).then(|| format!("{whole}{places}").parse().ok())?
}
