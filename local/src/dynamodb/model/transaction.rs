//! Transactions: all of their actions or none, and each only once for a token.
//!
//! A transaction is judged and committed at one moment. Where it is torn, its items become visible one by one after
//! that: until then reads see them as they were, and other transactions and writes conflict with them. The caller is
//! answered when all are visible, as DynamoDB's coordinator does.
//! <https://www.usenix.org/conference/atc23/presentation/idziorek>

use std::collections::{HashMap, HashSet, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::super::Torn;
use super::item::Attributes;
use super::key::Key;
use super::refusal::{Reason, Refusal};
use super::request::{TransactWrite, TransactWriteItem, Write};
use super::state::State;
use super::value::Value;
use super::write::{Kind, Prepared};

/// How long a token is remembered.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_mins(10);

const MAX_TOKEN: usize = 36;
const MAX_ACTIONS: usize = 100;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The transactions that were committed under a token.
#[derive(Default)]
pub(super) struct Tokens {
    known: HashMap<String, Known>,
    since: VecDeque<(Timestamp, String)>,
}

/// A transaction that was committed.
struct Known {
    actions: Vec<TransactWriteItem>,
    /// When the last of its items is visible.
    complete_at: Timestamp,
}

impl Tokens {
    fn forget(&mut self, now: Timestamp) {
        while let Some((since, _)) = self.since.front() {
            if now.duration_since(*since) < REMEMBERED_FOR {
                return;
            }
            if let Some((_, token)) = self.since.pop_front() {
                self.known.remove(&token);
            }
        }
    }

    fn remember(&mut self, token: String, known: Known, now: Timestamp) {
        self.since.push_back((now, token.clone()));
        self.known.insert(token, known);
    }
}

impl State {
    /// A `TransactWriteItems`; returns when the last of its items is visible.
    pub(super) fn transact(
        &mut self,
        request: TransactWrite,
        now: Timestamp,
        torn: Option<&Torn>,
    ) -> Result<Timestamp, Refusal> {
        check(&request)?;
        self.tokens.forget(now);
        let known = request.client_request_token.as_ref();
        match known.and_then(|token| self.tokens.known.get(token)) {
            Some(known) if known.actions != request.transact_items => {
                return Err(Refusal::OtherRequest);
            }
            Some(known) if known.complete_at > now => return Err(Refusal::InProgress),
            Some(_) => return Ok(now),
            None => {}
        }
        let prepared = request.transact_items.iter().map(|action| {
            let (kind, write) = one(action)?;
            Prepared::new(kind, write, &mut self.expressions)
        });
        let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        let targets = self.targets(&prepared)?;
        let (mut effects, mut reasons) = (Vec::new(), Vec::new());
        let mut cancelled = false;
        for (action, target) in prepared.iter().zip(&targets) {
            let table = self.table(&action.write.table_name)?;
            let held = |key: &Key| self.holds.has(&table.name, key);
            let judged = match target {
                Some(key) if held(key) => Err(Refusal::Conflict),
                _ => action.judge(table),
            };
            match judged {
                Ok(effect) => {
                    effects.extend(effect);
                    reasons.push(Reason::none());
                }
                Err(refusal) => {
                    cancelled = true;
                    reasons.push(refusal.reason()?);
                }
            }
        }
        if cancelled {
            return Err(Refusal::Cancelled(reasons));
        }
        let complete_at = self.hold(&prepared, targets, now, torn)?;
        self.commit(effects);
        if let Some(token) = request.client_request_token {
            let actions = request.transact_items;
            let known = Known {
                actions,
                complete_at,
            };
            self.tokens.remember(token, known, now);
        }
        Ok(complete_at)
    }

    /// Holds the items of a transaction until each is visible; returns when the last one is.
    fn hold(
        &mut self,
        actions: &[Prepared<'_>],
        targets: Vec<Option<Key>>,
        now: Timestamp,
        torn: Option<&Torn>,
    ) -> Result<Timestamp, Refusal> {
        let mut complete_at = now;
        let delays = torn.map_or(&[][..], |torn| &torn.delays);
        let held = actions.iter().zip(targets).zip(delays.iter().cycle());
        for ((action, target), delay) in held {
            let until = now.saturating_add(*delay).unwrap_or(now);
            let table = self.table(&action.write.table_name)?.name.clone();
            if let Some(key) = target
                && until > now
            {
                self.holds.hold(&table, key, until);
                complete_at = complete_at.max(until);
            }
        }
        Ok(complete_at)
    }

    /// The keys of the items; refuses two actions on one item, and actions on no table.
    fn targets(&self, actions: &[Prepared<'_>]) -> Result<Vec<Option<Key>>, Refusal> {
        let mut seen = HashSet::new();
        let mut targets = Vec::with_capacity(actions.len());
        for action in actions {
            let table = &action.write.table_name;
            let target = action.target(self.table(table)?);
            // What has no key is refused as an action.
            if let Some(key) = &target
                && !seen.insert((table, key.clone()))
            {
                return Err(Refusal::Invalid(
                    "Transaction request cannot include multiple operations on one item".to_owned(),
                ));
            }
            targets.push(target);
        }
        let sizes = actions.iter().map(|action| {
            let parts = action.write.item.iter().chain(&action.write.key);
            let values = action.write.expression_attribute_values.iter();
            let values: usize = values.flat_map(Attributes::values).map(Value::size).sum();
            parts.map(Attributes::size).sum::<usize>() + values
        });
        if sizes.sum::<usize>() > MAX_BYTES {
            return Err(Refusal::Invalid(
                "Collection size of items exceeded, which can also be caused by the aggregate size of the items in \
                 the transaction exceeding the 4MB limit"
                    .to_owned(),
            ));
        }
        Ok(targets)
    }
}

fn check(request: &TransactWrite) -> Result<(), Refusal> {
    let constraint = |what: &str| {
        Err(Refusal::Invalid(format!(
            "1 validation error detected: Value at {what}"
        )))
    };
    if request.transact_items.is_empty() || request.transact_items.len() > MAX_ACTIONS {
        return constraint(&format!(
            "'transactItems' failed to satisfy constraint: Member must have length between 1 and {MAX_ACTIONS}"
        ));
    }
    let token = request.client_request_token.as_ref();
    if token.is_some_and(|token| token.is_empty() || token.len() > MAX_TOKEN) {
        return constraint(&format!(
            "'clientRequestToken' failed to satisfy constraint: Member must have length between 1 and {MAX_TOKEN}"
        ));
    }
    request
        .transact_items
        .iter()
        .try_for_each(|action| one(action).map(drop))
}

/// The one action that each of them is.
fn one(action: &TransactWriteItem) -> Result<(Kind, &Write), Refusal> {
    let all = [
        (Kind::Put, &action.put),
        (Kind::Update, &action.update),
        (Kind::Delete, &action.delete),
        (Kind::Check, &action.condition_check),
    ];
    let mut given = all
        .into_iter()
        .filter_map(|(kind, write)| Some((kind, &**write.as_ref()?)));
    match (given.next(), given.next()) {
        (Some(one), None) => Ok(one),
        _ => Err(Refusal::Invalid(
            "TransactItems can only contain one of Check, Put, Update or Delete".to_owned(),
        )),
    }
}
