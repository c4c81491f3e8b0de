//! Functions get the names of their secrets, and read them from AWS Systems Manager when they start.

use http::StatusCode;
use serde_json::json;
use shared::process::clock::Clock;
use tests::World;

/// The real binaries, with the variables that the template gives them.
#[tokio::test]
async fn functions_in_processes_read_their_secrets_when_they_start() {
    let world = World::start_with(&[], Clock::system()).await;
    let (world, fleets) = world.in_processes().await;
    let body = json!({"usage": [{"meter": "ai_tokens", "input_tokens": 10}]});
    let recorded = world.record("acct_a", "k1", &body).await;
    recorded.expect(StatusCode::CREATED);
    world.assert_delivered_once();
    // A signature by the secret of the parameter is a good one.
    let (_, _) = world.buy("acct_a", "pack_500k", "k1").await;
    world.webhooks_settled().await;
    assert_eq!(world.credits("acct_a").len(), 1);
    assert!(fleets.contains_key("stripe-webhook"));
}
