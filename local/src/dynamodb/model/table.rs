//! A table: its items in the order of their keys, and of each index's keys.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::item::{Attributes, Item, Value};
use super::key::{Key, Part, Schema};
use super::refusal::Refusal;

/// The place of an item. It is its key, or in an index the index's key and then its own.
pub(super) type Place = (Key, Option<Key>);

/// Items by place.
pub(super) type Rows = BTreeMap<Place, Item>;

/// Items before some commits, by key; `None` if an item did not exist.
pub(super) type Before = HashMap<Key, Option<Item>>;

/// A table.
pub(super) struct Table {
    pub(super) name: Arc<str>,
    pub(super) schema: Schema,
    pub(super) rows: Rows,
    pub(super) indexes: Vec<Index>,
}

/// An index: its key schema, projection and rows.
pub(super) struct Index {
    pub(super) name: String,
    pub(super) schema: Schema,
    pub(super) projection: Projection,
    pub(super) rows: Rows,
}

/// The attributes that an index contains.
pub(super) enum Projection {
    All,
    /// These attributes in addition to the keys.
    Only(Vec<String>),
}

impl Index {
    pub(super) fn new(name: String, schema: Schema, projection: Projection) -> Self {
        Self {
            name,
            schema,
            projection,
            rows: Rows::new(),
        }
    }

    /// Returns the place of an item; `None` if the index does not list it.
    pub(super) fn place(&self, key: &Key, item: &Item) -> Option<Place> {
        let place = self.schema.key(item.attributes())?;
        Some((place, Some(key.clone())))
    }

    /// Returns an item with the attributes that the index contains.
    pub(super) fn project(&self, item: Item) -> Item {
        match &self.projection {
            Projection::All => item,
            Projection::Only(names) => {
                let names = names.iter().map(String::as_str).chain(self.schema.names());
                Item::new(item.attributes().only(names))
            }
        }
    }
}

impl Table {
    pub(super) fn new(name: Arc<str>, schema: Schema, mut indexes: Vec<Index>) -> Self {
        // A refusal names the first index by name.
        indexes.sort_by(|one, other| one.name.cmp(&other.name));
        Self {
            name,
            schema,
            rows: Rows::new(),
            indexes,
        }
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Item> {
        self.rows.get(&(key.clone(), None))
    }

    /// Returns the index with a name.
    pub(super) fn index(&self, name: &str) -> Result<&Index, Refusal> {
        let found = self.indexes.iter().find(|index| index.name == name);
        found.ok_or_else(|| {
            Refusal::Invalid(format!(
                "The table does not have the specified index: {name}"
            ))
        })
    }

    /// Writes or deletes an item.
    pub(super) fn write(&mut self, key: &Key, item: Option<&Item>) {
        let place = (key.clone(), None);
        let before = match item {
            Some(item) => self.rows.insert(place, item.clone()),
            None => self.rows.remove(&place),
        };
        for index in &mut self.indexes {
            let old = before.as_ref().and_then(|item| index.place(key, item));
            let new = item.and_then(|item| index.place(key, item));
            if old != new
                && let Some(old) = old
            {
                index.rows.remove(&old);
            }
            if let (Some(new), Some(item)) = (new, item) {
                index.rows.insert(new, item.clone());
            }
        }
    }

    /// Refuses index keys of a wrong type or with an empty value. Given the previous item, checks only changed ones.
    pub(super) fn check_indexed(
        &self,
        item: &Attributes,
        was: Option<&Attributes>,
    ) -> Result<(), Refusal> {
        for index in &self.indexes {
            for attribute in index.schema.attributes() {
                let name = &attribute.name;
                let Some(value) = item.get(name) else {
                    continue;
                };
                if was.is_some_and(|was| was.get(name) == Some(value)) {
                    continue;
                }
                if !attribute.accepts(value) {
                    return Err(Refusal::Invalid(format!(
                        "One or more parameter values were invalid: Type mismatch for Index Key {name} Expected: {} \
                         Actual: {} IndexName: {}",
                        attribute.kind.name(),
                        value.type_name(),
                        index.name
                    )));
                }
                if matches!(value, Value::S(text) if text.is_empty()) {
                    let empty = "The AttributeValue for a key attribute cannot contain an empty string value.";
                    return Err(Refusal::EmptyKey(match was {
                        Some(_) => format!(
                            "One or more parameter values are not valid. The update expression attempted to update a \
                             secondary index key to a value that is not supported. {empty}"
                        ),
                        None => format!(
                            "One or more parameter values are not valid. A value specified for a secondary index key \
                             is not supported. {empty} IndexName: {}, IndexKey: {name}",
                            index.name
                        ),
                    }));
                }
            }
        }
        Ok(())
    }

    /// Returns the rows of the table or an index as they were before some commits.
    pub(super) fn rows_before(&self, index: Option<&Index>, before: &Before) -> Rows {
        let rows = index.map_or(&self.rows, |index| &index.rows);
        let is_as_it_was =
            |place: &Place| !before.contains_key(place.1.as_ref().unwrap_or(&place.0));
        let same = rows.iter().filter(|(place, _)| is_as_it_was(place));
        let mut rows: Rows = same
            .map(|(place, item)| (place.clone(), item.clone()))
            .collect();
        for (key, item) in before {
            let Some(item) = item else { continue };
            let place = match index {
                Some(index) => index.place(key, item),
                None => Some((key.clone(), None)),
            };
            rows.extend(place.map(|place| (place, item.clone())));
        }
        rows
    }
}

/// A range of rows.
pub(super) struct Span {
    pub(super) from: Bound<Place>,
    pub(super) to: Bound<Place>,
}

impl Span {
    /// All rows.
    pub(super) fn all() -> Self {
        Self {
            from: Bound::Unbounded,
            to: Bound::Unbounded,
        }
    }

    /// Returns the rows from one range part to another, each inclusive, exclusive or unbounded.
    pub(super) fn of(hash: &Part, from: Bound<Part>, to: Bound<Part>) -> Self {
        let place = |range: Option<Part>, other: Option<Key>| {
            let hash = hash.clone();
            (Key { hash, range }, other)
        };
        Self {
            from: match from {
                Bound::Unbounded => Bound::Included(place(None, None)),
                Bound::Included(part) => Bound::Included(place(Some(part), None)),
                Bound::Excluded(part) => Bound::Excluded(place(Some(part), Some(Key::LAST))),
            },
            to: match to {
                Bound::Unbounded => Bound::Included(place(Some(Part::Last), None)),
                Bound::Included(part) => Bound::Included(place(Some(part), Some(Key::LAST))),
                Bound::Excluded(part) => Bound::Excluded(place(Some(part), None)),
            },
        }
    }

    /// Returns the hash key of its rows; `None` if it is unbounded.
    pub(super) fn hash(&self) -> Option<&Part> {
        match &self.from {
            Bound::Included((key, _)) | Bound::Excluded((key, _)) => Some(&key.hash),
            Bound::Unbounded => None,
        }
    }

    /// Returns the part of it that follows a place.
    pub(super) fn after(self, place: Place, forward: bool) -> Self {
        if forward {
            let from = Bound::Excluded(place);
            Self { from, ..self }
        } else {
            let to = Bound::Excluded(place);
            Self { to, ..self }
        }
    }
}
