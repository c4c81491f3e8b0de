//! Requests to Stripe match its API, and so do the fake's responses.
//!
//! `contract/facts.json` is Stripe's own description of its API, reduced to the calls that are made and the
//! fields that are read.

mod money;

use std::collections::{BTreeMap, BTreeSet};

use regex_lite::Regex;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{CARD, World, tokens};

fn facts() -> Value {
    serde_json::from_str(include_str!("contract/facts.json")).unwrap()
}

/// Starts a world and makes every call to Stripe that the product makes.
async fn busy() -> World {
    let variables = [("CHECKOUT_AUTOMATIC_TAX", "true")];
    // Noon: `sparks reconcile` reads the meter only for hours that are over.
    let start = "2026-11-22T12:00:00Z".parse().unwrap();
    let world = World::start_with(&variables, Clock::starting_at(start)).await;
    let product = "/v1/products/sparks_local_plus";
    world.post_to_stripe(product, "name=Other").await;
    let price = world.stripe_id("prices", 0);
    let price = format!("/v1/prices/{price}");
    world.post_to_stripe(&price, "active=false").await;
    let meter = world.stripe_id("meters", 0);
    let path = format!("/v1/billing/meters/{meter}/deactivate");
    world.post_to_stripe(&path, "").await;
    let url = "https://api.example.com/v1/webhooks/stripe";
    let back = "https://app.example.com/";
    let arguments = ["stripe-setup", "--webhook-url", url, "--return-url", back];
    let tax = |word: &str| json!({ "tax": word });
    world.at_stripe("/_local/settings", &tax("none")).await;
    world.sparks(&arguments).await.unwrap();
    world.at_stripe("/_local/settings", &tax("exclusive")).await;
    let ours = format!("{}/v1/webhooks/stripe", world.origin());
    let arguments = ["stripe-setup", "--webhook-url", &ours];
    world.sparks(&arguments).await.unwrap();

    world.grant("acct_a", "100").await;
    world.record("acct_a", "k1", &tokens(10)).await;
    for item in ["pack_500k", "plus"] {
        let session = world.open("acct_a", item).await;
        world.pay(&session, CARD).await;
        world.verify("acct_a", &session).await;
    }
    world.webhooks_settled().await;
    money::move_and_read(&world).await;
    manage_and_give_back(&world).await;
    let today = world.now();
    let today = today.strftime("%Y-%m-%d").to_string();
    // The report has many differences; only its calls to Stripe matter here.
    let (printed, _) = world.sparks_printing(&["reconcile", "--day", &today]).await;
    assert!(printed.contains(&today), "{printed}");
    world
}

/// Opens the portal with each flow, and makes an invoice of 12 lines. Refunds and disputes payments, and deletes a
/// customer.
async fn manage_and_give_back(world: &World) {
    world.webhooks_settled().await;
    world.subscription("acct_a").await;
    let subscription = world.stripe_id("subscriptions", 0);
    let lines = vec![json!({"amount": -1, "quantity": 1, "proration": true}); 12];
    let body = json!({"subscription": subscription, "lines": lines});
    world.at_stripe("/_local/invoices", &body).await;
    world.webhooks_settled().await;
    for flow in [
        "payment_method_update",
        "subscription_cancel",
        "subscription_update",
    ] {
        let body = json!({"return_url": world.origin(), "flow": flow});
        world.portal("acct_a", &body).await;
    }
    let payments = world.stack.stripe.state()["payment_intents"].clone();
    for payment in payments.as_array().unwrap() {
        let payment = payment["id"].as_str().unwrap();
        world.refund(payment, 100).await;
        world.dispute(payment, 100, "needs_response").await;
    }
    world.open("acct_b", "plus").await;
    let last = world.stripe_objects("customers").pop().unwrap()["id"].clone();
    world.delete_customer(last.as_str().unwrap()).await;
    world.webhooks_settled().await;
}

/// Returns the operation whose method and path pattern match a call.
fn operation<'a>(facts: &'a Value, method: &str, path: &str) -> (&'a str, &'a Value) {
    let operations = facts["operations"].as_object().unwrap();
    let fits = |name: &str| {
        let (known, pattern) = name.split_once(' ').unwrap();
        let (theirs, ours) = (pattern.split('/'), path.split('/'));
        known == method
            && theirs.clone().count() == ours.clone().count()
            && theirs.zip(ours).all(|(a, b)| a == b || a.starts_with('{'))
    };
    let found = operations.iter().find(|(name, _)| fits(name));
    let (name, facts) = found.unwrap_or_else(|| panic!("{method} {path} is not among the facts"));
    (name, facts)
}

/// Returns the parameters of a form, or of a JSON body in a form's notation.
fn given_in(parameters: &str) -> Vec<(String, String)> {
    fn flat(name: &str, value: &Value, into: &mut Vec<(String, String)>) {
        let below = |key: &str| match name {
            "" => key.to_owned(),
            name => format!("{name}[{key}]"),
        };
        match value {
            Value::Object(fields) => {
                for (key, value) in fields {
                    flat(&below(key), value, into);
                }
            }
            Value::Array(values) => {
                for value in values {
                    flat(&below(""), value, into);
                }
            }
            Value::String(text) => into.push((name.to_owned(), text.clone())),
            other => into.push((name.to_owned(), other.to_string())),
        }
    }
    let mut given = Vec::new();
    match serde_json::from_str(parameters) {
        Ok(json) => flat("", &json, &mut given),
        Err(_) => given.extend(form_urlencoded::parse(parameters.as_bytes()).into_owned()),
    }
    given
}

/// Drops indices and free keys from a parameter's name: `line_items[0][price]` becomes `line_items[][price]`.
fn general(name: &str) -> String {
    let number = Regex::new(r"\[[0-9]*\]").unwrap();
    let key = Regex::new(r"(metadata\]?|payload)\[[^\]]+\]").unwrap();
    let name = number.replace_all(name, "[]");
    key.replace_all(&name, "$1[*]").into_owned()
}

fn is_of_type(value: &str, facts: &Value) -> bool {
    let typed = match facts["type"].as_str().unwrap() {
        "integer" => value.parse::<i64>().is_ok(),
        "boolean" => ["true", "false"].contains(&value),
        "string" => true,
        other => panic!("{other} is not a parameter type"),
    };
    let words = facts["enum"].as_array();
    let max = facts["max"].as_u64().unwrap_or(u64::MAX);
    typed
        && words.is_none_or(|words| words.iter().any(|word| word == value))
        && u64::try_from(value.chars().count()).unwrap() <= max
}

#[tokio::test]
async fn stripe_accepts_every_parameter_that_is_sent() {
    let world = busy().await;
    let facts = facts();
    let mut sent: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for (method, path, parameters) in world.stack.stripe.asked() {
        // Calls that this test makes itself.
        if path.ends_with("/deactivate")
            || method == "DELETE"
            || (method == "POST" && path.starts_with("/v1/prices/"))
            || (method == "POST" && path == "/v1/refunds")
        {
            continue;
        }
        let (name, facts) = operation(&facts, &method, &path);
        let given = sent.entry(name).or_default();
        for (parameter, value) in given_in(&parameters) {
            let parameter = general(&parameter);
            let known = &facts["parameters"][&parameter];
            assert!(known.is_object(), "{name} does not take `{parameter}`");
            assert!(is_of_type(&value, known), "{name} {parameter}={value}");
            given.insert(parameter);
        }
        for required in facts["required"].as_array().unwrap() {
            let required = required.as_str().unwrap();
            let below = format!("{required}[");
            let there = given
                .iter()
                .any(|name| name == required || name.starts_with(&below));
            assert!(there, "{name} needs `{required}`");
        }
    }
    // Every parameter in the facts was sent.
    for (name, facts) in facts["operations"].as_object().unwrap() {
        let known: BTreeSet<String> = facts["parameters"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect();
        let mut given = sent.get(name.as_str()).cloned().unwrap_or_default();
        // `starting_after` is sent only for a second page, after a hundred objects.
        given.extend(
            known
                .contains("starting_after")
                .then(|| "starting_after".to_owned()),
        );
        assert_eq!(given, known, "{name}");
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// Returns all objects of the fake, and those inside of others that the product reads.
async fn objects(world: &World) -> Vec<Value> {
    let state = world.stack.stripe.state();
    let session = state["checkout_sessions"][0]["id"].as_str().unwrap();
    let path =
        format!("/v1/checkout/sessions/{session}?expand[]=line_items&expand[]=payment_intent");
    let whole = world.get_from_stripe(&path).await;
    let form = "url=https://a.example/&enabled_events[]=*";
    let endpoint = world.post_to_stripe("/v1/webhook_endpoints", form).await;
    let invoice_line = state["invoices"][0]["lines"]["data"][0].clone();
    let item = state["subscriptions"][0]["items"]["data"][0].clone();
    let mut objects = vec![
        whole["line_items"]["data"][0].clone(),
        whole,
        endpoint,
        invoice_line,
        item,
    ];
    objects.extend(money::parts(world, &state).await);
    for list in [
        "checkout_sessions",
        "prices",
        "payment_intents",
        "customers",
        "products",
        "meters",
        "webhook_endpoints",
        "portal_configurations",
        "portal_sessions",
        "subscriptions",
        "invoices",
        "refunds",
        "disputes",
        "balance_transactions",
        "credit_notes",
        "early_fraud_warnings",
        "events",
    ] {
        objects.extend(state[list].as_array().unwrap().iter().cloned());
    }
    objects
}

#[tokio::test]
async fn every_field_that_is_read_has_stripes_type() {
    let world = busy().await;
    let (facts, objects) = (facts(), objects(&world).await);
    let mut seen = BTreeSet::new();
    for object in &objects {
        let name = object["object"].as_str().unwrap();
        for (field, fact) in facts["objects"][name].as_object().unwrap() {
            let Some(value) = object.get(field) else {
                assert_eq!(fact["required"], false, "{name} lacks {field}");
                continue;
            };
            let types = fact["types"].as_array().unwrap();
            let kind = kind(value);
            assert!(
                types.iter().any(|known| known == kind),
                "{name}.{field} is {value}"
            );
            if let (Some(words), Some(word)) = (fact["enum"].as_array(), value.as_str()) {
                assert!(
                    words.iter().any(|known| known == word),
                    "{name}.{field} is {word}"
                );
            }
            seen.insert((name.to_owned(), field.clone()));
        }
    }
    let known = facts["objects"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(name, fields)| {
            let fields = fields.as_object().unwrap().keys();
            fields.map(move |field| (name.clone(), field.clone()))
        });
    assert_eq!(seen, known.collect());
}
