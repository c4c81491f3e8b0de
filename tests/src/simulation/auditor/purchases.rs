//! Purchases and their reversals, checked with every commit.

use std::collections::{BTreeMap, BTreeSet};

use local::dynamodb::{Change, Item};
use serde_json::Value;

use super::number;
use crate::model::{Purchase, Reversal};
use crate::simulation::items::milli;

/// A purchase according to its entries.
#[derive(Debug, Default)]
struct Bought {
    /// The purchase with the refunds and disputes that are noted on it.
    purchase: Purchase,
    /// The amount that entries took back and did not restore.
    booked: i64,
}

/// All purchases. An id without a grant is that of another credit.
#[derive(Default)]
pub(super) struct Purchases {
    all: BTreeMap<String, Bought>,
    /// The purchase of each restored grant.
    restored: BTreeMap<String, String>,
}

impl Purchases {
    /// Checks a commit; returns the rules that it breaks.
    pub(super) fn see(&mut self, commit: &[Change]) -> Vec<String> {
        let mut touched = BTreeSet::new();
        let mut wrong = Vec::new();
        let items = commit.iter().filter_map(|change| change.after.as_ref());
        let is_new = commit.iter().filter(|change| change.before.is_none());
        let new: BTreeSet<&str> = is_new
            .filter_map(|change| change.after.as_ref()?.text("id"))
            .collect();
        for item in items.filter(|item| item.text("sk") == Some("E")) {
            let id = item.text("id").unwrap_or_default();
            if new.contains(id) {
                touched.extend(self.book(id, item));
            }
            if let Some(reversals) = item.text("reversals") {
                wrong.extend(self.note(id, reversals));
                touched.insert(id.to_owned());
            }
        }
        for id in touched {
            wrong.extend(self.all.get(&id).and_then(|of| of.wrong(&id)));
        }
        wrong
    }

    /// Adds a new entry; returns its purchase.
    fn book(&mut self, id: &str, entry: &Item) -> Option<String> {
        let amount = number(entry, "amount");
        match entry.text("kind")? {
            "credit" => {
                self.all.entry(id.to_owned()).or_default().purchase.granted = amount;
                None
            }
            // An amount that the operator takes out of a grant is not a refund.
            "reversal" if !id.starts_with("reversed#") => {
                let of = entry.text("reverses")?.to_owned();
                self.all.entry(of.clone()).or_default().booked -= amount;
                Some(of)
            }
            "restoration" => {
                let of = entry.text("restores")?.to_owned();
                self.restored.insert(id.to_owned(), of.clone());
                self.all.entry(of.clone()).or_default().booked -= amount;
                Some(of)
            }
            "expiry" => {
                let grant = entry.text("grant")?;
                let of = self.restored.get(grant).map_or(grant, String::as_str);
                let of = of.to_owned();
                self.all.entry(of.clone()).or_default().purchase.expired -= amount;
                Some(of)
            }
            _ => None,
        }
    }

    /// Sets the reversals that are noted on a purchase. None of the earlier ones may be missing.
    fn note(&mut self, id: &str, reversals: &str) -> Option<String> {
        let reversals: Value = serde_json::from_str(reversals).unwrap_or_default();
        let noted = reversals.as_array().into_iter().flatten();
        let noted = noted.map(|reversal| Reversal {
            id: reversal["id"].as_str().unwrap_or_default().to_owned(),
            wanted: milli(&reversal["wanted"]),
            taken: milli(&reversal["taken"]),
            in_force: reversal["restored"] != true,
        });
        let noted: Vec<Reversal> = noted.collect();
        let of = &mut self.all.entry(id.to_owned()).or_default().purchase;
        let mut before = of.reversals.iter().map(|reversal| &reversal.id);
        let lost = before.find(|before| noted.iter().all(|reversal| reversal.id != **before));
        let wrong = lost.map(|lost| format!("{id} no longer notes the reversal {lost}"));
        of.reversals = noted;
        wrong
    }
}

impl Bought {
    fn wrong(&self, id: &str) -> Option<String> {
        let noted = self.purchase.taken();
        if noted != self.booked {
            return Some(format!(
                "the noted and the booked reversals of {id} differ: {self:?}"
            ));
        }
        (noted > 0 && self.purchase.left() < 0)
            .then(|| format!("more is taken of {id} than was left: {self:?}"))
    }
}
