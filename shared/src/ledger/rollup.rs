//! Roll-ups: an account's usage by quarter of an hour, and by member and day. Pure.
//!
//! A roll-up is only ever added to, in the transaction that records the usage, so it always agrees with the entries.
//! The number of its models is limited: beyond 40, they count as `other`.
//!
//! All time zones in use are whole quarters of an hour away from UTC, so the days of each are sums of roll-ups.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure, Update};

use jiff::Timestamp;

use super::entry::UsageEntry;
use crate::table::item::{self, Item, Malformed};
use crate::table::key::{Key, MEMBER_DAYS, QUARTERS};
use crate::words::meter::Meter;

/// Maximum number of models that one quarter of an hour counts separately.
const MAX_MODELS: usize = 40;

/// The name under which further models count.
pub(crate) const OTHER: &str = "other";

/// Sums of one roll-up: Sparks and quantity by the name of the attribute.
pub(crate) type Sums = BTreeMap<String, (i128, i128)>;

/// The models that a quarter's roll-up is known to count separately.
pub(crate) type KnownModels = HashMap<Key, BTreeSet<String>>;

/// Merges sums of models that a roll-up does not count separately into `other`.
pub(crate) fn folded(sums: Sums, kept: &BTreeSet<String>) -> Sums {
    let mut folded = Sums::new();
    for (name, sum) in sums {
        let name = match name.split_once('#') {
            Some((meter, model)) if !kept.contains(model) => {
                format!("{meter}#{OTHER}")
            }
            _ => name,
        };
        let together = folded.entry(name).or_default();
        together.0 += sum.0;
        together.1 += sum.1;
    }
    folded
}

pub(crate) fn stored_sums(stored: &Item) -> Result<Sums, Malformed> {
    let mut sums = Sums::new();
    for (name, value) in stored {
        let (AttributeValue::N(number), Some((kind, name))) = (value, name.split_once('#')) else {
            continue;
        };
        let number: i128 = number.parse().map_err(|_| Malformed {
            attribute: "sparks#",
        })?;
        let sum = sums.entry(name.to_owned()).or_default();
        match kind {
            "sparks" => sum.0 += number,
            _ => sum.1 += number,
        }
    }
    Ok(sums)
}

/// Returns the additions of some entries to the roll-ups, one update per roll-up.
pub(crate) fn updates<'a>(
    entries: impl IntoIterator<Item = &'a UsageEntry>,
    known: &KnownModels,
    table: &str,
) -> Vec<(Key, Update)> {
    let mut rollups: BTreeMap<(String, String), Rollup> = BTreeMap::new();
    for entry in entries {
        for key in keys(entry) {
            let by_model = counts_models(&key);
            rollups
                .entry((key.pk, key.sk))
                .or_default()
                .add(entry, by_model);
        }
    }
    rollups
        .into_iter()
        .map(|((pk, sk), rollup)| {
            let key = Key { pk, sk };
            let update = rollup.update(&key, known.get(&key), table);
            (key, update)
        })
        .collect()
}

/// Returns the keys of an entry's roll-ups.
pub(crate) fn keys(entry: &UsageEntry) -> Vec<Key> {
    let quarter = Key::quarter(&entry.account, entry.occurred_at);
    let member = entry.member.as_ref();
    let day =
        member.map(|member| Key::member_day(&entry.account, member.as_str(), entry.occurred_at));
    [Some(quarter), day].into_iter().flatten().collect()
}

/// Returns whether a roll-up counts models separately. A member's day does not.
pub(crate) fn counts_models(key: &Key) -> bool {
    key.sk.starts_with(QUARTERS)
}

/// Makes a roll-up's item from sums that have each model by its own name.
///
/// It keeps the models of `before`, and those for which there is room.
pub(crate) fn item_of(key: &Key, sums: Sums, before: Option<&Item>) -> Item {
    let mut kept = before.map(models_of).unwrap_or_default();
    for name in sums.keys() {
        if let Some((_, model)) = name.split_once('#')
            && kept.len() < MAX_MODELS
        {
            kept.insert(model.to_owned());
        }
    }
    let mut item = key.attributes();
    for (name, (sparks, quantity)) in folded(sums, &kept) {
        item.insert(format!("sparks#{name}"), item::number(sparks));
        item.insert(format!("quantity#{name}"), item::number(quantity));
    }
    if !kept.is_empty() {
        let models = kept.into_iter().collect();
        item.insert("models".into(), AttributeValue::Ss(models));
    }
    item
}

/// Returns the models that a stored roll-up counts separately.
pub(crate) fn models_of(item: &Item) -> BTreeSet<String> {
    match item.get("models") {
        Some(AttributeValue::Ss(models)) => models.iter().cloned().collect(),
        _ => BTreeSet::new(),
    }
}

/// The usage of one meter, as a roll-up sums it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageSum {
    /// Start of the summed period: a quarter of an hour, or a member's day.
    pub start: Timestamp,
    /// The meter.
    pub meter: Meter,
    /// The model, or `other`; None if no model was named, and in a member's day.
    pub model: Option<String>,
    /// The member who acted; None in a quarter of an hour, which counts all members.
    pub member: Option<String>,
    /// The cost, in milli-Sparks.
    pub milli: i128,
    /// The quantity, in the meter's smallest unit.
    pub quantity: i128,
}

impl UsageSum {
    /// Reads all sums of a stored roll-up.
    pub(crate) fn all_of(item: &Item) -> Result<Vec<Self>, Malformed> {
        let sort = item::read_text(item, "sk")?;
        let (start, member) = place(sort).ok_or(Malformed { attribute: "sk" })?;
        let mut all = Vec::new();
        for (name, value) in item {
            let Some(name) = name.strip_prefix("sparks#") else {
                continue;
            };
            let (meter, model) = match name.split_once('#') {
                Some((meter, model)) => (meter, Some(model.to_owned())),
                None => (name, None),
            };
            let attribute = "sparks#";
            all.push(Self {
                start,
                meter: Meter::named(meter).ok_or(Malformed { attribute })?,
                model,
                member: member.map(str::to_owned),
                milli: sum(Some(value), attribute)?,
                quantity: sum(item.get(&format!("quantity#{name}")), "quantity#")?,
            });
        }
        Ok(all)
    }
}

/// Returns the time that a sort key names, and the member if it names one.
fn place(sort: &str) -> Option<(Timestamp, Option<&str>)> {
    let start = |text: String| text.parse::<Timestamp>().ok();
    if let Some(quarter) = sort.strip_prefix(QUARTERS) {
        return Some((start(format!("{quarter}:00Z"))?, None));
    }
    let (day, member) = sort.strip_prefix(MEMBER_DAYS)?.split_once('#')?;
    Some((start(format!("{day}T00:00:00Z"))?, Some(member)))
}

fn sum(value: Option<&AttributeValue>, attribute: &'static str) -> Result<i128, Malformed> {
    match value {
        Some(AttributeValue::N(number)) => number.parse().map_err(|_| Malformed { attribute }),
        _ => Err(Malformed { attribute }),
    }
}

/// Sums by meter and model, which is empty if models are not counted separately.
#[derive(Default)]
struct Rollup {
    sums: BTreeMap<(&'static str, String), (i128, i128)>,
}

impl Rollup {
    fn add(&mut self, entry: &UsageEntry, by_model: bool) {
        for priced in &entry.lines {
            let model = priced.model_id().filter(|_| by_model).unwrap_or_default();
            let sum = self
                .sums
                .entry((priced.line.meter().as_str(), model.to_owned()))
                .or_default();
            sum.0 += i128::from(priced.sparks.milli());
            sum.1 += i128::from(priced.line.quantity());
        }
    }

    /// Returns the models to count separately, and how many the roll-up may not have yet.
    fn kept_apart(&self, known: Option<&BTreeSet<String>>) -> (BTreeSet<String>, usize) {
        let empty = BTreeSet::new();
        let known = known.unwrap_or(&empty);
        let wanted: BTreeSet<&String> = self
            .sums
            .keys()
            .map(|(_, model)| model)
            .filter(|model| !model.is_empty())
            .collect();
        let room = MAX_MODELS.saturating_sub(known.len());
        let new: Vec<&String> = wanted
            .iter()
            .copied()
            .filter(|model| !known.contains(*model))
            .take(room)
            .collect();
        let count = new.len();
        let kept = wanted
            .into_iter()
            .filter(|model| known.contains(*model))
            .chain(new)
            .cloned()
            .collect();
        (kept, count)
    }

    fn update(self, key: &Key, known: Option<&BTreeSet<String>>, table: &str) -> Update {
        let (kept, new) = self.kept_apart(known);
        let mut sums: BTreeMap<String, (i128, i128)> = BTreeMap::new();
        for ((meter, model), (sparks, quantity)) in self.sums {
            let name = match model.as_str() {
                "" => meter.to_owned(),
                model if kept.contains(model) => format!("{meter}#{model}"),
                _ => format!("{meter}#{OTHER}"),
            };
            let sum = sums.entry(name).or_default();
            sum.0 += sparks;
            sum.1 += quantity;
        }
        let mut update = Update::builder()
            .table_name(table)
            .set_key(Some(key.attributes()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut additions = Vec::new();
        for (index, (name, (sparks, quantity))) in sums.into_iter().enumerate() {
            additions.push(format!("#s{index} :s{index}, #q{index} :q{index}"));
            update = update
                .expression_attribute_names(format!("#s{index}"), format!("sparks#{name}"))
                .expression_attribute_names(format!("#q{index}"), format!("quantity#{name}"))
                .expression_attribute_values(format!(":s{index}"), item::number(sparks))
                .expression_attribute_values(format!(":q{index}"), item::number(quantity));
        }
        if !kept.is_empty() {
            additions.push("models :models".into());
            let models: Vec<String> = kept.iter().cloned().collect();
            update = update.expression_attribute_values(":models", AttributeValue::Ss(models));
        }
        if new > 0 {
            update = bounded(update, &kept, new);
        }
        update
            .update_expression(format!("ADD {}", additions.join(", ")))
            .build()
            .expect("key, table and expression are set")
    }
}

/// Adds the condition that `new` further models still fit. Otherwise the roll-up must have all of them.
fn bounded(mut update: UpdateBuilder, kept: &BTreeSet<String>, new: usize) -> UpdateBuilder {
    let mut all_there = Vec::new();
    for (index, model) in kept.iter().enumerate() {
        all_there.push(format!("contains(models, :m{index})"));
        update = update.expression_attribute_values(format!(":m{index}"), item::text(model));
    }
    let room = i128::try_from(MAX_MODELS - new).expect("at most 40 models are kept apart");
    update
        .condition_expression(format!(
            "attribute_not_exists(models) OR size(models) <= :room OR ({})",
            all_there.join(" AND ")
        ))
        .expression_attribute_values(":room", item::number(room))
}
