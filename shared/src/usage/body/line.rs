//! Parses one line of a usage into a line of a meter.

use serde::Deserialize;

use super::{Invalid, Rule, invalid};
use crate::words::meter::{GigabyteHours, Line, MAX_QUANTITY, Meter, Tokens};
use crate::words::whole::Whole;

/// Maximum length of a model's name, in bytes.
const MAX_MODEL_BYTES: usize = 128;

/// The body of a line: a meter, and the fields that belong to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LineBody {
    meter: String,
    model: Option<String>,
    input_tokens: Option<Whole>,
    cached_input_tokens: Option<Whole>,
    cache_write_tokens: Option<Whole>,
    output_tokens: Option<Whole>,
    reasoning_tokens: Option<Whole>,
    milliseconds: Option<Whole>,
    gigabyte_hours: Option<String>,
}

impl LineBody {
    /// Returns the line, if it is valid; `index` is its position in the usage.
    pub(super) fn check(self, index: usize) -> Result<Line, Invalid> {
        let at = Place(index);
        let Some(meter) = Meter::named(&self.meter) else {
            let known = Meter::ALL.map(Meter::as_str).join(", ");
            return invalid(
                Rule::Meter,
                at.field("meter"),
                format!("must be one of {known}"),
            );
        };
        let stray = self
            .given()
            .into_iter()
            .find(|(of, _, given)| *given && *of != meter);
        if let Some((_, name, _)) = stray {
            let detail = format!("is not a field of the meter {meter}");
            return invalid(Rule::Schema, at.field(name), detail);
        }
        match meter {
            Meter::AiTokens => self.tokens(at),
            Meter::Compute => self.compute(at),
            Meter::Storage => self.storage(at),
        }
    }

    /// Returns each field with its meter, and whether it was sent.
    fn given(&self) -> [(Meter, &'static str, bool); 8] {
        [
            (Meter::AiTokens, "model", self.model.is_some()),
            (Meter::AiTokens, "input_tokens", self.input_tokens.is_some()),
            (
                Meter::AiTokens,
                "cached_input_tokens",
                self.cached_input_tokens.is_some(),
            ),
            (
                Meter::AiTokens,
                "cache_write_tokens",
                self.cache_write_tokens.is_some(),
            ),
            (
                Meter::AiTokens,
                "output_tokens",
                self.output_tokens.is_some(),
            ),
            (
                Meter::AiTokens,
                "reasoning_tokens",
                self.reasoning_tokens.is_some(),
            ),
            (Meter::Compute, "milliseconds", self.milliseconds.is_some()),
            (
                Meter::Storage,
                "gigabyte_hours",
                self.gigabyte_hours.is_some(),
            ),
        ]
    }

    fn tokens(self, at: Place) -> Result<Line, Invalid> {
        let model_fits = |model: &String| !model.is_empty() && model.len() <= MAX_MODEL_BYTES;
        if !self.model.as_ref().is_none_or(model_fits) {
            let detail = format!("must be 1 to {MAX_MODEL_BYTES} bytes");
            return invalid(Rule::Schema, at.field("model"), detail);
        }
        if !self
            .given()
            .into_iter()
            .any(|(_, name, given)| given && name != "model")
        {
            let detail = "or another class of tokens is required";
            return invalid(Rule::Schema, at.field("input_tokens"), detail);
        }
        let count =
            |name, number: Option<Whole>| number.map_or(Ok(0), |number| at.whole(name, number));
        let tokens = Tokens {
            input_tokens: count("input_tokens", self.input_tokens)?,
            cached_input_tokens: count("cached_input_tokens", self.cached_input_tokens)?,
            cache_write_tokens: count("cache_write_tokens", self.cache_write_tokens)?,
            output_tokens: count("output_tokens", self.output_tokens)?,
            reasoning_tokens: count("reasoning_tokens", self.reasoning_tokens)?,
        };
        Ok(Line::AiTokens {
            model: self.model,
            tokens,
        })
    }

    fn compute(self, at: Place) -> Result<Line, Invalid> {
        let Some(number) = self.milliseconds else {
            return invalid(Rule::Schema, at.field("milliseconds"), "is required");
        };
        Ok(Line::Compute {
            milliseconds: at.whole("milliseconds", number)?,
        })
    }

    fn storage(self, at: Place) -> Result<Line, Invalid> {
        let field = at.field("gigabyte_hours");
        let Some(text) = self.gigabyte_hours else {
            return invalid(Rule::Schema, field, "is required");
        };
        let Some(gigabyte_hours) = GigabyteHours::parse(&text) else {
            let detail = format!(
                "must be a decimal from 0 to {MAX_QUANTITY} with at most 6 places, like \"0.25\""
            );
            return invalid(Rule::Quantity, field, detail);
        };
        Ok(Line::Storage { gigabyte_hours })
    }
}

/// A line's position in its usage.
#[derive(Clone, Copy)]
struct Place(usize);

impl Place {
    fn field(self, name: &str) -> String {
        format!("usage[{}].{name}", self.0)
    }

    fn whole(self, name: &str, number: Whole) -> Result<u64, Invalid> {
        number.at_most(MAX_QUANTITY).ok_or_else(|| {
            let detail = format!("must be a whole number from 0 to {MAX_QUANTITY}");
            Invalid::new(Rule::Quantity, self.field(name), detail)
        })
    }
}
