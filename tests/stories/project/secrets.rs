//! Functions receive the names of their secrets. They read the values from AWS Systems Manager at cold start.

use shared::process::clock::Clock;
use tests::World;

/// Runs the real binaries with the variables that the template gives them.
#[tokio::test]
async fn functions_in_processes_read_their_secrets_when_they_start() {
    let world = World::start_with(&[], Clock::system()).await;
    let (world, fleets) = world.in_processes().await;
    world.spend("acct_a", "k1", 1).await;
    world.assert_delivered_once();
    // The webhook is signed with the parameter's secret, so it is accepted.
    let (_, _) = world.buy("acct_a", "pack_500k", "k1").await;
    world.webhooks_settled().await;
    assert_eq!(world.credits("acct_a").len(), 1);
    assert!(fleets.contains_key("stripe-webhook"));
}
