//! The transaction that records a usage adds it to the sums. These are by quarter-hour, model and member.

use serde_json::{Value, json};
use shared::pricing::price_book::models;
use tests::World;

fn rollup(world: &World, kind: &str) -> Value {
    let mut found = world.items("R#acct_a");
    found.retain(|item| item["sk"]["S"].as_str().unwrap().starts_with(kind));
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

#[tokio::test]
async fn a_quarter_hour_is_summed_by_meter_and_model_and_a_day_by_member() {
    let world = World::start().await;
    world.grant("acct_a", "1000").await;
    let body = json!({
        "member_id": "m", "occurred_at": noon(&world),
        "usage": [
            {"meter": "ai_tokens", "model": "gpt-5-2025-08-07", "input_tokens": 1000},
            {"meter": "ai_tokens", "input_tokens": 10},
            {"meter": "compute", "milliseconds": 60_000},
        ],
    });
    for key in ["k1", "k2"] {
        world.charged("acct_a", key, &body).await;
    }
    let quarter = rollup(&world, "Q#");
    assert!(quarter["sk"]["S"].as_str().unwrap().ends_with("T12:00"));
    for (attribute, value) in [
        ("sparks#ai_tokens#gpt-5", "75000"),
        ("quantity#ai_tokens#gpt-5", "2000"),
        ("sparks#ai_tokens", "2000"),
        ("quantity#ai_tokens", "20"),
        ("sparks#compute", "100000"),
        ("quantity#compute", "120000"),
    ] {
        assert_eq!(quarter[attribute]["N"], value, "{attribute}");
    }
    assert_eq!(quarter["models"]["SS"], json!(["gpt-5"]));
    let day = rollup(&world, "M#");
    assert!(day["sk"]["S"].as_str().unwrap().ends_with("#m"));
    assert_eq!(
        (&day["sparks#ai_tokens"]["N"], &day["sparks#compute"]["N"]),
        (&json!("77000"), &json!("100000"))
    );
}

#[tokio::test]
async fn models_beyond_forty_in_a_quarter_hour_count_as_other() {
    let world = World::start().await;
    world.grant("acct_a", "100000").await;
    let models = priced_models(&world);
    assert!(models.len() > 45, "{}", models.len());
    let occurred_at = noon(&world);
    let line = |model: &str| json!({"meter": "ai_tokens", "model": model, "input_tokens": 1000});

    for (number, lines) in models[..46].chunks(5).enumerate() {
        let lines: Vec<Value> = lines.iter().map(|model| line(model)).collect();
        let body = json!({"usage": lines, "occurred_at": occurred_at});
        world.charged("acct_a", &format!("k{number}"), &body).await;
    }
    // A model among the first forty is still counted separately.
    let known = json!({"usage": [line(models[0])], "occurred_at": occurred_at});
    world.charged("acct_a", "known", &known).await;

    let quarter = rollup(&world, "Q#");
    assert_eq!(quarter["models"]["SS"].as_array().unwrap().len(), 40);
    assert_eq!(quarter["quantity#ai_tokens#other"]["N"], "6000");
    let attributes = quarter.as_object().unwrap();
    let total: i64 = attributes
        .iter()
        .filter(|(name, _)| name.starts_with("quantity#"))
        .map(|(_, value)| value["N"].as_str().unwrap().parse::<i64>().unwrap())
        .sum();
    assert_eq!(total, 47_000, "nothing is lost");
}

/// An environment remembers a full quarter-hour. Otherwise each usage of a further model would cost two transactions.
#[tokio::test]
async fn a_model_beyond_forty_costs_a_second_transaction_only_once() {
    let world = World::start().await;
    world.grant("acct_a", "100000").await;
    let models = priced_models(&world);
    let occurred_at = noon(&world);
    let line = |model: &str| json!({"meter": "ai_tokens", "model": model, "input_tokens": 10});
    for (number, lines) in models[..40].chunks(5).enumerate() {
        let lines: Vec<Value> = lines.iter().map(|model| line(model)).collect();
        let body = json!({"usage": lines, "occurred_at": occurred_at});
        world.charged("acct_a", &format!("k{number}"), &body).await;
    }
    world.dynamodb_fails("TransactWriteItems", "slow:0", 100);
    let mut before = 0;
    for (key, transactions) in [("first", 2), ("second", 1), ("third", 1)] {
        let body = json!({"usage": [line(models[40])], "occurred_at": occurred_at});
        world.charged("acct_a", key, &body).await;
        let sent = world.stack.dynamodb.faults().fired("TransactWriteItems");
        assert_eq!(sent - before, transactions, "{key}");
        before = sent;
    }
}

/// Returns noon of the previous day. So all usages of a test fall into one roll-up.
fn noon(world: &World) -> String {
    let now = world.now();
    let yesterday = now - jiff::SignedDuration::from_hours(24);
    format!("{}T12:00:00Z", &yesterday.to_string()[..10])
}

/// Returns the models whose id is no alias and whose input has a price now.
fn priced_models(world: &World) -> Vec<&'static str> {
    let now = world.now();
    let priced = |id: &&'static str| {
        models::find(id)
            .filter(|model| model.id() == *id)
            .and_then(|model| model.rates(now, 1_000))
            .is_some_and(|rates| rates.input.is_some())
    };
    models::ids().filter(priced).collect()
}
