//! Turns the source's models into the rows of the table. Notes what the rows leave out.

use std::collections::{BTreeMap, BTreeSet};

use genai_prices::{Calculator, PriceRequest, Usage};
use jiff::civil::{Date, Time};
use serde_json::value::RawValue;

use crate::Error;
use crate::decimal::pico_dollars;
use crate::source::{self, Conditional, Constraint, Rule, Source, Tiered};

/// The source's key and our name of each class of tokens.
const CLASSES: [(&str, &str); 5] = [
    ("input_mtok", "input"),
    ("cache_read_mtok", "cached_input"),
    ("cache_write_mtok", "cache_write"),
    ("output_mtok", "output"),
    ("output_reasoning_mtok", "reasoning"),
];

const OTHER_TOKENS: &str =
    "a usage line does not separate these tokens from text; the price of text is kept";
const NO_TOKENS: &str = "a usage line has no such quantity";

/// The source's keys that have no place in the table, each with the reason.
const WITHOUT_PLACE: [(&str, &str); 18] = [
    ("audio_hours", NO_TOKENS),
    ("cache_audio_read_mtok", OTHER_TOKENS),
    ("cache_image_read_mtok", OTHER_TOKENS),
    (
        "cache_write_1h_mtok",
        "a usage line does not state the lifetime; the standard price is kept",
    ),
    ("input_annotated_document_kpages", NO_TOKENS),
    ("input_audio_hours", NO_TOKENS),
    ("input_audio_mtok", OTHER_TOKENS),
    ("input_document_kpages", NO_TOKENS),
    ("input_image_mtok", OTHER_TOKENS),
    ("input_mchars", NO_TOKENS),
    ("input_text_messages_kcount", NO_TOKENS),
    ("input_video_mtok", OTHER_TOKENS),
    ("output_audio_mtok", OTHER_TOKENS),
    ("output_image_mtok", OTHER_TOKENS),
    ("output_video_mtok", OTHER_TOKENS),
    ("requests_kcount", NO_TOKENS),
    ("storage_searches_kcount", NO_TOKENS),
    ("web_searches_kcount", NO_TOKENS),
];

const SECONDS_PER_DAY: u32 = 24 * 60 * 60;

/// A provider that a bare model name can lead to.
#[derive(Debug)]
pub struct Provider<'a> {
    /// Its id.
    pub id: &'a str,
    /// Rule for the names that lead to it.
    pub rule: &'a Rule,
    /// The providers whose models are tried after its own.
    pub fallbacks: &'a [String],
    /// Its models, in the order they are tried.
    pub models: Vec<Model<'a>>,
}

/// A model of the table.
#[derive(Debug)]
pub struct Model<'a> {
    /// Id in the table, unique there.
    pub id: String,
    /// The model as the source has it.
    pub source: &'a source::Model,
    /// Its rows: the last one whose conditions hold is in force.
    pub rows: Vec<Row>,
    /// Prices that are left out, each with the reason.
    pub left_out: BTreeSet<(String, &'static str)>,
}

/// A row of prices and the conditions under which it holds.
#[derive(Clone, Debug)]
pub struct Row {
    /// The first day, in UTC.
    pub from: Option<Date>,
    /// The first and last second of the day, the last exclusive.
    pub during: Option<(u32, u32)>,
    /// The number of input tokens that must be exceeded.
    pub above: Option<u64>,
    /// The field and value of each price, in pico-dollars per million tokens.
    pub prices: Vec<(&'static str, u64)>,
}

/// Makes the rows of every provider that a bare model name can lead to.
pub fn providers(source: &Source) -> Result<Vec<Provider<'_>>, Error> {
    let mut ids = BTreeSet::new();
    let mut providers = Vec::new();
    for provider in &source.providers {
        let Some(rule) = &provider.model_match else {
            continue;
        };
        let mut models = Vec::new();
        for model in &provider.models {
            let model = read(&provider.id, model)?;
            if !ids.insert(model.id.clone()) {
                return Err(not_understood(&model.id, "two models have this id"));
            }
            models.push(model);
        }
        providers.push(Provider {
            id: &provider.id,
            rule,
            fallbacks: &provider.fallback_model_providers,
            models,
        });
    }
    for provider in &providers {
        for fallback in provider.fallbacks {
            if !providers.iter().any(|other| other.id == fallback) {
                return Err(not_understood(
                    provider.id,
                    "a fallback is not in the table",
                ));
            }
        }
    }
    Ok(providers)
}

fn not_understood(what: &str, why: impl Into<String>) -> Error {
    Error::NotUnderstood(what.to_owned(), why.into())
}

fn read<'a>(provider: &str, model: &'a source::Model) -> Result<Model<'a>, Error> {
    let id = id(provider, &model.id);
    let printable = id
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && byte != b'#');
    if id.len() > 64 || !printable {
        return Err(not_understood(&id, "this id cannot be a key"));
    }
    let conditionals = model
        .conditionals()
        .map_err(|error| Error::Shape(format!("the prices of {id}"), error))?;
    let unconditional = conditionals
        .iter()
        .filter(|conditional| conditional.constraint.is_none());
    if unconditional.count() != 1 {
        return Err(not_understood(&id, "not exactly one price always holds"));
    }
    let mut left_out = BTreeSet::new();
    let mut rows = Vec::new();
    for conditional in &conditionals {
        rows.extend(
            conditional_rows(conditional, &mut left_out).map_err(|why| not_understood(&id, why))?,
        );
    }
    note_limits(provider, model, &rows, &mut left_out);
    Ok(Model {
        id,
        source: model,
        rows,
        left_out,
    })
}

/// Notes what the rows as a whole leave out.
fn note_limits(
    provider: &str,
    model: &source::Model,
    rows: &[Row],
    left_out: &mut BTreeSet<(String, &'static str)>,
) {
    if rows.iter().any(|row| row.during.is_some()) {
        left_out.insert((
            "days without the hourly price".into(),
            "the source does not state weekends and holidays; the hours apply every day",
        ));
    }
    if rows.iter().any(|row| row.prices.is_empty()) {
        left_out.insert((
            "no price of tokens".into(),
            "the source does not distinguish free from unknown",
        ));
    }
    let mut names = model.rule.texts();
    names.push(&model.id);
    if !names.iter().any(|name| leads_to(name, provider, &model.id)) {
        left_out.insert((
            "every price".into(),
            "neither the id nor a text of its rule leads to it without naming the provider",
        ));
    }
    let variants = model.price_variants.iter();
    let kinds: BTreeSet<_> = variants
        .filter(|variant| !variant.prices.is_empty())
        .flat_map(|variant| variant.when.values().map(String::as_str))
        .collect();
    if !kinds.is_empty() {
        left_out.insert((
            format!("variants {}", Vec::from_iter(kinds).join(", ")),
            "a usage line does not state them; the standard price is kept",
        ));
    }
}

/// Returns the model's own id if that name leads to this model. Otherwise prefixes it with the provider's.
fn id(provider: &str, model: &str) -> String {
    if leads_to(model, provider, model) {
        return model.to_owned();
    }
    format!("{provider}/{model}")
}

/// Returns whether the source's own engine finds this model by this name alone.
fn leads_to(name: &str, provider: &str, model: &str) -> bool {
    let usage = Usage::new();
    let found = Calculator::bundled().calculate(&PriceRequest::new(name, &usage));
    found.is_ok_and(|found| found.provider_id == provider && found.model_id == model)
}

fn conditional_rows(
    conditional: &Conditional,
    left_out: &mut BTreeSet<(String, &'static str)>,
) -> Result<Vec<Row>, String> {
    // A class changes at its own tiers; the others keep their price.
    let mut classes = Vec::new();
    for (key, value) in &conditional.prices {
        if let Some((_, reason)) = WITHOUT_PLACE.iter().find(|(known, _)| known == key) {
            left_out.insert((key.clone(), *reason));
            continue;
        }
        let place = CLASSES
            .iter()
            .position(|(known, _)| known == key)
            .ok_or_else(|| format!("the unknown price `{key}`"))?;
        classes.push((place, tiers(value).map_err(|why| format!("{key}: {why}"))?));
    }
    classes.sort_unstable_by_key(|(place, _)| *place);
    let mut starts: BTreeSet<_> = classes
        .iter()
        .flat_map(|(_, tiers)| tiers.keys().copied())
        .collect();
    starts.insert(None);
    let (from, hours) = conditions(conditional.constraint.as_ref())?;
    let mut rows = Vec::new();
    for during in hours {
        rows.extend(starts.iter().map(|above| {
            Row {
                from,
                during,
                above: *above,
                prices: classes
                    .iter()
                    .filter_map(|(place, tiers)| {
                        let (_, price) = tiers.range(..=above).next_back()?;
                        Some((CLASSES[*place].1, *price))
                    })
                    .collect(),
            }
        }));
    }
    Ok(rows)
}

/// Reads a price, by the number of input tokens to exceed.
fn tiers(value: &RawValue) -> Result<BTreeMap<Option<u64>, u64>, String> {
    let price = |text: &RawValue| {
        pico_dollars(text.get()).ok_or_else(|| format!("`{}` is not a price", text.get()))
    };
    if !value.get().starts_with('{') {
        return Ok(BTreeMap::from([(None, price(value)?)]));
    }
    let tiered: Tiered = serde_json::from_str(value.get()).map_err(|error| error.to_string())?;
    let mut prices = BTreeMap::from([(None, price(&tiered.base)?)]);
    for tier in &tiered.tiers {
        if prices
            .insert(Some(tier.start), price(&tier.price)?)
            .is_some()
        {
            return Err("two tiers have the same start".into());
        }
    }
    Ok(prices)
}

/// Returns the first day and the hours of a constraint. Hours across midnight are split in two.
#[expect(
    clippy::type_complexity,
    reason = "the one caller takes it apart at once"
)]
fn conditions(
    constraint: Option<&Constraint>,
) -> Result<(Option<Date>, Vec<Option<(u32, u32)>>), String> {
    let Some(constraint) = constraint else {
        return Ok((None, vec![None]));
    };
    match (
        constraint.start_date,
        &constraint.start_time,
        &constraint.end_time,
    ) {
        (Some(date), None, None) => Ok((Some(date), vec![None])),
        (None, Some(start), Some(end)) => {
            let (start, end) = (second_of_day(start)?, second_of_day(end)?);
            Ok((
                None,
                if end < start {
                    vec![Some((start, SECONDS_PER_DAY)), Some((0, end))]
                } else {
                    vec![Some((start, end))]
                },
            ))
        }
        _ => Err("a constraint of an unknown kind".into()),
    }
}

fn second_of_day(text: &str) -> Result<u32, String> {
    let time: Time = text
        .strip_suffix('Z')
        .and_then(|time| time.parse().ok())
        .filter(|time: &Time| time.subsec_nanosecond() == 0)
        .ok_or_else(|| format!("`{text}` is not a whole second in UTC"))?;
    let parts = [time.hour(), time.minute(), time.second()];
    Ok(parts
        .iter()
        .fold(0, |sum, part| sum * 60 + u32::from(part.unsigned_abs())))
}
