//! Transactions: all actions or none, and only once for each token.
//!
//! A transaction is checked and committed at one moment. If it is torn, its items then become visible one by one: until
//! then reads see their old state, and other transactions and writes conflict with them. The caller gets its response
//! when all are visible, as from DynamoDB's coordinator. A model with a pace holds the items of each transaction for a
//! time, and those that a cancelled one had prepared for half of it.
//! <https://www.usenix.org/conference/atc23/presentation/idziorek>

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use jiff::Timestamp;

use super::super::Torn;
use super::item::{Attributes, Value};
use super::key::Key;
use super::refusal::{Reason, Refusal};
use super::request::{TransactWrite, TransactWriteItem, Write};
use super::state::{Known, State};
use super::write::{Judged, Kind, Prepared, TRANSACTIONAL};

const MAX_TOKEN: usize = 36;
const MAX_ACTIONS: usize = 100;
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The outcome of a transaction, and the time of its response.
pub(super) struct Ended {
    pub(super) at: Timestamp,
    /// The reason of each action if it was cancelled; `None` if it was committed.
    pub(super) cancelled: Option<Vec<Reason>>,
}

impl Ended {
    fn committed(at: Timestamp) -> Self {
        let cancelled = None;
        Self { at, cancelled }
    }
}

impl State {
    /// Carries out a `TransactWriteItems`.
    pub(super) fn transact(
        &mut self,
        request: TransactWrite,
        torn: Option<&Torn>,
    ) -> Result<Ended, Refusal> {
        check(&request)?;
        let now = self.now;
        self.tokens.forget(now);
        let mut hasher = DefaultHasher::new();
        request.transact_items.hash(&mut hasher);
        let actions = hasher.finish();
        let known = request.client_request_token.as_ref();
        match known.and_then(|token| self.tokens.get(token)) {
            Some(known) if known.actions != actions => {
                return Err(Refusal::OtherRequest);
            }
            Some(known) if known.complete_at > now => return Err(Refusal::InProgress),
            Some(_) => return Ok(Ended::committed(now)),
            None => {}
        }
        let prepared = request.transact_items.iter().map(|action| {
            let (kind, write) = one(action)?;
            Prepared::new(kind, write, &mut self.expressions)
        });
        let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        let targets = self.targets(&prepared)?;
        let judged = prepared.iter().map(|action| self.judge(action));
        let judged = judged.collect::<Result<Vec<_>, _>>()?;
        if let Some(place) = self.throttled_at(&prepared, &judged)? {
            let mut reasons = vec![Reason::none(); prepared.len()];
            reasons[place] = Refusal::Throttled.reason()?;
            let cancelled = Some(reasons);
            return Ok(Ended { at: now, cancelled });
        }
        self.note_conflicts(&judged);
        if judged.iter().any(Result::is_err) {
            return self.cancel(&prepared, targets, judged);
        }
        let complete_at = self.hold(&prepared, targets, torn)?;
        self.commit(judged.into_iter().filter_map(Result::ok).flatten())?;
        if let Some(token) = request.client_request_token {
            let known = Known {
                actions,
                complete_at,
            };
            self.tokens.remember(token, known, now);
        }
        Ok(Ended::committed(complete_at))
    }

    /// Takes the units of a transaction; returns the index of a throttled action.
    fn throttled_at(
        &mut self,
        actions: &[Prepared<'_>],
        judged: &[Judged],
    ) -> Result<Option<usize>, Refusal> {
        let Some(throughput) = &mut self.throughput else {
            return Ok(None);
        };
        throughput.consumed.transactions += 1;
        let passes = judged.iter().all(Result::is_ok);
        let (mut all, mut places) = (Vec::new(), Vec::new());
        for (place, (action, judged)) in actions.iter().zip(judged).enumerate() {
            let mut needs = self.needs(action, judged, TRANSACTIONAL)?;
            // A cancelled transaction writes nothing to the indexes.
            needs.truncate(if passes { needs.len() } else { 1 });
            places.extend(needs.iter().map(|_| place));
            all.extend(needs);
        }
        Ok(self.take_write(&all).err().map(|need| places[need]))
    }

    /// Cancels a transaction; its prepared items stay held for half of its time.
    fn cancel(
        &mut self,
        actions: &[Prepared<'_>],
        targets: Vec<Option<Key>>,
        judged: Vec<Judged>,
    ) -> Result<Ended, Refusal> {
        let held_for = self.held_for(actions.len()) / 2;
        let at = self.now.saturating_add(held_for).unwrap_or(self.now);
        let mut reasons = Vec::with_capacity(judged.len());
        for ((action, target), judged) in actions.iter().zip(targets).zip(judged) {
            let table = self.table(&action.write.table_name)?.name.clone();
            match (judged, target) {
                (Err(refusal), _) => reasons.push(refusal.reason()?),
                (Ok(_), target) => {
                    reasons.push(Reason::none());
                    if let Some(key) = target
                        && at > self.now
                    {
                        self.holds.hold(&table, key, at);
                    }
                }
            }
        }
        let cancelled = Some(reasons);
        Ok(Ended { at, cancelled })
    }

    /// Returns how long a transaction of this many items holds them if not torn.
    fn held_for(&self, items: usize) -> Duration {
        let throughput = self.throughput.as_ref();
        throughput.map_or(Duration::ZERO, |throughput| throughput.pace.held_for(items))
    }

    /// Holds the items of a transaction until each is visible. Returns the time of the last.
    fn hold(
        &mut self,
        actions: &[Prepared<'_>],
        targets: Vec<Option<Key>>,
        torn: Option<&Torn>,
    ) -> Result<Timestamp, Refusal> {
        let now = self.now;
        let mut complete_at = now;
        let together = [self.held_for(actions.len())];
        let delays = torn.map_or(&together[..], |torn| &torn.delays);
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

    /// Returns the keys of the items; refuses two actions on one item, and unknown tables.
    fn targets(&self, actions: &[Prepared<'_>]) -> Result<Vec<Option<Key>>, Refusal> {
        let mut seen = HashSet::new();
        let mut targets = Vec::with_capacity(actions.len());
        for action in actions {
            let table = &action.write.table_name;
            let target = action.target(self.table(table)?);
            // An action without a key is refused later, as an action.
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

/// Returns the one action of an item; refuses none or several.
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
