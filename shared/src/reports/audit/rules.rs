//! Recomputes an account from its entries, and finds where the table differs. Pure.

use std::collections::{BTreeMap, HashMap};

use crate::ledger::account::Account;
use crate::ledger::booking::CreditEntry;
use crate::ledger::entry::{EntryKind, UsageEntry};
use crate::ledger::grants::{Grant, Source};
use crate::ledger::holdings::Holdings;
use crate::ledger::purchase::Reversals;
use crate::ledger::rollup::{self, Sums};
use crate::pricing::price_book;
use crate::reports::audit::changes::{Changes, Effect};
use crate::table::item::{self, Item, Malformed};
use crate::words::entry_id::EntryId;
use crate::words::sparks::Sparks;

/// The sums of an account's entries.
#[derive(Debug, Default)]
pub(crate) struct Audit {
    entries: u64,
    sum: i128,
    debited: i128,
    changes: Changes,
    /// Sums of usages, by the roll-up's key, with every model by its own name.
    rollups: HashMap<String, Sums>,
    /// The roll-ups before the entries were read, for an account in use.
    rollups_before: Option<HashMap<String, Item>>,
    /// The Sparks clawed back from each purchase. They are as the purchase records them, and as entries book them.
    taken: BTreeMap<EntryId, (i128, i128)>,
    /// The first usage whose amount differs from its own unit prices, and how many do.
    mispriced: Option<(String, u64)>,
    findings: Vec<String>,
}

/// An account rebuilt from its entries.
#[derive(Debug)]
pub(crate) struct Rebuilt {
    /// The account and its grants.
    pub(crate) holdings: Holdings,
    /// Its roll-ups by their sort keys, with every model by its own name.
    pub(crate) rollups: HashMap<String, Sums>,
}

impl Audit {
    /// Counts an entry, as far as it can be read.
    pub(crate) fn see(&mut self, entry: &Item) {
        self.entries += 1;
        if let Err(malformed) = self.count(entry) {
            let key = item::read_text(entry, "pk").unwrap_or_default();
            self.findings
                .push(format!("`{key}` cannot be read: {malformed}"));
        }
    }

    fn count(&mut self, entry: &Item) -> Result<(), Malformed> {
        let amount = item::read_amount(entry, "amount")?;
        self.sum += i128::from(amount.milli());
        let effect = match EntryKind::read(entry)? {
            EntryKind::Usage => {
                self.debited -= i128::from(amount.milli());
                self.see_usage(&UsageEntry::from_item(entry)?);
                return Ok(());
            }
            EntryKind::Expiry => Effect::Expired {
                grant: item::read_parsed(entry, "grant")?,
                left: item::read_debit(entry, "amount")?,
            },
            EntryKind::Reversal => self.reversed(entry, amount)?,
            EntryKind::Restoration => self.restored(entry, amount)?,
            EntryKind::Credit => self.credited(entry)?,
        };
        self.changes.add(entry, effect)
    }

    fn see_usage(&mut self, usage: &UsageEntry) {
        let lines = usage.lines.iter();
        let lines: i128 = lines.map(|line| i128::from(line.sparks.milli())).sum();
        if lines != i128::from(usage.sparks.milli()) {
            let id = &usage.id;
            self.findings
                .push(format!("the lines of `{id}` do not sum to its amount"));
        }
        if let Some(finding) = mispricing(usage) {
            let (_, all) = self.mispriced.get_or_insert((finding, 0));
            *all += 1;
        }
        for key in rollup::keys(usage) {
            let by_model = rollup::counts_models(&key);
            let sums = self.rollups.entry(key.sk).or_default();
            for line in &usage.lines {
                let meter = line.line.meter().as_str();
                let name = match line.model_id().filter(|_| by_model) {
                    Some(model) => format!("{meter}#{model}"),
                    None => meter.to_owned(),
                };
                let sum = sums.entry(name).or_default();
                sum.0 += i128::from(line.sparks.milli());
                sum.1 += i128::from(line.line.quantity());
            }
        }
    }

    fn reversed(&mut self, entry: &Item, amount: Sparks) -> Result<Effect, Malformed> {
        let taken = item::read_debit(entry, "amount")?;
        let purchase: EntryId = item::read_parsed(entry, "reverses")?;
        if item::read_text(entry, "id")? == purchase.correction().as_str() {
            let joins: Option<EntryId> = item::optional_parsed(entry, "joins")?;
            return Ok(Effect::TakenOut {
                at_most: joins
                    .as_ref()
                    .map_or(Sparks::from_milli(i64::MAX), |_| taken),
                grant: joins.unwrap_or(purchase),
                taken,
            });
        }
        self.taken.entry(purchase.clone()).or_default().1 -= i128::from(amount.milli());
        Ok(Effect::TakenBack { purchase, taken })
    }

    fn restored(&mut self, entry: &Item, amount: Sparks) -> Result<Effect, Malformed> {
        let purchase: EntryId = item::read_parsed(entry, "restores")?;
        self.taken.entry(purchase.clone()).or_default().1 -= i128::from(amount.milli());
        let grant = CreditEntry::from_item(entry)?.grant();
        Ok(Effect::Granted(Grant {
            restores: Some(purchase),
            ..grant
        }))
    }

    fn credited(&mut self, entry: &Item) -> Result<Effect, Malformed> {
        if item::optional_text(entry, "reversals")?.is_some() {
            let reversals: Reversals = item::read_json(entry, "reversals")?;
            let live = reversals.all().iter().filter(|reversal| !reversal.restored);
            let taken: i128 = live.map(|live| i128::from(live.taken.milli())).sum();
            let id = item::read_parsed(entry, "id")?;
            self.taken.entry(id).or_default().0 += taken;
        }
        let credit = CreditEntry::from_item(entry)?;
        Ok(match credit.source {
            Source::Free => Effect::GrantedFree(credit.grant()),
            Source::Pack | Source::Plan | Source::Promo | Source::Manual => {
                Effect::Granted(credit.grant())
            }
        })
    }

    /// Stores a roll-up as it was before the entries were read. Later additions may be missing from the entries.
    pub(crate) fn see_rollup_before(&mut self, stored: &Item) {
        let sk = item::read_text(stored, "sk").unwrap_or_default().to_owned();
        let before = self.rollups_before.get_or_insert_default();
        before.insert(sk, stored.clone());
    }

    /// Compares a stored roll-up with the sums of its entries.
    pub(crate) fn see_rollup(&mut self, stored: &Item) {
        let sk = item::read_text(stored, "sk").unwrap_or_default();
        let expected = self.rollups.remove(sk).unwrap_or_default();
        let kept = rollup::models_of(stored);
        let expected = rollup::folded(expected, &kept);
        let before = match &self.rollups_before {
            Some(before) => before.get(sk).map_or(Ok(Sums::new()), rollup::stored_sums),
            None => rollup::stored_sums(stored),
        };
        let before = before.map(|before| rollup::folded(before, &kept));
        let finding = match (before, rollup::stored_sums(stored)) {
            (Ok(before), Ok(after)) if between(&before, &expected, &after) => return,
            (Ok(_), Ok(_)) => format!("the roll-up `{sk}` differs from its entries"),
            (Err(malformed), _) | (_, Err(malformed)) => {
                format!("the roll-up `{sk}` cannot be read: {malformed}")
            }
        };
        self.findings.push(finding);
    }

    /// Compares the account with the entries; returns their number and the findings.
    ///
    /// `debited_after` is the account's `debited` after everything was read: debits in between may or may not be among
    /// the entries.
    pub(crate) fn finish(mut self, found: &Holdings, debited_after: Sparks) -> (u64, Vec<String>) {
        let account = &found.account;
        match self.mispriced.take() {
            Some((first, 1)) => self.findings.push(first),
            Some((first, all)) => {
                let finding = format!("{first}; mispriced usages in all: {all}");
                self.findings.push(finding);
            }
            None => {}
        }
        // Debits move Sparks from one to the other, so their sum is constant while nothing else changes.
        let (available, debited) = (
            i128::from(account.available.milli()),
            i128::from(account.debited.milli()),
        );
        if available + debited != self.sum + self.debited {
            self.findings.push(format!(
                "the balance is {}, but the entries sum to {} milli-Sparks",
                account.available, self.sum
            ));
        }
        if !(debited..=i128::from(debited_after.milli())).contains(&self.debited) {
            self.findings.push(format!(
                "{} Sparks were debited, but the usages sum to {} milli-Sparks",
                account.debited, self.debited
            ));
        }
        let missing = self.rollups.keys();
        let missing: Vec<_> = missing
            .map(|sk| format!("the roll-up `{sk}` is missing"))
            .collect();
        self.findings.extend(missing);
        for (purchase, (noted, booked)) in &self.taken {
            if noted != booked {
                self.findings.push(format!(
                    "`{purchase}` records {noted} milli-Sparks as clawed back, but {booked} are booked"
                ));
            }
        }
        if let Err(finding) = self.changes.compare(found) {
            self.findings.push(finding);
        }
        (self.entries, self.findings)
    }

    /// Rebuilds the account from the entries. `found` supplies what no entry records: the free plan, and the time of
    /// creation.
    pub(crate) fn rebuilt(mut self, found: &Account) -> Result<Rebuilt, String> {
        // An unreadable entry would make the sums wrong.
        if let Some(finding) = self.findings.first() {
            return Err(finding.clone());
        }
        let replayed = self.changes.replayed(found.created_at)?;
        let version = self.changes.last_version();
        let sparks = |milli: i128| i64::try_from(milli).map(Sparks::from_milli);
        let (Ok(available), Ok(debited)) = (sparks(self.sum), sparks(self.debited)) else {
            return Err("the sums are out of range".to_owned());
        };
        if debited < replayed.account.settled {
            return Err("usages that a change of the grants settled are missing".to_owned());
        }
        let mut holdings = Holdings {
            account: Account {
                available,
                debited,
                settled: replayed.account.settled,
                grants_version: version.max(found.grants_version),
                gate_until_ms: 0,
                ..found.clone()
            },
            ..replayed
        };
        holdings.account.next_due_ms = holdings.next_due_ms();
        Ok(Rebuilt {
            holdings,
            rollups: self.rollups,
        })
    }
}

/// Returns whether every sum lies between what it was before and what it is now.
fn between(before: &Sums, sums: &Sums, after: &Sums) -> bool {
    let of = |sums: &Sums, name: &String| sums.get(name).copied().unwrap_or_default();
    let mut names = before.keys().chain(sums.keys()).chain(after.keys());
    names.all(|name| {
        let (low, sum, high) = (of(before, name), of(sums, name), of(after, name));
        (low.0..=high.0).contains(&sum.0) && (low.1..=high.1).contains(&sum.1)
    })
}

/// Returns how a usage differs from the unit prices stored with its lines. None if it does not.
fn mispricing(usage: &UsageEntry) -> Option<String> {
    let id = &usage.id;
    let Some(price) = price_book::reprice(&usage.lines) else {
        return Some(format!("the lines of `{id}` have no price"));
    };
    if usage.sparks != price.total {
        let (is, should) = (usage.sparks, price.total);
        return Some(format!(
            "`{id}` took {is} Sparks, but should have taken {should}"
        ));
    }
    let mut lines = usage.lines.iter().zip(&price.lines).enumerate();
    lines.find_map(|(number, (stored, priced))| {
        let (is, should) = (stored.sparks, priced.sparks);
        (is != should)
            .then(|| format!("`lines[{number}]` of `{id}` is {is} Sparks, but should be {should}"))
    })
}
