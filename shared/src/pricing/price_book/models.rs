//! Finds an AI model by its name, and its tokens' prices at a given time.
//!
//! The prices are the committed table in `table.rs`, made by `make prices`. A name is looked up by the rules of
//! the table's source, in its order: the first provider whose rule accepts the name, then the first of its models.
//!
//! ```
//! use shared::pricing::price_book::models;
//!
//! let gpt_5 = models::find("gpt-5-2025-08-07").unwrap();
//! assert_eq!(gpt_5.id(), "gpt-5");
//! let rates = gpt_5.rates("2026-11-22T20:15:00Z".parse().unwrap(), 1_400).unwrap();
//! assert_eq!(rates.input, Some(1_250_000_000_000)); // $1.25 per million tokens
//! ```

use std::borrow::Cow;

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;

use super::listing::{Listing, Price, Provider};
use super::table::PROVIDERS;

pub use super::table::{DIGEST, SOURCE};

/// Prices of one request, in pico-dollars (10⁻¹² USD) per million tokens of each class.
///
/// `None` means that the table has no price for that class, not that it is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// The model's [id](Model::id).
    pub model: &'static str,
    /// The [provider](Model::provider) the name led to.
    pub provider: &'static str,
    /// Input tokens that were neither read from nor written to a cache.
    pub input: Option<u64>,
    /// Input tokens read from a cache.
    pub cached_input: Option<u64>,
    /// Input tokens written to a cache, at the provider's shortest lifetime.
    pub cache_write: Option<u64>,
    /// Output tokens without reasoning.
    pub output: Option<u64>,
    /// Reasoning tokens, where they have a price of their own.
    pub reasoning: Option<u64>,
}

/// The ids of all models of the table, in its order.
pub fn ids() -> impl Iterator<Item = &'static str> {
    PROVIDERS
        .iter()
        .flat_map(|provider| provider.listings)
        .map(|listing| listing.id)
}

/// A model of the table.
#[derive(Clone, Copy, Debug)]
pub struct Model {
    provider: &'static str,
    listing: &'static Listing,
}

/// Finds the model that `name` means. Letter case is ignored.
///
/// A name that the rules do not know may begin with its provider, as in `openai/text-embedding-3-small`. None if the
/// name is unknown, or contains anything but printable ASCII.
pub fn find(name: &str) -> Option<Model> {
    if !name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return None;
    }
    let name = if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(name.to_ascii_lowercase())
    } else {
        Cow::Borrowed(name)
    };
    by_rules(&name).or_else(|| {
        let (provider, name) = name.split_once('/')?;
        let provider = PROVIDERS.iter().find(|known| known.id == provider)?;
        provider.model(name)
    })
}

fn by_rules(name: &str) -> Option<Model> {
    let provider = PROVIDERS
        .iter()
        .find(|provider| provider.rule.matches(name))?;
    provider.model(name)
}

impl Model {
    /// Returns the name to store and to aggregate by. It is the same for every alias, and one of a bounded set.
    ///
    /// It is the source's id of the model, after the provider's id and a slash if that id alone means another model or
    /// none. At most 64 bytes of printable ASCII without `#`.
    pub fn id(&self) -> &'static str {
        self.listing.id
    }

    /// The provider the name led to.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// The prices in force for a request at `at`. `None` if its tokens have none.
    ///
    /// `total_input_tokens` counts every input token, cached and written ones, too. If a long prompt raises the price,
    /// it does so for every token of the request.
    pub fn rates(&self, at: Timestamp, total_input_tokens: u64) -> Option<Rates> {
        let utc = Offset::UTC.to_datetime(at);
        let second = second_of_day(utc.time());
        let price = self.listing.prices.iter().rev().find(|price| {
            price.from <= utc.date()
                && price.during.contains(&second)
                && price.above.is_none_or(|start| total_input_tokens > start)
        })?;
        price.has_a_rate().then_some(Rates {
            model: self.listing.id,
            provider: self.provider,
            input: price.input,
            cached_input: price.cached_input,
            cache_write: price.cache_write,
            output: price.output,
            reasoning: price.reasoning,
        })
    }
}

fn second_of_day(time: Time) -> u32 {
    [time.hour(), time.minute(), time.second()]
        .into_iter()
        .fold(0, |sum, part| sum * 60 + u32::from(part.unsigned_abs()))
}

impl Provider {
    /// Finds the model of this provider by its name.
    fn model(&self, name: &str) -> Option<Model> {
        let listing = self.find(name).or_else(|| {
            // Some gateways write a model's date without dashes, which the rules do not know.
            self.find(&with_dashed_dates(name)?)
        })?;
        Some(Model {
            provider: self.id,
            listing,
        })
    }

    fn find(&self, name: &str) -> Option<&'static Listing> {
        let fallbacks = self
            .fallbacks
            .iter()
            .flat_map(|id| PROVIDERS.iter().filter(move |provider| provider.id == *id));
        self.listings
            .iter()
            .chain(fallbacks.flat_map(|provider| provider.listings))
            .find(|listing| listing.rule.matches(name))
    }
}

impl Price {
    fn has_a_rate(&self) -> bool {
        [
            self.input,
            self.cached_input,
            self.cache_write,
            self.output,
            self.reasoning,
        ]
        .iter()
        .any(Option::is_some)
    }
}

/// Rewrites dates like `-20251211` as `-2025-12-11`; None if there is none.
///
/// A date counts if it is of this century, exists in the calendar, and ends the name or one of its pieces.
fn with_dashed_dates(name: &str) -> Option<String> {
    let mut rest = name;
    let mut written = String::new();
    while let Some(dash) = rest.find('-') {
        let (before, after) = rest.split_at(dash + 1);
        written.push_str(before);
        rest = after;
        if let Some((year, month, day)) = compact_date(after) {
            written.extend([year, "-", month, "-", day]);
            rest = &after["20251211".len()..];
        }
    }
    written.push_str(rest);
    (written != name).then_some(written)
}

fn compact_date(text: &str) -> Option<(&str, &str, &str)> {
    let (digits, rest) = text.split_at_checked("20251211".len())?;
    let ends = rest.is_empty() || rest.starts_with(['-', ':']);
    if !ends || !digits.starts_with("20") || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (year, month, day) = (&digits[..4], &digits[4..6], &digits[6..]);
    Date::new(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?).ok()?;
    Some((year, month, day))
}

#[cfg(test)]
mod tests {
    use super::super::listing::NONE;
    use super::super::pattern::Rule;
    use super::*;

    #[test]
    fn only_valid_compact_dates_are_dashed() {
        for (name, dashed) in [
            ("gpt-5.2-20251211", Some("gpt-5.2-2025-12-11")),
            ("model-20251211:free", Some("model-2025-12-11:free")),
            ("a-20251211-20240229", Some("a-2025-12-11-2024-02-29")),
            ("a--20251211", Some("a--2025-12-11")),
            ("model-20250230", None),
            ("model-202512110", None),
            ("model-2025121", None),
            ("model-19991211", None),
            ("model20251211", None),
            ("model-20251211x", None),
            ("model", None),
            ("", None),
        ] {
            assert_eq!(with_dashed_dates(name).as_deref(), dashed, "{name:?}");
        }
    }

    #[test]
    fn a_name_finds_its_model_in_any_letter_case() {
        for name in ["gpt-5", "GPT-5", "gpt-5-2025-08-07", "gpt-5-20250807"] {
            assert_eq!(find(name).map(|model| model.id()), Some("gpt-5"), "{name}");
        }
    }

    #[test]
    fn a_name_may_begin_with_its_provider() {
        for (name, id) in [
            ("openai/gpt-5", Some("gpt-5")),
            (
                "openai/text-embedding-3-small",
                Some("openai/text-embedding-3-small"),
            ),
            ("text-embedding-3-small", None),
            ("openai/no-such-model", None),
            ("nobody/gpt-5", None),
            ("openai/", None),
        ] {
            assert_eq!(find(name).map(|model| model.id()), id, "{name}");
        }
    }

    #[test]
    fn a_provider_falls_back_only_to_its_listed_providers() {
        let google = PROVIDERS.iter().find(|it| it.id == "google").unwrap();
        assert_eq!(google.fallbacks, ["anthropic"]);
        let found = |name| google.find(name).map(|listing| listing.id);
        let elsewhere = |name| {
            PROVIDERS
                .iter()
                .filter(|it| it.id != "google")
                .any(|it| it.find(name).is_some())
        };
        assert_eq!(found("claude-2"), Some("claude-2"));
        assert!(elsewhere("gpt-5"));
        assert_eq!(found("gpt-5"), None);
    }

    #[test]
    fn an_unknown_name_finds_no_model() {
        for name in [
            "",
            " ",
            "gpt",
            "no-such-model",
            "gpt-5\n",
            "gpt-5 ",
            "gpt-\u{ff15}",
            "\u{212a}imi-k3",
        ] {
            assert!(find(name).is_none(), "{name:?}");
        }
    }

    #[test]
    fn a_row_without_prices_gives_none() {
        const LISTING: Listing = Listing {
            id: "m",
            rule: Rule::Equals("m"),
            prices: &[
                NONE,
                Price {
                    from: jiff::civil::date(2026, 1, 1),
                    input: Some(0),
                    ..NONE
                },
            ],
        };
        static LISTED: Listing = LISTING;
        let model = Model {
            provider: "p",
            listing: &LISTED,
        };
        let rates = |at: &str| model.rates(at.parse().unwrap(), 0);
        assert_eq!(rates("2025-12-31T23:59:59.999Z"), None);
        assert_eq!(rates("2026-01-01T00:00:00Z").unwrap().input, Some(0));
    }

    #[test]
    fn hours_of_the_day_begin_inclusive_and_end_exclusive() {
        static LISTED: Listing = Listing {
            id: "m",
            rule: Rule::Equals("m"),
            prices: &[
                Price {
                    input: Some(1),
                    ..NONE
                },
                Price {
                    during: 3_600..7_200,
                    input: Some(2),
                    ..NONE
                },
            ],
        };
        let model = Model {
            provider: "p",
            listing: &LISTED,
        };
        let input = |at: &str| model.rates(at.parse().unwrap(), 0).unwrap().input;
        assert_eq!(input("2026-01-01T00:59:59.999Z"), Some(1));
        assert_eq!(input("2026-01-01T01:00:00Z"), Some(2));
        assert_eq!(input("2026-01-01T01:59:59.999Z"), Some(2));
        assert_eq!(input("2026-01-01T02:00:00Z"), Some(1));
        assert_eq!(input("1969-12-31T01:30:00Z"), Some(2));
    }
}
