//! No account reads or changes another account's data, on any route and through any id.

use std::collections::BTreeSet;

use local::template::Template;
use serde_json::{Value, json};
use shared::providers::langfuse::trace_id;
use tests::{Answer, World, event};

/// Ids of the first account that the second one may have learned.
struct Known {
    session: String,
    usage: String,
    key: String,
    cursor: String,
    customer: String,
    /// Texts that may appear only in responses to the first account.
    private: Vec<String>,
}

async fn known(world: &World) -> Known {
    let body = json!({
        "usage": [{"meter": "ai_tokens", "input_tokens": 10}], "member_id": "member_of_a",
        "trace": {"name": "chat_of_a"},
    });
    let recorded = world.charged("acct_a", "key_of_a", &body).await.body;
    world.subscribe("acct_a", "plus").await;
    let (session, payment) = world.buy("acct_a", "pack_500k", "buy").await;
    let open = world.open("acct_a", "pack_125k").await;
    let token = world.token("acct_a");
    let page = world.get("/v1/ledger?limit=1", Some(&token)).await;
    let cursor = page.body["next_cursor"].as_str();
    let cursor = cursor.unwrap_or_else(|| panic!("{page:?}")).to_owned();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let customer = world.stripe_id("customers", 0);
    let usage = text(&recorded["usage_id"]);
    Known {
        private: vec![
            "acct_a".to_owned(),
            "member_of_a".to_owned(),
            "chat_of_a".to_owned(),
            usage.clone(),
            session.clone(),
            open,
            payment,
            customer.clone(),
            trace_id(&usage),
        ],
        session,
        usage,
        key: "key_of_a".to_owned(),
        cursor,
        customer,
    }
}

/// Returns the items of the first account, of every kind.
fn of_the_first(world: &World, known: &Known) -> BTreeSet<String> {
    let items = world.table().into_iter();
    let of_it = items.filter(|item| {
        known
            .private
            .iter()
            .any(|text| item.contains(text.as_str()))
    });
    of_it.collect()
}

/// Returns the second account's attempts at a route: path with query, key and body.
fn attempts(world: &World, known: &Known, route: &str) -> Vec<(String, Option<String>, String)> {
    let line = json!([{"meter": "ai_tokens", "input_tokens": 10}]);
    let (_, path) = route.split_once(' ').expect("a method and a path");
    let path = path.replace("{session_id}", &known.session);
    let send = |query: &str, key: Option<&str>, body: Value| {
        let path = format!("{path}{query}");
        (path, key.map(str::to_owned), body.to_string())
    };
    match route {
        "POST /v1/usage" => {
            let own = json!({ "usage": line });
            let others = json!({"usage": line, "account_id": "acct_a"});
            vec![
                send("", Some(&known.key), own.clone()),
                send("", Some(&known.usage), own.clone()),
                send("", Some("k"), others),
                send("?account_id=acct_a", Some("k2"), own),
            ]
        }
        "POST /v1/usage/batch" => {
            let reused = json!({"idempotency_key": known.key, "usage": line});
            let own = json!({"idempotency_key": "k", "usage": line});
            let others = json!({"idempotency_key": "k", "account_id": "acct_a", "usage": line});
            vec![
                send("", None, json!({ "items": [reused] })),
                send("", None, json!({"account_id": "acct_a", "items": [own]})),
                send("", None, json!({ "items": [others] })),
            ]
        }
        "POST /v1/checkout" => {
            let own = world.order("pack_500k");
            let mut others = own.clone();
            others["account_id"] = "acct_a".into();
            vec![send("", Some("buy"), own), send("", Some("k"), others)]
        }
        "POST /v1/checkout/{session_id}/verify" => vec![
            send("", None, Value::Null),
            send("?account_id=acct_a", None, Value::Null),
            send("", None, json!({"account_id": "acct_a"})),
        ],
        "POST /v1/portal" => {
            let url = format!("{}/account", world.origin());
            let others = json!({"return_url": url, "account_id": "acct_a"});
            let of_others = json!({"return_url": url, "customer": known.customer});
            let own = json!({ "return_url": url });
            [own, others, of_others]
                .map(|body| send("", None, body))
                .into()
        }
        "POST /v1/estimate" => {
            let others = json!({"usage": line, "account_id": "acct_a"});
            vec![send("", None, others)]
        }
        // The webhook believes nothing without Stripe's signature.
        "POST /v1/webhooks/stripe" => {
            let paid = json!({"id": known.session});
            vec![send(
                "",
                None,
                event("evt_1", "checkout.session.completed", &paid),
            )]
        }
        route => {
            assert!(route.starts_with("GET "), "no attempts at {route}");
            reads(&path, &known.cursor)
        }
    }
}

/// Returns the attempts at a route that is read.
fn reads(path: &str, cursor: &str) -> Vec<(String, Option<String>, String)> {
    let queries = [
        String::new(),
        "?account_id=acct_a".to_owned(),
        "?account=acct_a".to_owned(),
        "?account_id=acct_b&account_id=acct_a".to_owned(),
        format!("?cursor={cursor}"),
    ];
    let reads = queries.map(|query| (format!("{path}{query}"), None, String::new()));
    reads.into()
}

#[tokio::test]
async fn no_account_reads_or_changes_another_accounts_data() {
    let world = World::start().await;
    let known = known(&world).await;
    world.available("acct_b").await;
    let before = of_the_first(&world, &known);
    assert!(before.len() > 8, "{}", before.len());
    let (token, mut tried) = (world.token("acct_b"), 0);
    let template = Template::of_the_project(&Template::local_parameters()).unwrap();
    for route in &template.routes {
        for (path, key, body) in attempts(&world, &known, &route.key()) {
            let answer: Answer = match route.method.as_str() {
                "GET" => world.get(&path, Some(&token)).await,
                _ => {
                    world
                        .post(&path, Some(&token), key.as_deref(), body.clone())
                        .await
                }
            };
            tried += 1;
            let (told, headers) = (answer.body.to_string(), format!("{:?}", answer.headers));
            for private in &known.private {
                // The response may echo the request's path or body.
                let echoed = path.contains(private.as_str()) || body.contains(private.as_str());
                let leaked = told.contains(private.as_str()) || headers.contains(private.as_str());
                assert!(
                    !leaked || echoed,
                    "{} {path}: {private} in {told}",
                    route.method
                );
            }
            assert!(answer.status < 500, "{path}: {told}");
            assert_eq!(
                of_the_first(&world, &known),
                before,
                "{} {path} {body}",
                route.method
            );
        }
    }
    assert!(tried >= 30, "{tried}");
}
