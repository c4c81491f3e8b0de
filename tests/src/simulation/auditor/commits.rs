//! Checks every commit, and every event that is sent to the meter, as it happens.

use std::collections::{BTreeMap, BTreeSet};

use local::dynamodb::{Change, Item};
use serde_json::Value;

use super::number;
use super::purchases::Purchases;
use crate::simulation::items::milli;

/// The age up to which a usage is sent to the meter automatically. Later, Stripe may count it twice.
const OLDEST_MS: i64 = 23 * 3_600_000;

/// The allowed error of clocks.
const TOLERANCE_MS: i64 = 60_000;

/// The attributes of an entry that may change.
const MUTABLE: [&str; 18] = [
    "langfuse",
    "stripe",
    "langfuse_parked",
    "stripe_parked",
    "langfuse_unsent",
    "stripe_unsent",
    "langfuse_absent_at",
    "langfuse_unclear_since",
    "pending_bucket",
    "pending_due",
    "claims",
    "claimed_at",
    "traced_at",
    "parcel",
    "absent_at",
    "reported_at",
    "redriven_at",
    "reversals",
];

/// The allowed steps of a delivery.
const STEPS: [(&str, &str); 5] = [
    ("pending", "confirmed"),
    ("pending", "parked"),
    // Stripe reports later that it could not count it.
    ("confirmed", "parked"),
    // The operator redrives it, or finds that it had arrived.
    ("parked", "pending"),
    ("parked", "confirmed"),
];

/// An account according to its items.
#[derive(Default)]
struct Account {
    available: i64,
    /// The amount debited since the grants were last settled.
    unsettled: i64,
    /// The remainder of the grants at that time.
    left: i64,
    entries: i64,
    version: i64,
    /// The version of the grants.
    held: i64,
}

/// Checks every commit with sums of its own, not with the ledger's.
#[derive(Default)]
pub(in super::super) struct Auditor {
    accounts: BTreeMap<String, Account>,
    /// The times from which the age of usages and parcels counts for the meter.
    ages: BTreeMap<String, i64>,
    purchases: Purchases,
    wrong: Vec<String>,
}

impl Auditor {
    /// Checks a commit; returns the rules that it breaks.
    pub(in super::super) fn see(&mut self, commit: &[Change]) -> Vec<String> {
        self.wrong.extend(self.purchases.see(commit));
        let mut touched = BTreeSet::new();
        let (mut debits, mut reverses) = (false, false);
        for change in commit {
            let Some(after) = &change.after else {
                self.wrong.push(format!("{:?} was deleted", change.before));
                continue;
            };
            let kind = kind(after);
            if let Some(account) = owner(after) {
                touched.insert(account.to_owned());
            }
            match (kind, &change.before) {
                ("A", _) => self.account(after),
                ("G", _) => self.grants(after),
                ("E", None) => {
                    debits |= after.text("kind") == Some("usage");
                    reverses |= after.text("kind") == Some("reversal");
                    let of = after.text("account").unwrap_or_default().to_owned();
                    self.accounts.entry(of).or_default().entries += number(after, "amount");
                }
                ("E", Some(before)) => self.entry(before, after),
                _ => {}
            }
            if let ("E" | "B", Some(id)) = (kind, after.text("id")) {
                let from = number(after, "recorded_at").max(number(after, "redriven_at"));
                self.ages.insert(id.to_owned(), from);
            }
        }
        if touched.len() > 1 {
            self.wrong
                .push(format!("one commit for {touched:?}: {commit:?}"));
        }
        for name in &touched {
            self.wrong
                .extend(self.account_wrong(name, commit, (debits, reverses)));
        }
        std::mem::take(&mut self.wrong)
    }

    /// Returns the rules that an account breaks after a commit. The commit debits it or reverses a credit or does
    /// neither.
    fn account_wrong(
        &self,
        name: &str,
        commit: &[Change],
        (debits, reverses): (bool, bool),
    ) -> Vec<String> {
        let Some(account) = self.accounts.get(name) else {
            return Vec::new();
        };
        let mut wrong = Vec::new();
        let Account {
            available,
            unsettled,
            left,
            entries,
            version,
            held,
        } = account;
        if left - unsettled != *available.max(&0) {
            let what = format!("{name} has {available}, but {left} in grants less {unsettled}");
            wrong.push(what);
        }
        if version != held {
            let what = format!("{name} has version {version}, but its grants have {held}");
            wrong.push(what);
        }
        if available != entries {
            let what = format!("{name} has {available}, but its entries sum to {entries}");
            wrong.push(what);
        }
        if *available < 0 && debits {
            wrong.push(format!("{name} was debited to {available}"));
        }
        let before = commit.iter().filter_map(|change| change.before.as_ref());
        let fell = before
            .filter(|item| kind(item) == "A")
            .any(|item| number(item, "available") > *available);
        if *available < 0 && fell && !reverses {
            wrong.push(format!(
                "{name} fell to {available} without a reversal: {commit:?}"
            ));
        }
        wrong
    }

    fn account(&mut self, item: &Item) {
        let name = owner(item).unwrap_or_default();
        let account = self.accounts.entry(name.to_owned()).or_default();
        let version = number(item, "grants_version");
        if version < account.version {
            self.wrong
                .push(format!("the version of {name} went back to {version}"));
        }
        account.available = number(item, "available");
        account.unsettled = number(item, "debited") - number(item, "settled");
        account.version = version;
        // Item version 1 has the grants in the account item.
        if item.text("grants").is_some() {
            self.grants(item);
        }
    }

    fn grants(&mut self, item: &Item) {
        let name = owner(item).unwrap_or_default();
        let grants: Value =
            serde_json::from_str(item.text("grants").unwrap_or("[]")).unwrap_or_default();
        let left = grants.as_array().into_iter().flatten();
        let account = self.accounts.entry(name.to_owned()).or_default();
        account.left = left.map(|grant| milli(&grant["remaining"])).sum();
        account.held = number(item, "grants_version");
    }

    fn entry(&mut self, before: &Item, after: &Item) {
        let names: BTreeSet<&str> = before.names().chain(after.names()).collect();
        for name in names {
            let same = before.text(name) == after.text(name)
                && before.integer(name) == after.integer(name);
            if same {
                continue;
            }
            let step = (
                before.text(name).unwrap_or_default(),
                after.text(name).unwrap_or_default(),
            );
            let may = match name {
                "langfuse" | "stripe" => STEPS.contains(&step),
                // An entry stays in its parcel, and the count of claims only grows.
                "parcel" => before.text(name).is_none(),
                "claims" => number(after, name) > number(before, name),
                _ => MUTABLE.contains(&name),
            };
            if !may {
                let id = after.text("id");
                self.wrong.push(format!(
                    "`{name}` of {id:?} went from {before:?} to {after:?}"
                ));
            }
        }
    }

    /// Checks an event that is about to be sent to the meter.
    pub(in super::super) fn is_sent(&mut self, identifier: &str, now_ms: i64) -> Option<String> {
        let Some(from) = self.ages.get(identifier) else {
            return Some(format!(
                "the meter gets {identifier}, which is not in the ledger"
            ));
        };
        let age = now_ms - from;
        (age > OLDEST_MS + TOLERANCE_MS)
            .then(|| format!("the meter gets {identifier} after {} minutes", age / 60_000))
    }
}

/// Returns the kind of an item, which is its sort key.
fn kind(item: &Item) -> &str {
    item.text("sk").unwrap_or_default()
}

/// Returns the account of an item; None if it belongs to no account.
fn owner(item: &Item) -> Option<&str> {
    let pk = item.text("pk").unwrap_or_default();
    match pk.split_once('#') {
        Some(("A" | "R", account)) => Some(account),
        Some(("E" | "I" | "S" | "X", _)) => item.text("account"),
        Some(("B", _)) => item.text("parcel_of"),
        _ => None,
    }
}
