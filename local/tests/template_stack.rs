//! Tests that a started stack matches the template, and gives the functions their environment.

use std::time::Duration;

use local::stack::{Options, Stack, TABLE};
use local::template::Template;
use serde_json::json;

/// The variables that come from the output of `sparks stripe-setup`.
const MADE_AT_STRIPE: [&str; 3] = [
    "STRIPE_PORTAL_CONFIGURATION",
    "STRIPE_PRICE_IDS",
    "STRIPE_WEBHOOK_SECRETS",
];

#[tokio::test]
async fn a_stack_gives_every_variable_that_a_function_reads() {
    let stack = Stack::start(Options::default()).await.unwrap();
    let environment = stack.environment();
    let template = Template::of_the_project(&Template::local_parameters()).unwrap();
    assert_eq!(template.functions.len(), 7);
    for (name, function) in &template.functions {
        assert!(!function.variables.is_empty(), "{name} has no variables");
        let missing: Vec<_> = function
            .variables
            .iter()
            .map(|variable| variable.trim_end_matches("_PARAMETER"))
            .filter(|variable| !environment.contains_key(*variable))
            .filter(|variable| !MADE_AT_STRIPE.contains(variable))
            .collect();
        assert!(missing.is_empty(), "{name} needs {missing:?}");
    }
}

#[tokio::test]
async fn several_stacks_run_at_once_and_each_has_its_own_empty_table() {
    let one = Stack::start(Options::default()).await.unwrap();
    let other = Stack::start(Options::default()).await.unwrap();
    assert_ne!(one.dynamodb.url(), other.dynamodb.url());
    for stack in [&one, &other] {
        assert!(stack.dynamodb.items(TABLE).unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_stopped_stack_frees_its_ports() {
    let stack = Stack::start(Options::default()).await.unwrap();
    let url = stack.dynamodb.url();
    let address: std::net::SocketAddr = url.trim_start_matches("http://").parse().unwrap();
    stack.stop().await;
    std::net::TcpListener::bind(address).unwrap();
}

#[tokio::test]
async fn a_stack_with_a_folder_keeps_its_state() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("kept-stack");
    let _ = std::fs::remove_dir_all(&directory);
    let options = Options {
        directory: Some(directory),
        ..Options::default()
    };
    let stack = Stack::start(options.clone()).await.unwrap();
    let customer = local::client::plain()
        .post(format!("{}/v1/customers", stack.stripe.url()))
        .header("authorization", "Bearer sk_test_local")
        .header("stripe-version", "2026-10-28.endive")
        .header("content-type", "application/x-www-form-urlencoded")
        .body("metadata[account]=acct_a");
    assert_eq!(customer.send().await.unwrap().status(), 200);
    let item = json!({"pk": {"S": "A#acct_a"}, "sk": {"S": "A"}, "available": {"N": "5"}});
    let put = json!({"TableName": TABLE, "Item": item});
    let put = local::client::plain()
        .post(stack.dynamodb.url())
        .header("x-amz-target", "DynamoDB_20120810.PutItem")
        .header("x-amz-date", "20261122T000000Z")
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=local/b, SignedHeaders=host, Signature=c",
        )
        .body(put.to_string());
    assert_eq!(put.send().await.unwrap().status(), 200);
    stack.stop().await;

    let stack = Stack::start(options).await.unwrap();

    assert_eq!(stack.dynamodb.items(TABLE).unwrap(), [item]);
    let customers = &stack.stripe.state()["customers"];
    assert_eq!(customers[0]["metadata"]["account"], "acct_a");
}

#[tokio::test]
async fn a_stack_may_have_slow_providers() {
    let options = Options {
        stripe_latency: Duration::from_millis(120),
        langfuse_ingestion_delay: Duration::from_secs(15),
        ..Options::default()
    };
    let stack = Stack::start(options).await.unwrap();
    let begun = tokio::time::Instant::now();

    let answer = local::client::plain()
        .get(format!("{}/v1/customers", stack.stripe.url()))
        .send()
        .await
        .unwrap();

    assert_eq!(answer.status(), 401);
    assert!(begun.elapsed() >= Duration::from_millis(120));
    stack.stripe.clock().skip(60);
    let (one, other) = (stack.stripe.clock().now(), stack.langfuse.clock().now());
    assert!(
        other.duration_since(one).as_secs() == 0,
        "the fakes share a clock"
    );
}
