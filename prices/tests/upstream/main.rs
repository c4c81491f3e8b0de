//! Compares the table with the source's own engine.

#![expect(clippy::unwrap_used, reason = "a test fails where it cannot go on")]

mod models;
mod prices;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use ::prices::rows::{self, Row};
use ::prices::source::{self, Rule, Source};
use genai_prices::{Calculator, PriceRequest, Usage};

static SOURCE: LazyLock<Source> =
    LazyLock::new(|| source::read(&source::locate().unwrap()).unwrap());

/// A model of the table as the source has it.
struct Known {
    /// Id in the source.
    source_id: String,
    rows: Vec<Row>,
}

/// Every model of the table by the table's id.
static MODELS: LazyLock<BTreeMap<String, Known>> = LazyLock::new(|| {
    let providers = rows::providers(&SOURCE).unwrap();
    let models = providers.into_iter().flat_map(|provider| provider.models);
    models
        .map(|model| {
            let source_id = model.source.id.clone();
            (
                model.id,
                Known {
                    source_id,
                    rows: model.rows,
                },
            )
        })
        .collect()
});

/// Every name the source mentions, of all its providers: ids, and the texts of rules.
static NAMES: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let models = SOURCE
        .providers
        .iter()
        .flat_map(|provider| &provider.models);
    let ids = models.map(|model| model.id.as_str());
    let texts = SOURCE
        .providers
        .iter()
        .flat_map(rules)
        .flat_map(Rule::texts);
    let names: BTreeSet<_> = ids.chain(texts).collect();
    names.into_iter().collect()
});

/// Every regular expression by which a name alone can lead to a model.
static EXPRESSIONS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let providers = SOURCE
        .providers
        .iter()
        .filter(|provider| provider.model_match.is_some());
    let expressions: BTreeSet<_> = providers.flat_map(rules).flat_map(expressions).collect();
    expressions.into_iter().collect()
});

/// Returns the rule of a provider, and those of its models.
fn rules(provider: &source::Provider) -> impl Iterator<Item = &Rule> {
    let models = provider.models.iter().map(|model| &model.rule);
    provider.model_match.iter().chain(models)
}

fn expressions(rule: &Rule) -> Vec<&str> {
    match rule {
        Rule::Regex(pattern) => vec![&pattern.expression],
        Rule::Or(rules) | Rule::And(rules) => rules.iter().flat_map(expressions).collect(),
        _ => Vec::new(),
    }
}

/// Returns the provider and the source's id of the model that the source's engine finds.
///
/// The engine takes the provider as its own parameter; we take it before the name, if the name alone finds nothing.
fn theirs(name: &str) -> Option<(String, String)> {
    let usage = Usage::new();
    let find = |request: PriceRequest<'_>| {
        let found = Calculator::bundled().calculate(&request).ok()?;
        Some((found.provider_id, found.model_id))
    };
    find(PriceRequest::new(name, &usage)).or_else(|| {
        let (provider, name) = name.split_once('/')?;
        let provider = provider.to_ascii_lowercase();
        let known = SOURCE.providers.iter().find(|known| known.id == provider)?;
        known.model_match.as_ref()?;
        find(PriceRequest::new(name, &usage).with_provider_id(&known.id))
    })
}

/// Returns the provider and the source's id of the model that the table finds.
fn ours(name: &str) -> Option<(String, String)> {
    let model = shared::pricing::price_book::models::find(name)?;
    let known = &MODELS[model.id()];
    Some((model.provider().to_owned(), known.source_id.clone()))
}
