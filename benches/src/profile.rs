//! Splits the instructions that `callgrind` counted by function, by crate and by owner.
//!
//! Inlined code keeps the file that it came from, so the crate of most code is known. Code without an owner of its own
//! (the standard library, the allocator, JSON) counts towards its callers, in proportion.
//! <https://valgrind.org/docs/manual/cl-format.html>

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::owner::{Owner, crate_of, owner_of};
use crate::statistics::{number, size};
use crate::world::Failure;

/// Number of times that work without an owner is passed on to its callers, each time by one call.
const ROUNDS: usize = 40;

/// A profile of a run, or a difference of two.
#[derive(Clone, Debug, Default)]
pub(crate) struct Profile {
    /// All instructions.
    pub(crate) total: f64,
    /// Instructions of a function itself, by function and crate of the code.
    own: HashMap<(String, String), f64>,
    /// Instructions of a function's calls, by caller, crate of the calling code, and callee.
    calls: HashMap<(String, String, String), f64>,
}

/// Split of the instructions.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Shares {
    /// All instructions.
    pub(crate) total: f64,
    /// By owner.
    pub(crate) by_owner: BTreeMap<Owner, f64>,
    /// By the crate of the code itself, the largest first.
    pub(crate) by_crate: Vec<(String, f64)>,
    /// By function, the largest first.
    pub(crate) by_function: Vec<(String, f64)>,
}

impl Profile {
    /// Parses the output of `callgrind`.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let mut reading = Reading::default();
        for line in text.lines() {
            reading.line(line);
        }
        let mut profile = reading.profile;
        profile.total = profile.own.values().sum();
        if profile.total < 1.0 {
            return Err("callgrind counted nothing".into());
        }
        Ok(profile)
    }

    /// Subtracts another profile.
    pub(crate) fn less(mut self, other: &Self) -> Self {
        self.total -= other.total;
        for (place, cost) in &other.own {
            *self.own.entry(place.clone()).or_default() -= cost;
        }
        for (call, cost) in &other.calls {
            *self.calls.entry(call.clone()).or_default() -= cost;
        }
        self
    }

    /// Divides the profile by a count.
    pub(crate) fn each(mut self, count: usize) -> Self {
        let count = size(count.max(1));
        self.total /= count;
        self.own.values_mut().for_each(|cost| *cost /= count);
        self.calls.values_mut().for_each(|cost| *cost /= count);
        self
    }

    /// Splits the instructions.
    pub(crate) fn shares(&self) -> Shares {
        let handed_up = self.hand_up();
        let mut by_owner: BTreeMap<Owner, f64> = BTreeMap::new();
        let mut by_crate: BTreeMap<String, f64> = BTreeMap::new();
        let mut by_function: BTreeMap<String, f64> = BTreeMap::new();
        for ((function, of_crate), cost) in &self.own {
            *by_crate.entry(of_crate.clone()).or_default() += cost;
            *by_function.entry(function.clone()).or_default() += cost;
            for (owner, share) in owners(function, of_crate, &handed_up) {
                *by_owner.entry(owner).or_default() += cost * share;
            }
        }
        Shares {
            total: self.total,
            by_owner,
            by_crate: largest(by_crate),
            by_function: largest(by_function),
        }
    }

    /// Returns the owners of functions without an owner, derived from their callers.
    fn hand_up(&self) -> HashMap<String, BTreeMap<Owner, f64>> {
        let mut handed: HashMap<String, BTreeMap<Owner, f64>> = HashMap::new();
        for _ in 0..ROUNDS {
            let mut next: HashMap<String, BTreeMap<Owner, f64>> = HashMap::new();
            for ((caller, of_crate, callee), cost) in &self.calls {
                if owner_of(&crate_of_function(callee)).is_some() || *cost <= 0.0 {
                    continue;
                }
                let shares = next.entry(callee.clone()).or_default();
                for (owner, share) in owners(caller, of_crate, &handed) {
                    *shares.entry(owner).or_default() += cost * share;
                }
            }
            for shares in next.values_mut() {
                // An unknown share becomes known with the next round, unless the function has no known caller.
                let known = shares.len() > 1;
                shares.retain(|owner, _| !known || *owner != Owner::Unknown);
                let sum: f64 = shares.values().sum();
                for share in shares.values_mut() {
                    *share /= sum;
                }
            }
            handed = next;
        }
        handed
    }
}

/// Returns the owners of a crate's code in a function, with the share of each.
fn owners(
    function: &str,
    of_crate: &str,
    handed: &HashMap<String, BTreeMap<Owner, f64>>,
) -> Vec<(Owner, f64)> {
    let owner = owner_of(of_crate).or_else(|| owner_of(&crate_of_function(function)));
    if let Some(owner) = owner {
        return vec![(owner, 1.0)];
    }
    match handed.get(function) {
        Some(shares) => shares
            .iter()
            .map(|(owner, share)| (*owner, *share))
            .collect(),
        None => vec![(Owner::Unknown, 1.0)],
    }
}

/// Returns the first crate in a function's name that is not of the standard library.
fn crate_of_function(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let of_std = [
        "", "core", "alloc", "std", "as", "dyn", "mut", "impl", "const",
    ];
    let first = words.into_iter().find(|word| !of_std.contains(word));
    first.unwrap_or_default().replace('_', "-")
}

fn largest(map: BTreeMap<String, f64>) -> Vec<(String, f64)> {
    let mut list: Vec<(String, f64)> = map.into_iter().filter(|(_, cost)| *cost >= 1.0).collect();
    list.sort_by(|one, other| other.1.total_cmp(&one.1));
    list
}

/// State of the parser: the profile so far, and the position in the file.
#[derive(Default)]
struct Reading {
    profile: Profile,
    names: HashMap<(char, String), String>,
    function: String,
    file_crate: String,
    callee: String,
    is_call: bool,
}

impl Reading {
    fn line(&mut self, line: &str) {
        let Some((word, value)) = line.split_once('=') else {
            self.cost(line);
            return;
        };
        match word {
            "fn" => self.function = self.name('n', value),
            "cfn" => self.callee = self.name('n', value),
            "fl" | "fi" | "fe" => self.file_crate = crate_of(&self.name('l', value)),
            "cfi" | "cfl" => drop(self.name('l', value)),
            "ob" | "cob" => drop(self.name('o', value)),
            "calls" => self.is_call = true,
            _ => {}
        }
    }

    /// Resolves a name, which `callgrind` writes once and later refers to by its number.
    fn name(&mut self, kind: char, value: &str) -> String {
        let Some((id, name)) = value.split_once(')') else {
            return value.to_owned();
        };
        let key = (kind, id.to_owned());
        if name.is_empty() {
            return self.names.get(&key).cloned().unwrap_or_default();
        }
        let name = name.trim_start();
        // The suffix distinguishes the levels of a recursion.
        let name = name.split('\'').next().unwrap_or(name).to_owned();
        self.names.insert(key, name.clone());
        name
    }

    fn cost(&mut self, line: &str) {
        if !line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
            return;
        }
        let cost = line.split(' ').nth(1).and_then(|cost| cost.parse().ok());
        let cost = number(cost.unwrap_or_default());
        let (function, of_crate) = (self.function.clone(), self.file_crate.clone());
        if std::mem::take(&mut self.is_call) {
            let call = (function, of_crate, self.callee.clone());
            *self.profile.calls.entry(call).or_default() += cost;
        } else {
            *self.profile.own.entry((function, of_crate)).or_default() += cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A profile in which HTTP and our code both call the allocator.
    const RUN: &str = "\
events: Ir

fl=(1) /x/registry/src/index/hyper-1.12.0/src/proto.rs
fn=(1) hyper::proto::write
10 100
cfi=(2) ./malloc/malloc.c
cfn=(2) malloc
calls=1 5
11 30

fl=(3) shared/src/usage.rs
fn=(3) shared::usage::record
20 40
fi=(4) /x/registry/src/index/serde_json-1.0.154/src/ser.rs
21 7
fe=(3)
cfi=(1)
cfn=(1)
calls=1 1
22 130
cfi=(2)
cfn=(2)
calls=1 5
+1 10

fl=(2)
fn=(2)
5 40
";

    #[test]
    fn instructions_of_the_allocator_count_towards_its_callers() {
        let shares = Profile::parse(RUN).unwrap().shares();
        let of = |owner| shares.by_owner.get(&owner).copied().unwrap_or_default();
        assert!((shares.total - 187.0).abs() < 1e-9);
        assert!((of(Owner::Http) - 130.0).abs() < 1e-9, "{shares:?}");
        assert!((of(Owner::Ours) - 57.0).abs() < 1e-9, "{shares:?}");
        let crates: Vec<&str> = shares
            .by_crate
            .iter()
            .map(|(name, _)| name.as_str())
            .collect();
        assert_eq!(crates, ["hyper", "libc", "shared", "serde_json"]);
    }

    #[test]
    fn instructions_common_to_two_runs_cancel_out() {
        let (one, other) = (Profile::parse(RUN).unwrap(), Profile::parse(RUN).unwrap());
        let shares = one.less(&other).shares();
        assert!(shares.total.abs() < 1e-9);
        assert_eq!(shares.by_crate, []);
    }
}
