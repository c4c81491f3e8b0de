//! Queries and scans: pages of a table or an index.

use std::ops::RangeBounds;

use serde::Serialize;

use super::expressions::{Condition, Placeholders};
use super::item::{Attributes, Item};
use super::key::Schema;
use super::read::{halves, project};
use super::refusal::Refusal;
use super::request::List;
use super::state::{State, answer};
use super::table::{Index, Place, Rows, Span, Table};
use super::throughput::Partition;

/// The most bytes of items that are read for a page.
const MAX_PAGE_BYTES: usize = 1024 * 1024;

/// The response of a page.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    items: Vec<Item>,
    count: usize,
    scanned_count: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_evaluated_key: Option<Attributes>,
    /// The size of the items that were read.
    #[serde(skip)]
    bytes: usize,
}

/// The parameters of a page.
struct Asked<'a> {
    table: &'a Table,
    index: Option<&'a Index>,
    span: Span,
    forward: bool,
    limit: usize,
    filter: Option<&'a Condition>,
    names: Option<Vec<&'a str>>,
    given: Placeholders<'a>,
}

impl State {
    /// Carries out a `Query`, on the state of `ago` commits ago unless it is consistent.
    pub(super) fn query(&mut self, request: &List, ago: usize) -> Result<String, Refusal> {
        if request.key_condition_expression.is_none() {
            return Err(Refusal::Invalid(
                "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
                    .to_owned(),
            ));
        }
        self.list(request, ago)
    }

    /// Carries out a `Scan`, on the state of `ago` commits ago unless it is consistent.
    pub(super) fn scan(&mut self, request: &List, ago: usize) -> Result<String, Refusal> {
        let members = [
            ("IndexName", request.index_name.is_some()),
            (
                "KeyConditionExpression",
                request.key_condition_expression.is_some(),
            ),
            ("ScanIndexForward", request.scan_index_forward.is_some()),
        ];
        if let Some((member, _)) = members.iter().find(|(_, is_there)| *is_there) {
            return Err(Refusal::unknown(&format!("`{member}` of a Scan")));
        }
        self.list(request, ago)
    }

    fn list(&mut self, request: &List, ago: usize) -> Result<String, Refusal> {
        let limit = limit_of(request)?;
        let given = request.placeholders();
        let key = self
            .expressions
            .key_condition(request.key_condition_expression.as_deref())?;
        let filter = self.expressions.condition(
            request.filter_expression.as_deref(),
            "FilterExpression",
            given,
        )?;
        let projection = self
            .expressions
            .projection(request.projection_expression.as_deref())?;
        given.check(&[
            key.as_ref().map(|parsed| &parsed.references),
            filter.as_ref().map(|parsed| &parsed.references),
            projection.as_ref().map(|parsed| &parsed.references),
        ])?;
        let table = self.table(&request.table_name)?;
        let index = index_of(table, request)?;
        let schema = index.map_or(&table.schema, |index| &index.schema);
        let filter = filter.as_ref().map(|parsed| &parsed.expression);
        let mut span = match &key {
            Some(key) => {
                check_filter(filter, schema, given)?;
                key.expression.span(schema, given)?
            }
            None => Span::all(),
        };
        let partition = span.hash().map(|hash| match index {
            Some(index) => Partition::of_index(table, &index.name, hash.clone()),
            None => Partition::of_table(table, hash.clone()),
        });
        let forward = request.scan_index_forward != Some(false);
        if let Some(start) = &request.exclusive_start_key {
            let start = start_of(start, table, index, &span)?;
            span = span.after(start, forward);
        }
        let asked = Asked {
            table,
            index,
            span,
            forward,
            limit,
            filter,
            names: projection
                .as_ref()
                .map(|parsed| parsed.names(given))
                .transpose()?,
            given,
        };
        let ago = if request.consistent_read { 0 } else { ago };
        let before = self.before(&request.table_name, ago);
        let page = if before.is_empty() {
            page(index.map_or(&table.rows, |index| &index.rows), asked)?
        } else {
            page(&table.rows_before(index, &before), asked)?
        };
        if let Some(partition) = partition {
            let halves = halves(request.consistent_read);
            self.take_read(partition, page.bytes, halves)?;
        }
        answer(&page)
    }
}

/// Returns the index that is read; None for the table itself.
fn index_of<'a>(table: &'a Table, request: &List) -> Result<Option<&'a Index>, Refusal> {
    let name = request.index_name.as_deref();
    let index = name.map(|name| table.index(name)).transpose()?;
    if index.is_some() && request.consistent_read {
        return Err(Refusal::Invalid(
            "Consistent reads are not supported on global secondary indexes".to_owned(),
        ));
    }
    Ok(index)
}

/// Returns the number of items to read for a page.
fn limit_of(request: &List) -> Result<usize, Refusal> {
    match request.limit {
        Some(limit) if limit < 1 => Err(Refusal::Invalid(
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: \
             Member must have value greater than or equal to 1"
                .to_owned(),
        )),
        Some(limit) => Ok(usize::try_from(limit).unwrap_or(usize::MAX)),
        None => Ok(usize::MAX),
    }
}

/// Refuses a query's filter on key attributes.
fn check_filter(
    filter: Option<&Condition>,
    schema: &Schema,
    given: Placeholders<'_>,
) -> Result<(), Refusal> {
    let mut wrong = None;
    if let Some(filter) = filter {
        filter.each_name(&mut |name| {
            if given.name(name).is_ok_and(|name| schema.has(name)) {
                wrong = Some(name);
            }
        });
    }
    match wrong {
        None => Ok(()),
        Some(name) => Err(Refusal::Invalid(format!(
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
        ))),
    }
}

/// Returns the place after which a page begins. It must be a possible end of a previous page.
fn start_of(
    start: &Attributes,
    table: &Table,
    index: Option<&Index>,
    span: &Span,
) -> Result<Place, Refusal> {
    let invalid = || Refusal::Invalid("The provided starting key is invalid".to_owned());
    let key = table.schema.key(start).ok_or_else(invalid)?;
    let (place, names) = match index {
        None => ((key, None), table.schema.attributes().count()),
        Some(index) => {
            let own = index.schema.names().filter(|name| !table.schema.has(name));
            let names = own.count() + table.schema.attributes().count();
            let place = index.schema.key(start).ok_or_else(invalid)?;
            ((place, Some(key)), names)
        }
    };
    if start.len() != names {
        return Err(invalid());
    }
    if !(span.from.clone(), span.to.clone()).contains(&place) {
        return Err(Refusal::Invalid(
            "The provided starting key is outside query boundaries based on provided conditions"
                .to_owned(),
        ));
    }
    Ok(place)
}

fn page(rows: &Rows, asked: Asked<'_>) -> Result<Page, Refusal> {
    let mut range = rows.range((asked.span.from, asked.span.to));
    let (mut items, mut scanned, mut size) = (Vec::new(), 0, 0);
    let mut last = None;
    let more = loop {
        if scanned == asked.limit {
            break true;
        }
        let next = if asked.forward {
            range.next()
        } else {
            range.next_back()
        };
        let Some((_, item)) = next else {
            break false;
        };
        let item = match asked.index {
            Some(index) => index.project(item.clone()),
            None => item.clone(),
        };
        size += item.size();
        if size > MAX_PAGE_BYTES && scanned > 0 {
            break true;
        }
        scanned += 1;
        let passes = match asked.filter {
            Some(filter) => filter
                .holds(item.attributes(), asked.given)
                .map_err(Refusal::Invalid)?,
            None => true,
        };
        last = Some(item.clone());
        if passes {
            items.push(project(item, asked.names.as_deref()));
        }
    };
    let keys = |item: Item| {
        let own = asked.index.iter().flat_map(|index| index.schema.names());
        item.attributes()
            .only(own.chain(asked.table.schema.names()))
    };
    Ok(Page {
        count: items.len(),
        items,
        scanned_count: scanned,
        bytes: size,
        last_evaluated_key: last.filter(|_| more).map(keys),
    })
}
