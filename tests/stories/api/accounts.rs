//! Accounts are named by the subject of a user's token. That holds in every flow and for the operator.

use http::StatusCode;
use serde_json::json;
use tests::{World, tokens};

/// Subjects as identity providers issue them, and the remaining visible ASCII characters.
const SUBJECTS: [&str; 5] = [
    "waad|jo+ai@example.com",
    "https://issuer.example/users/o'neil?a=%2F&b",
    "C=DE,O=\"Acme\\Co\",CN=<7>;{x}[y]~`^!$*()",
    "%2e%2e%00",
    "'",
];

fn escaped(account: &str) -> String {
    let escapes: Vec<String> = account.bytes().map(|byte| format!("%{byte:02X}")).collect();
    escapes.concat()
}

#[tokio::test]
async fn every_subject_runs_through_all_flows() {
    let world = World::start().await;
    for account in SUBJECTS {
        let token = world.token(account);
        let body = tokens(10);
        let recorded = world.charged(account, "k1", &body).await;
        assert_eq!(recorded.body["account_id"], account);
        assert_eq!(recorded.body["delivery"]["langfuse"]["status"], "confirmed");
        assert_eq!(recorded.body["delivery"]["stripe"]["status"], "confirmed");
        let item = json!({"idempotency_key": "k2", "usage": body["usage"]});
        let batch = json!({"account_id": account, "items": [item]}).to_string();
        let service = world.service_token();
        let batch = world.post("/v1/usage/batch", Some(&service), None, batch);
        assert_eq!(batch.await.body["results"][0]["status"], 201);

        world.buy(account, "pack_125k", "o1").await;
        let back = json!({ "return_url": world.origin() });
        let portal = world.portal(account, &back).await;
        portal.expect(StatusCode::CREATED);
        world.subscribe(account, "plus").await;
        world.subscription(account).await.expect(StatusCode::OK);

        let read = format!("/v1/balance?account_id={}", escaped(account));
        let read = world.get(&read, Some(&service)).await;
        assert_eq!(read.body["available"], "634998.000", "{account}: {read:?}");
        let page = world.get("/v1/ledger?limit=2", Some(&token)).await;
        let cursor = page.body["next_cursor"].as_str().expect("a next page");
        let next = format!("/v1/ledger?cursor={cursor}");
        let next = world.get(&next, Some(&token)).await.expect(StatusCode::OK);
        assert!(next.body.to_string().contains("free#"), "{next:?}");
        let used = world.get("/v1/usage", Some(&token)).await;
        assert_eq!(used.body["rows"][0]["sparks"], "2.000");
    }
    let customers = world.stripe_objects("customers");
    assert_eq!(customers.len(), SUBJECTS.len());
    for (customer, account) in customers.iter().zip(SUBJECTS) {
        assert_eq!(customer["metadata"]["account"], account);
    }
    let rollups = world.items("R#");
    assert_eq!(rollups.len(), SUBJECTS.len(), "{rollups:?}");
}

#[tokio::test]
async fn the_operator_reaches_every_account() {
    let world = World::start().await;
    for account in SUBJECTS {
        world.grant(account, "5").await;
        let told = world.sparks(&["balance", account, "--json"]).await.unwrap();
        assert!(told.contains("\"available\":\"5.000\""), "{told}");
        let ledger = world.sparks(&["ledger", account]).await.unwrap();
        assert!(ledger.contains("grant_"), "{ledger}");
        world
            .sparks(&["verify", account])
            .await
            .expect("consistent books");
    }
    world.sparks(&["verify"]).await.expect("consistent books");
    let refused = world.sparks(&["balance", "acct_typo"]).await.unwrap_err();
    assert!(matches!(refused, cli::Error::NoAccount(_)), "{refused:?}");
}

#[tokio::test]
async fn a_subject_outside_the_alphabet_is_refused() {
    let world = World::start().await;
    for subject in ["a b", "a#b", "ä", "a\tb", "a\u{7f}", "", &"x".repeat(129)] {
        let token = world.token(subject);
        let answer = world.get("/v1/balance", Some(&token)).await;
        assert_eq!(answer.refusal(), (403, "account_invalid"), "{subject:?}");
    }
    // In a query string, a plus sign means a space.
    let path = "/v1/balance?account_id=jo+ai";
    let answer = world.get(path, Some(&world.service_token())).await;
    assert_eq!(answer.refusal(), (422, "invalid_request"));
    assert!(world.table().is_empty());
}
