//! Sends the requests in `openapi.yaml`'s examples and compares the answers with its examples.

use std::collections::BTreeSet;

use serde_json::Value;
use shared::process::clock::Clock;
use tests::World;

use super::OpenApi;

/// Requests in order. Each has the example of the answer, the caller, the path, the idempotency key, the body.
///
/// `-` stands for none. A body is JSON, the name of a request's example after `@`, or a number of spaces.
const CALLS: &str = r#"
chat                      | acct_1    | /v1/usage       | chat-0001 | @chat
insufficient_sparks       | acct_1    | /v1/usage       | k         | {"usage":[{"meter":"storage","gigabyte_hours":"730000"}]}
idempotency_key_required  | acct_1    | /v1/usage       | -         | @chat
idempotency_key_reused    | acct_1    | /v1/usage       | chat-0001 | @from_openai
invalid_json              | acct_1    | /v1/usage       | k         | {"usage": [,]}
account_forbidden         | acct_1    | /v1/usage       | k         | {"account_id":"acct_2","usage":[{"meter":"compute","milliseconds":1}]}
account_invalid           | acct 1    | /v1/usage       | k         | @chat
account_not_found         | service   | /v1/usage       | k         | {"account_id":"acct_typo","usage":[{"meter":"compute","milliseconds":1}]}
account_id_required       | service   | /v1/usage       | k         | @chat
body_too_large            | acct_1    | /v1/checkout    | k         | 65537
gateway                   | acct_1    | /v1/usage       | k         | 6291456
gateway                   | -         | /v1/usage       | k         | @chat
invalid_request           | acct_1    | /v1/usage       | k         | {"usage":[{"meter":"compute","milliseconds":"1500"}]}
unknown_meter             | acct_1    | /v1/usage       | k         | {"usage":[{"meter":"gpu","milliseconds":1500}]}
unknown_model             | acct_1    | /v1/usage       | k         | {"usage":[{"meter":"ai_tokens","model":"gpt-unheard-of","input_tokens":1200}]}
invalid_quantity          | acct_1    | /v1/usage       | k         | {"usage":[{"meter":"ai_tokens","input_tokens":1.5}]}
occurred_at_out_of_window | acct_1    | /v1/usage       | k         | {"occurred_at":"2026-01-01T00:00:00Z","usage":[{"meter":"compute","milliseconds":1}]}
chat                      | acct_1    | /v1/usage       | chat-0001 | @chat
-                         | acct_1    | /v1/usage       | openai    | @from_openai
-                         | acct_1    | /v1/usage       | anthropic | @from_anthropic
-                         | service   | /v1/usage       | service   | @by_a_service
mixed                     | acct_1    | /v1/usage/batch | -         | @mixed
invalid_request           | acct_1    | /v1/usage/batch | -         | {"items":[]}
"#;

/// Examples of answers that no request to a local stack produces, or only slowly.
const NOT_REQUESTED: [&str; 5] = [
    "/components/responses/InternalError/content/application~1json/examples/gateway",
    "/components/responses/TooManyRequests/content/application~1json/examples/gateway",
    "/components/responses/TooManyRequests/content/application~1problem+json/examples/too_many_requests",
    "/components/responses/Unavailable/content/application~1json/examples/gateway",
    "/components/responses/Unavailable/content/application~1problem+json/examples/unavailable",
];

fn token(world: &World, caller: &str) -> Option<String> {
    match caller {
        "-" => None,
        "service" => Some(world.service_token()),
        account => Some(world.token(account)),
    }
}

fn body(openapi: &OpenApi, path: &str, body: &str) -> String {
    match (body.strip_prefix('@'), body.parse()) {
        (Some(example), _) => openapi.request(path, example).to_string(),
        (None, Ok(spaces)) => " ".repeat(spaces),
        (None, Err(_)) => body.to_owned(),
    }
}

fn given(text: &str) -> Option<&str> {
    Some(text).filter(|text| *text != "-")
}

/// Returns the pointers of the examples of all answers.
fn documented(openapi: &OpenApi) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (pointer, media) in openapi.media_types() {
        if pointer.contains("/responses/") {
            let names = media["examples"]
                .as_object()
                .into_iter()
                .flat_map(|examples| examples.keys());
            found.extend(names.map(|name| format!("{pointer}/examples/{name}")));
        }
    }
    found
}

#[tokio::test]
async fn the_api_answers_as_in_the_examples() {
    let openapi = OpenApi::read();
    let clock = Clock::starting_at("2026-11-22T20:15:00Z".parse().unwrap());
    let origins = [("ALLOWED_ORIGINS", "https://app.example.com")];
    let world = World::start_with(&origins, clock).await;
    let welcome = [
        "grant", "acct_1", "10000", "--reason", "welcome", "--key", "welcome",
    ];
    world.sparks(&welcome).await.unwrap();
    let mut seen: BTreeSet<String> = NOT_REQUESTED.map(str::to_owned).into();

    for call in CALLS.trim().lines() {
        let parts: Vec<&str> = call.splitn(5, '|').map(str::trim).collect();
        let [example, caller, path, key, text] = parts[..] else {
            panic!("{call}")
        };
        let token = token(&world, caller);
        let answer = world
            .post(
                path,
                token.as_deref(),
                given(key),
                body(&openapi, path, text),
            )
            .await;
        seen.extend(openapi.check(("post", path), &answer, given(example)));
    }

    let balance = ("get", "/v1/balance");
    for (example, caller, path) in [
        ("one_grant", "acct_1", "/v1/balance"),
        ("invalid_request", "service", "/v1/balance?account_id=a%20b"),
        ("gateway", "acct_1", "/v1/nothing"),
    ] {
        let answer = world.get(path, token(&world, caller).as_deref()).await;
        seen.extend(openapi.check(balance, &answer, Some(example)));
    }
    seen.extend(super::reads::examples(&openapi, &world).await);
    seen.extend(super::subscriptions::examples(&openapi, &world).await);
    seen.extend(super::payments::examples(&openapi, &world).await);
    let broken = World::start_with(&[("TABLE_NAME", "no-such-table")], Clock::system()).await;
    let answer = broken
        .get("/v1/balance", token(&broken, "acct_1").as_deref())
        .await;
    seen.extend(openapi.check(balance, &answer, Some("internal")));

    assert_eq!(documented(&openapi), seen);
}

#[test]
fn the_receipt_in_the_readme_matches_its_schema() {
    let readme = super::file("README.md");
    let block = readme
        .split("```json\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let receipt: Value = serde_json::from_str(block).unwrap();
    let openapi = OpenApi::read();
    let schema = &openapi.0["components"]["schemas"]["UsageReceipt"];
    assert_eq!(
        openapi
            .schema(schema, super::Unlisted::Refused)
            .check(&receipt),
        Ok(())
    );
    assert_eq!(
        receipt["price_version"],
        shared::pricing::price_book::version()
    );
}
