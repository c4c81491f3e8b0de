//! `sparks doctor` checks everything that a deployment needs and reports each result.

use serde_json::{Value, json};
use tests::World;

fn check<'a>(report: &'a Value, name: &str) -> (bool, &'a str) {
    let mut checks = report["checks"].as_array().unwrap().iter();
    let check = checks.find(|check| check["name"] == name).unwrap();
    (
        check["ok"].as_bool().unwrap(),
        check["detail"].as_str().unwrap(),
    )
}

/// Returns the names of the failed checks.
fn bad(report: &Value) -> Vec<&str> {
    let checks = report["checks"].as_array().unwrap().iter();
    checks
        .filter(|check| check["ok"] == false)
        .map(|check| check["name"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn all_checks_pass_in_a_deployment_that_was_set_up() {
    let world = World::start().await;
    let (ok, report) = world.doctor().await;
    assert!(ok, "{report}");
    let printed = world.sparks(&["doctor"]).await.unwrap();
    let names: Vec<&str> = printed
        .lines()
        .map(|line| line.strip_prefix("ok   ").unwrap())
        .map(|line| line.split_once(": ").unwrap().0)
        .collect();
    assert_eq!(
        names,
        [
            "configuration",
            "table",
            "key",
            "clock",
            "meter",
            "prices",
            "tax",
            "webhooks",
            "meter_errors",
            "langfuse"
        ]
    );
}

#[tokio::test]
async fn a_missing_or_malformed_variable_is_named_and_the_other_checks_run() {
    let world = World::start().await;
    let world = world
        .with("STRIPE_WEBHOOK_SECRETS", "")
        .with("ALLOWED_ORIGINS", "everywhere")
        .with("DELIVERY_BUDGET_MS", "1");
    let (ok, report) = world.doctor().await;
    assert!(!ok);
    assert_eq!(bad(&report), ["configuration"]);
    let (_, detail) = check(&report, "configuration");
    for fault in [
        "STRIPE_WEBHOOK_SECRETS is not set",
        "ALLOWED_ORIGINS must be a list of origins",
        "DELIVERY_BUDGET_MS must be a number",
    ] {
        assert!(detail.contains(fault), "{detail}");
    }

    let world = world.with("STRIPE_SECRET_KEY", "").with("TABLE_NAME", "");
    let (_, report) = world.doctor().await;
    let left = ["langfuse"];
    for name in [
        "table",
        "key",
        "clock",
        "meter",
        "prices",
        "webhooks",
        "meter_errors",
    ] {
        let (ok, detail) = check(&report, name);
        assert!(!ok && detail.contains(" is not set"), "{name}: {detail}");
    }
    assert!(check(&report, left[0]).0);
    assert!(bad(&report).contains(&"incidents"));
}

#[tokio::test]
async fn a_table_with_the_wrong_schema_is_reported() {
    let world = World::start().await;
    let texts = ["pk", "sort", "account", "ledger_at"]
        .map(|name| json!({"AttributeName": name, "AttributeType": "S"}));
    let key = |hash: &str, range: &str| {
        json!([
            {"AttributeName": hash, "KeyType": "HASH"}, {"AttributeName": range, "KeyType": "RANGE"},
        ])
    };
    let other = json!({
        "TableName": "other", "BillingMode": "PAY_PER_REQUEST", "KeySchema": key("pk", "sort"),
        "AttributeDefinitions": texts,
        "GlobalSecondaryIndexes": [{
            "IndexName": "ledger", "KeySchema": key("ledger_at", "account"),
            "Projection": {"ProjectionType": "KEYS_ONLY"},
        }],
    });
    world.stack.dynamodb.create_table(&other).unwrap();

    let world = world.with("TABLE_NAME", "other");
    let (_, report) = world.doctor().await;
    assert_eq!(
        check(&report, "table"),
        (
            false,
            "the table's keys are not `pk` and `sk`; \
             the index `ledger` does not have the keys `account` and `ledger_at`; the index `pending` is missing"
        )
    );

    let numbers = json!({
        "TableName": "numbers", "BillingMode": "PAY_PER_REQUEST", "KeySchema": key("pk", "sk"),
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "N"},
        ],
    });
    world.stack.dynamodb.create_table(&numbers).unwrap();
    let world = world.with("TABLE_NAME", "numbers");
    let (_, report) = world.doctor().await;
    let (_, said) = check(&report, "table");
    assert!(
        said.starts_with("the table's keys are not `pk` and `sk`"),
        "{said}"
    );

    let world = world.with("TABLE_NAME", "none");
    let (_, report) = world.doctor().await;
    assert_eq!(bad(&report), ["table", "incidents"]);
}

#[tokio::test]
async fn a_clock_that_is_off_by_more_than_a_minute_is_bad() {
    let world = World::start().await;
    world.stack.stripe.clock().skip(50);
    assert!(world.doctor().await.0);
    world.stack.stripe.clock().skip(50);
    let (_, report) = world.doctor().await;
    assert_eq!(bad(&report), ["clock"]);
    let (_, detail) = check(&report, "clock");
    assert!(
        detail.ends_with("seconds behind Stripe: set its clock"),
        "{detail}"
    );
    world.stack.stripe.clock().skip(-200);
    let (_, report) = world.doctor().await;
    let (ok, detail) = check(&report, "clock");
    assert!(!ok && detail.contains("ahead of Stripe"), "{detail}");
}

#[tokio::test]
async fn a_test_key_in_production_is_bad_and_a_live_key_elsewhere_is_a_warning() {
    let mut world = World::start().await;
    for (stage, key, ok, verdict) in [
        ("prod", "sk_test_1", false, "bad "),
        ("production", "rk_test_1", false, "bad "),
        ("live-eu", "sk_test_1", false, "bad "),
        ("prod", "sk_live_1", true, "ok  "),
        ("live", "rk_live_1", true, "ok  "),
        ("staging", "sk_live_1", true, "warn"),
        ("product-demo", "sk_test_1", true, "ok  "),
    ] {
        world = world.with("STAGE", stage).with("STRIPE_SECRET_KEY", key);
        let (_, report) = world.doctor().await;
        assert_eq!(check(&report, "key").0, ok, "{stage} {key}");
        let (printed, _) = world.sparks_printing(&["doctor"]).await;
        let line = format!("{verdict} key: {stage} has a ");
        assert!(printed.contains(&line), "{printed}");
    }
}

#[tokio::test]
async fn a_key_that_stripe_refuses_is_reported() {
    let world = World::start().await;
    let world = world.with("STRIPE_SECRET_KEY", "sk_test_other");
    let (_, report) = world.doctor().await;
    let at_stripe = ["clock", "meter", "prices", "webhooks", "meter_errors"];
    assert_eq!(bad(&report), at_stripe);
    let (_, detail) = check(&report, "clock");
    assert!(
        detail.contains("refused the key with status 401"),
        "{detail}"
    );
}

#[tokio::test]
async fn refused_langfuse_keys_are_bad_and_a_deployment_without_langfuse_is_in_order() {
    let world = World::start().await;
    let refuse = |status: &str| {
        world.langfuse_fails("/api/public/v2/observations", status, 1);
    };
    for (status, why) in [
        ("status:401", "refused the keys with status 401"),
        ("status:403", "refused the keys with status 403"),
        ("status:500", "failed with status 500"),
    ] {
        refuse(status);
        let (_, report) = world.doctor().await;
        assert_eq!(bad(&report), ["langfuse"]);
        let (_, detail) = check(&report, "langfuse");
        assert!(detail.contains(why), "{detail}");
    }
    assert!(world.spans().is_empty(), "a check sent spans");

    let world = world.with("LANGFUSE_SECRET_KEY", "sk-lf-other");
    let (_, report) = world.doctor().await;
    assert_eq!(bad(&report), ["langfuse"]);
    let world = world.with("LANGFUSE_SECRET_KEY", "");
    let (_, report) = world.doctor().await;
    assert_eq!(bad(&report), ["configuration", "langfuse"]);
    let world = world
        .with("LANGFUSE_HOST", "")
        .with("LANGFUSE_PUBLIC_KEY", "");
    let (ok, report) = world.doctor().await;
    assert!(ok && check(&report, "langfuse").1.contains("nothing is traced"));
}

#[tokio::test]
async fn a_disabled_or_missing_destination_of_meter_errors_is_reported() {
    let world = World::start().await;
    let destinations = "/v2/core/event_destinations";
    let listed = world.get_from_stripe(destinations).await;
    let id = listed["data"][0]["id"].as_str().unwrap();
    world
        .post_to_stripe(&format!("{destinations}/{id}/disable"), "")
        .await;
    let (_, report) = world.doctor().await;
    assert_eq!(bad(&report), ["meter_errors"]);
    assert!(check(&report, "meter_errors").1.contains("disabled"));
    world
        .delete_at_stripe(&format!("{destinations}/{id}"))
        .await;
    let (_, report) = world.doctor().await;
    assert!(check(&report, "meter_errors").1.starts_with("no event"));
}
