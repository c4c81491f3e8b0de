//! Provider cost, which reveals the margin. Services see it, and accounts only if the deployment shows it.

use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::World;

fn usage() -> Value {
    json!([
        {"meter": "ai_tokens", "model": "gpt-5", "input_tokens": 1000},
        {"meter": "compute", "milliseconds": 1},
    ])
}

/// Returns the costs in each answer to this token. They are of a receipt, its replay, a batch, an estimate and the
/// ledger.
async fn told(world: &World, token: &str, key: &str) -> Vec<Vec<Option<Value>>> {
    let account = "acct_a";
    let body = json!({"account_id": account, "usage": usage()}).to_string();
    let item = json!({"idempotency_key": format!("{key}-b"), "usage": usage()});
    let batch = json!({"account_id": account, "items": [item]}).to_string();
    let post = |path, key, body| world.post(path, Some(token), key, body);
    let recorded = post("/v1/usage", Some(key), body.clone()).await;
    let replayed = post("/v1/usage", Some(key), body.clone()).await;
    assert!(replayed.is_replay(), "{replayed:?}");
    let batch = post("/v1/usage/batch", None, batch).await;
    let estimate = post("/v1/estimate", None, body).await;
    let ledger = "/v1/ledger?account_id=acct_a&limit=1";
    let ledger = world.get(ledger, Some(token)).await;
    [
        &recorded.body,
        &replayed.body,
        &batch.body["results"][0],
        &estimate.body,
        &ledger.body["entries"][0],
    ]
    .map(|answer| {
        let lines = answer["lines"].as_array();
        let lines = lines.unwrap_or_else(|| panic!("no lines: {answer}"));
        let cost = |line: &Value| line.get("provider_cost_usd").cloned();
        lines.iter().map(cost).collect()
    })
    .to_vec()
}

#[tokio::test]
async fn accounts_see_provider_cost_only_if_the_deployment_shows_it() {
    let shown = vec![vec![Some(json!("0.00125")), Some(json!(null))]; 5];
    let hidden = vec![vec![None, None]; 5];
    for (setting, of_account) in [("", &hidden), ("false", &hidden), ("true", &shown)] {
        let variables = [("SHOW_PROVIDER_COST", setting)];
        let world = World::start_with(&variables, Clock::system()).await;
        world.grant("acct_a", "1000").await;
        let own = told(&world, &world.token("acct_a"), "k1").await;
        assert_eq!(own, *of_account, "{setting:?}");
        let service = told(&world, &world.service_token(), "k2").await;
        assert_eq!(service, shown, "{setting:?}");
        let ledger = world.sparks(&["ledger", "acct_a", "--json"]).await.unwrap();
        assert!(
            ledger.contains("\"provider_cost_usd\":\"0.00125\""),
            "{ledger}"
        );
    }
}
