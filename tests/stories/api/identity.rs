//! The account comes from the verified token; only a service may name another one.

use http::StatusCode;
use serde_json::{Value, json};
use shared::process::clock::Clock;
use tests::{World, tokens};

fn usage(account: Option<&str>) -> String {
    let mut body = tokens(10);
    if let Some(account) = account {
        body["account_id"] = account.into();
    }
    body.to_string()
}

#[tokio::test]
async fn without_a_token_the_gateway_answers_401() {
    let world = World::start().await;
    for token in [
        None,
        Some("nonsense"),
        Some("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."),
    ] {
        let answer = world
            .post("/v1/usage", token, Some("k1"), usage(None))
            .await;
        assert_eq!(
            (answer.status, answer.body),
            (401, json!({"message": "Unauthorized"})),
            "{token:?}"
        );
    }
    assert!(world.table().is_empty());
}

#[tokio::test]
async fn a_token_that_names_another_account_is_refused() {
    let world = World::start().await;
    world.grant("acct_b", "100").await;
    let token = world.token("acct_a");

    let answer = world
        .post("/v1/usage", Some(&token), Some("k1"), usage(Some("acct_b")))
        .await;
    assert_eq!(answer.refusal(), (403, "account_forbidden"));
    let answer = world
        .get("/v1/balance?account_id=acct_b", Some(&token))
        .await;
    assert_eq!(answer.refusal(), (403, "account_forbidden"));
    assert_eq!(world.available("acct_b").await, "100.000");
}

#[tokio::test]
async fn a_token_may_name_its_own_account() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let token = world.token("acct_a");
    world
        .post("/v1/usage", Some(&token), Some("k1"), usage(Some("acct_a")))
        .await
        .expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_claim_outside_the_alphabet_is_refused() {
    let world = World::start().await;
    let token = world.token("acct a#1");
    let answer = world
        .post("/v1/usage", Some(&token), Some("k1"), usage(None))
        .await;
    assert_eq!(answer.refusal(), (403, "account_invalid"));
}

#[tokio::test]
async fn a_service_records_for_the_account_it_names() {
    let world = World::start().await;
    world.grant("acct_a", "100").await;
    let token = world.service_token();

    let answer = world
        .post("/v1/usage", Some(&token), Some("k1"), usage(Some("acct_a")))
        .await
        .expect(StatusCode::CREATED);

    assert_eq!(answer.body["account_id"], "acct_a");
    let balance = world
        .get("/v1/balance?account_id=acct_a", Some(&token))
        .await
        .expect(StatusCode::OK);
    assert_eq!(balance.body["available"], "99.000");
}

#[tokio::test]
async fn a_service_must_name_an_account_that_exists() {
    let world = World::start().await;
    let token = world.service_token();
    for (account, refusal) in [
        (None, (422, "account_id_required")),
        (Some("acct_typo"), (404, "account_not_found")),
    ] {
        let answer = world
            .post("/v1/usage", Some(&token), Some("k1"), usage(account))
            .await;
        assert_eq!(answer.refusal(), refusal);
        assert_eq!(answer.body["field"], "account_id");
    }
    let item = json!({"idempotency_key": "k1", "usage": [{"meter": "compute", "milliseconds": 1}]});
    let batch = json!({"account_id": "acct_typo", "items": [item]}).to_string();
    assert_eq!(
        world
            .post("/v1/usage/batch", Some(&token), None, batch)
            .await
            .refusal(),
        (404, "account_not_found")
    );
    assert_eq!(
        world.get("/v1/balance", Some(&token)).await.refusal(),
        (422, "account_id_required")
    );
    assert_eq!(
        world
            .get("/v1/balance?account_id=acct_typo", Some(&token))
            .await
            .refusal(),
        (404, "account_not_found")
    );
    let unpriced = json!({"idempotency_key": "k1", "usage": [{"meter": "ai_tokens", "model": "none", "input_tokens": 1}]});
    let batch = json!({"account_id": "acct_typo", "items": [unpriced]}).to_string();
    assert_eq!(
        world
            .post("/v1/usage/batch", Some(&token), None, batch)
            .await
            .refusal(),
        (404, "account_not_found")
    );
    assert!(world.table().is_empty(), "a typo opened an account");
}

#[tokio::test]
async fn an_account_is_created_by_its_own_first_request() {
    let world = World::start().await;
    let token = world.token("acct_new");

    let answer = world
        .get("/v1/balance", Some(&token))
        .await
        .expect(StatusCode::OK);

    // The account's own first request also starts the free plan.
    assert_eq!(answer.body["available"], "10000.000");
    assert_eq!(answer.body["grants"][0]["source"], "free");
    // The account and its grants.
    assert_eq!(world.items("A#acct_new").len(), 2);
    let answer = world
        .post(
            "/v1/usage",
            Some(&world.token("acct_newer")),
            Some("k1"),
            usage(None),
        )
        .await;
    assert_eq!(answer.status, 201, "the free Sparks are available at once");
    let opened = world.items("A#acct_newer");
    assert!(opened.iter().any(|item| item["sk"]["S"] == "A"));
}

#[tokio::test]
async fn a_refusal_by_api_gateway_has_its_own_body() {
    let world = World::start().await;
    let answer = world.get("/v1/nothing", Some(&world.token("acct_a"))).await;
    assert_eq!(
        (answer.status, answer.body),
        (404, json!({"message": "Not Found"}))
    );
}

#[tokio::test]
async fn every_problem_has_the_same_form() {
    let world = World::start().await;
    let answer = world
        .post(
            "/v1/usage",
            Some(&world.service_token()),
            Some("k1"),
            usage(None),
        )
        .await;
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let mut body: Value = answer.body;
    assert!(body["request_id"].as_str().is_some_and(|id| !id.is_empty()));
    body["request_id"] = "[id]".into();
    insta::assert_json_snapshot!("problem", body);
}

#[tokio::test]
async fn a_problem_links_to_its_heading_on_the_deployments_page() {
    let page = [("PROBLEMS_URL", "https://docs.example.com/problems")];
    let world = World::start_with(&page, Clock::system()).await;
    let token = world.token("acct_a");
    let typed = |answer: &Value| (answer["type"].clone(), answer["title"].clone());
    let expected = |code: &str, title: &str| {
        let page = format!("https://docs.example.com/problems#{code}");
        (json!(page), json!(title))
    };

    for path in ["/v1/usage", "/v1/checkout", "/v1/portal", "/v1/estimate"] {
        let answer = world.post(path, Some(&token), Some("k1"), "{").await;
        let found = typed(&answer.body);
        assert_eq!(found, expected("invalid-json", "Invalid JSON"), "{path}");
    }
    let webhook = world.post("/v1/webhooks/stripe", None, None, "{}").await;
    let found = typed(&webhook.body);
    assert_eq!(found, expected("invalid-signature", "Invalid signature"));
    let verify = "/v1/checkout/cs_test_1/verify";
    let verified = world.post(verify, Some(&token), None, "").await;
    let found = typed(&verified.body);
    assert_eq!(found, expected("session-not-found", "Session not found"));

    let unknown = json!({"meter": "ai_tokens", "model": "gpt-unheard-of", "input_tokens": 1});
    let item = json!({"idempotency_key": "k1", "usage": [unknown]});
    let batch = world.record_batch("acct_a", &[item]).await;
    let found = typed(&batch.body["results"][0]);
    assert_eq!(found, expected("unknown-model", "Unknown model"));
}

#[tokio::test]
async fn an_about_blank_problem_has_the_status_phrase_as_its_title() {
    let world = World::start().await;
    let token = world.token("acct_a");
    for (body, status, title) in [
        ("{".to_owned(), 400, "Bad Request"),
        (" ".repeat(70_000), 413, "Content Too Large"),
        ("{}".to_owned(), 422, "Unprocessable Content"),
    ] {
        let answer = world.post("/v1/portal", Some(&token), None, body).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.body["type"], "about:blank");
        assert_eq!(answer.body["title"], title);
    }
}
