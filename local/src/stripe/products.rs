//! Products: `/v1/products`, the goods that prices belong to.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::Error;
use super::form::Form;
use super::list::Page;
use super::state::State;

/// A product.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Product {
    id: String,
    pub(super) name: String,
    active: bool,
    description: Option<String>,
    metadata: BTreeMap<String, String>,
    created: i64,
    updated: i64,
}

impl Product {
    /// Stripe's `product`.
    pub(super) fn to_json(&self) -> Value {
        json!({
            "id": self.id,
            "object": "product",
            "active": self.active,
            "created": self.created,
            "default_price": null,
            "description": self.description,
            "images": [],
            "livemode": false,
            "marketing_features": [],
            "metadata": self.metadata,
            "name": self.name,
            "package_dimensions": null,
            "shippable": null,
            "statement_descriptor": null,
            "tax_code": null,
            "type": "service",
            "unit_label": null,
            "updated": self.updated,
            "url": null,
        })
    }

    fn change(&mut self, form: &mut Form) -> Result<(), Error> {
        if let Some(name) = form.text("name", 250)? {
            self.name = name;
        }
        if let Some(description) = form.text("description", 5_000)? {
            self.description = Some(description).filter(|text| !text.is_empty());
        }
        if let Some(active) = form.truth("active")? {
            self.active = active;
        }
        form.change_metadata("metadata", &mut self.metadata)
    }
}

/// `POST /v1/products`. The caller may choose an id, which must be unused.
pub(super) fn create(state: &mut State, form: &mut Form, now: i64) -> Result<Value, Error> {
    let id = form.text("id", 255)?;
    let mut product = Product {
        id: String::new(),
        name: form.required("name", 250)?,
        active: true,
        description: None,
        metadata: BTreeMap::new(),
        created: now,
        updated: now,
    };
    product.change(form)?;
    form.finish()?;
    product.id = id.unwrap_or_else(|| state.next_id("prod_"));
    if state.products.contains_key(&product.id) {
        let message = format!("Product already exists: {}", product.id);
        return Err(Error::param("resource_already_exists", "id", message).executed());
    }
    let created = product.to_json();
    state.products.insert(product.id.clone(), product);
    Ok(created)
}

/// `GET /v1/products`
pub(super) fn list(state: &State, form: &mut Form) -> Result<Value, Error> {
    let page = Page::take(form)?;
    let active = form.truth("active")?;
    let ids = form.list("ids");
    form.finish()?;
    let all = state.products.values().rev();
    let matching = all.filter(|product| {
        let asked = ids.is_empty() || ids.contains(&product.id);
        asked && active.is_none_or(|active| active == product.active)
    });
    page.of("/v1/products", matching.map(Product::to_json).collect())
}

/// `GET /v1/products/{id}`
pub(super) fn retrieve(state: &State, form: &Form, id: &str) -> Result<Value, Error> {
    form.finish()?;
    let product = state.products.get(id);
    let product = product.ok_or_else(|| Error::no_such("product", "id", id))?;
    Ok(product.to_json())
}

/// `POST /v1/products/{id}`
pub(super) fn update(
    state: &mut State,
    form: &mut Form,
    id: &str,
    now: i64,
) -> Result<Value, Error> {
    let product = state.products.get_mut(id);
    let product = product.ok_or_else(|| Error::no_such("product", "id", id))?;
    let mut changed = product.clone();
    changed.change(form)?;
    form.finish()?;
    changed.updated = now;
    *product = changed;
    Ok(product.to_json())
}
