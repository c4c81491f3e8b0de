//! Version 2 of Stripe's API: JSON both ways, times as RFC 3339, pages by URL.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::error::{Error, Result};
use super::form::Form;

const DEFAULT_LIMIT: i64 = 20;
const MAX_LIMIT: i64 = 100;

/// Prefixes of a page's token: the page after, or before, an object.
const AFTER: &str = "page_after_";
const BEFORE: &str = "page_before_";

/// Formats a time of Unix seconds as version 2 does.
pub(crate) fn time(seconds: i64) -> String {
    let time = Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX);
    format!("{time:.3}")
}

/// The page that the caller requests, and the other parameters, which its neighbours' URLs repeat.
pub(crate) struct Page {
    limit: usize,
    token: Option<String>,
    rest: String,
}

impl Page {
    /// Takes `limit` and `page`; the remaining parameters go into the URLs.
    pub(crate) fn take(form: &mut Form) -> Result<Self> {
        let limit = form.integer("limit")?.unwrap_or(DEFAULT_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            let message = format!("Invalid limit: must be between 1 and {MAX_LIMIT}.");
            return Err(Error::invalid(message));
        }
        Ok(Self {
            limit: usize::try_from(limit).expect("a limit is at most 100"),
            token: form.text("page", 300)?,
            rest: form.to_string(),
        })
    }

    /// Returns the page of `all`, which are newest first and have ids.
    pub(crate) fn of(&self, path: &str, all: &[Value]) -> Result {
        let place = |id: &str| {
            let place = all.iter().position(|object| object["id"] == id);
            place.ok_or_else(|| Error::invalid("Invalid page: it is not in this list."))
        };
        let token = self.token.as_deref().unwrap_or_default();
        let from = if let Some(id) = token.strip_prefix(AFTER) {
            place(id)? + 1
        } else if let Some(id) = token.strip_prefix(BEFORE) {
            place(id)?.saturating_sub(self.limit)
        } else if token.is_empty() {
            0
        } else {
            return Err(Error::invalid(
                "Invalid page: it is not a page of this API.",
            ));
        };
        let to = all.len().min(from + self.limit);
        let address = |side: &str, neighbour: &Value| {
            let id = neighbour["id"].as_str().unwrap_or_default();
            let mut address = format!("{path}?limit={}&page={side}{id}", self.limit);
            if !self.rest.is_empty() {
                address = format!("{address}&{}", self.rest);
            }
            address
        };
        let page = &all[from..to];
        let next = page.last().filter(|_| to < all.len());
        let previous = page.first().filter(|_| from > 0);
        Ok(json!({
            "data": page,
            "next_page_url": next.map(|last| address(AFTER, last)),
            "previous_page_url": previous.map(|first| address(BEFORE, first)),
        }))
    }
}

/// Takes `include`: optional fields that the caller wants in the response.
pub(crate) fn include(form: &mut Form, known: &[&str]) -> Result<Vec<String>> {
    let include = form.list("include");
    match include
        .iter()
        .find(|field| !known.contains(&field.as_str()))
    {
        None => Ok(include),
        Some(field) => {
            let message = format!(
                "Invalid include: `{field}` is not one of {}.",
                known.join(", ")
            );
            Err(Error::invalid(message))
        }
    }
}
