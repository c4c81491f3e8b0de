//! Stripe's lists: newest first, a page at a time, with ids as cursors.

use serde_json::{Value, json};

use super::error::{Error, Result};
use super::form::Form;

const DEFAULT_LIMIT: i64 = 10;
const MAX_LIMIT: i64 = 100;
const MAX_ID_CHARACTERS: usize = 255;

/// A filter by creation time: `created`, or `created[gt]`, `[gte]`, `[lt]` and `[lte]`.
pub(crate) struct Created {
    from: Option<i64>,
    to: Option<i64>,
}

impl Created {
    /// Takes the `created` parameters.
    pub(crate) fn take(form: &mut Form) -> Result<Self> {
        let exact = form.integer("created")?;
        let after = form
            .integer("created[gt]")?
            .map(|time| time.saturating_add(1));
        let before = form
            .integer("created[lt]")?
            .map(|time| time.saturating_sub(1));
        let from = [exact, form.integer("created[gte]")?, after];
        let to = [exact, form.integer("created[lte]")?, before];
        Ok(Self {
            from: from.into_iter().flatten().max(),
            to: to.into_iter().flatten().min(),
        })
    }

    /// Returns whether a time matches the filter.
    pub(crate) fn holds(&self, created: i64) -> bool {
        self.from.is_none_or(|from| from <= created) && self.to.is_none_or(|to| created <= to)
    }
}

/// The page that the caller requests.
pub(crate) struct Page {
    limit: usize,
    after: Option<String>,
    before: Option<String>,
}

impl Page {
    /// Takes `limit`, `starting_after` and `ending_before`.
    pub(crate) fn take(form: &mut Form) -> Result<Self> {
        let limit = form.integer("limit")?.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            let message = format!("Invalid limit: must be between 1 and {MAX_LIMIT}.");
            return Err(Error::param("parameter_invalid", "limit", message));
        }
        Ok(Self {
            limit: usize::try_from(limit).expect("a limit is at most 100"),
            after: form.text("starting_after", MAX_ID_CHARACTERS)?,
            before: form.text("ending_before", MAX_ID_CHARACTERS)?,
        })
    }

    /// Returns the page of `all`, which are newest first and have ids.
    pub(crate) fn of(&self, url: &str, all: Vec<Value>) -> Result {
        let place = |param: &str, id: &str| {
            let place = all.iter().position(|object| object["id"] == id);
            place.ok_or_else(|| Error::no_such("object", param, id))
        };
        let (from, to) = match (&self.after, &self.before) {
            (Some(id), None) => (place("starting_after", id)? + 1, all.len()),
            (None, Some(id)) => {
                let end = place("ending_before", id)?;
                (end.saturating_sub(self.limit), end)
            }
            (None, None) => (0, all.len()),
            (Some(_), Some(_)) => {
                return Err(Error::invalid(
                    "You cannot use both starting_after and ending_before.",
                ));
            }
        };
        let more = match self.before {
            Some(_) => from > 0,
            None => to - from > self.limit,
        };
        let page: Vec<Value> = all
            .into_iter()
            .take(to)
            .skip(from)
            .take(self.limit)
            .collect();
        Ok(json!({ "object": "list", "url": url, "has_more": more, "data": page }))
    }
}
