//! Produces every example of usage, the ledger, the catalogue and estimates.

use tests::World;

use super::OpenApi;

/// Checks every example; returns their pointers.
pub(super) async fn examples(openapi: &OpenApi, world: &World) -> Vec<String> {
    let mut seen = Vec::new();
    let usage = openapi.request("/v1/usage", "chat");
    let usage_id = world.charged("acct_4", "chat-0001", &usage).await.body["usage_id"].clone();
    for (path, query, account, example) in [
        (
            "/v1/usage",
            "?group_by=model&tz=Europe/Paris",
            "acct_1",
            Some("by_model"),
        ),
        (
            "/v1/usage",
            "?group_by=member&granularity=month",
            "acct_1",
            None,
        ),
        ("/v1/usage", "?member_id=u_7", "acct_4", None),
        ("/v1/ledger", "?limit=1", "acct_4", Some("page")),
        ("/v1/ledger", "", "acct_4", None),
        ("/v1/catalog", "", "acct_4", Some("catalog")),
    ] {
        let token = world.token(account);
        let answer = world.get(&format!("{path}{query}"), Some(&token)).await;
        seen.extend(openapi.check(("get", path), &answer, example));
    }
    // The ledger shows the operator's reversals, too.
    let given_back = usage_id.as_str().expect("an id");
    for entry in [given_back, &format!("reversed#{given_back}")] {
        let reverse = ["reverse", entry, "--reason", "mistake"];
        world.sparks(&reverse).await.expect("a reversal");
    }
    let token = world.token("acct_4");
    let answer = world.get("/v1/ledger", Some(&token)).await;
    seen.extend(openapi.check(("get", "/v1/ledger"), &answer, None));
    let estimate = openapi.request("/v1/estimate", "chat").to_string();
    let token = world.token("acct_4");
    let answer = world
        .post("/v1/estimate", Some(&token), None, estimate)
        .await;
    seen.extend(openapi.check(("post", "/v1/estimate"), &answer, Some("chat")));
    seen
}
