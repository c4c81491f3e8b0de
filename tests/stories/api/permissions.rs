//! Each function may do at AWS what it does, and nothing else.
//!
//! Every story shows that no permission is missing: the table refuses whatever a function's policy does not allow.
//! These tests show that no permission is superfluous: their scenes use every permission in the template.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use http::StatusCode;
use jiff::SignedDuration;
use local::dynamodb::Permission;
use local::template::{Function, Template};
use serde_json::{Value, json};
use shared::process::Setup;
use shared::process::clock::Clock;
use shared::process::config::Environment;
use shared::process::transport::Transport;
use tests::World;

fn tokens(member: Option<&str>) -> Value {
    json!({"usage": [{"meter": "ai_tokens", "input_tokens": 10}], "member_id": member})
}

fn template() -> Template {
    Template::of_the_project(&Template::local_parameters()).unwrap()
}

/// Returns everything that a function's policy allows at the table.
fn allowed(name: &str, function: &Function) -> BTreeSet<Permission> {
    let statements = function.statements.iter();
    let pairs = statements.flat_map(|statement| {
        let resources = |action| {
            statement
                .resources
                .iter()
                .map(move |resource| (action, resource))
        };
        statement.actions.iter().flat_map(resources)
    });
    let at_table = pairs.filter(|(action, _)| action.starts_with("dynamodb:"));
    let allowed =
        at_table.map(|(action, resource)| (name.to_owned(), action.clone(), resource.clone()));
    allowed.collect()
}

#[tokio::test]
async fn every_permission_is_used() {
    let mut used: BTreeSet<Permission> = BTreeSet::new();
    for world in [
        usage().await,
        purchases().await,
        plans().await,
        left_over().await,
        unheard().await,
    ] {
        used.extend(world.stack.dynamodb.access().used());
    }
    let template = template();
    let functions = template.functions.iter();
    let allowed = functions.flat_map(|(name, function)| allowed(name, function));
    let unused: Vec<Permission> = allowed.filter(|one| !used.contains(one)).collect();
    assert!(unused.is_empty(), "{unused:#?}");
}

/// An account is opened, records usage, and reads its balance, usage and ledger.
async fn usage() -> World {
    let world = World::at_noon().await;
    world.charged("acct_a", "k1", &tokens(Some("m_1"))).await;
    let again = world.record("acct_a", "k1", &tokens(Some("m_1"))).await;
    assert!(again.is_replay());
    let token = world.token("acct_a");
    for path in ["/v1/balance", "/v1/usage", "/v1/ledger"] {
        world.get(path, Some(&token)).await.expect(StatusCode::OK);
    }
    world.available("acct_b").await;
    // The first request of a month settles the free Sparks of the month before.
    let world = world.later(SignedDuration::from_hours(24 * 31)).await;
    world.available("acct_a").await;
    world.available("acct_b").await;
    world
}

/// Packs are ordered, paid, verified and refunded.
async fn purchases() -> World {
    let world = World::at_noon().await;
    let (_, payment) = world.buy("acct_a", "pack_500k", "k1").await;
    world.refund(&payment, 500).await;
    let session = world.open("acct_a", "pack_500k").await;
    world.verified("acct_a", &session).await;
    world.open("acct_a", "pack_500k").await;
    world
}

/// Plans are subscribed to, renewed and read.
async fn plans() -> World {
    let world = World::at_noon().await;
    let subscription = world.subscribe("acct_a", "plus").await;
    world.subscription("acct_a").await.expect(StatusCode::OK);
    // Reading the subscription grants a renewal that no webhook reported.
    world.drop_webhooks();
    world.renew(&subscription, "succeeded").await;
    world.subscription("acct_a").await.expect(StatusCode::OK);
    assert_eq!(world.credits("acct_a").len(), 2);
    world.stack.stripe.faults().clear();
    // The first function to find a customer deleted grants what that customer has paid.
    for (account, checks_out) in [("acct_c", true), ("acct_d", false)] {
        world.subscribe(account, "plus").await;
        world.drop_webhooks();
        let last = world.stripe_objects("customers").pop().unwrap()["id"].clone();
        world.delete_customer(last.as_str().unwrap()).await;
        if checks_out {
            world.open(account, "pack_500k").await;
        } else {
            let body = json!({"return_url": format!("{}/account", world.origin())});
            world.portal(account, &body).await;
        }
        world.stack.stripe.faults().clear();
    }
    let body = json!({"return_url": format!("{}/account", world.origin())});
    let nobody = world.portal("acct_new", &body).await;
    assert_eq!(nobody.refusal(), (409, "no_customer"));
    world
}

/// The outbox finishes what the flows left over.
async fn left_over() -> World {
    let world = World::with_a_parcel_due().await;
    world.deliver().await;
    world
}

/// An inquiry becomes a dispute, and no webhook reports it.
async fn unheard() -> World {
    let world = World::start_at("2026-11-22T12:00:00Z").await;
    let (_, payment) = world.buy("acct_a", "pack_500k", "pack").await;
    let dispute = world.dispute(&payment, 500, "warning_needs_response").await;
    world.drop_webhooks();
    world.dispute_is(&dispute, "needs_response").await;
    let world = world.later(SignedDuration::from_hours(25)).await;
    world.deliver().await;
    world
}

/// A function's variables name its parameters, and it may read these and no others.
#[test]
fn each_function_may_read_the_secrets_that_it_names() {
    let mut with_secrets = 0;
    for (name, function) in template().functions {
        let named = function.variables.iter();
        let named: BTreeSet<String> = named
            .filter_map(|variable| variable.strip_suffix("_PARAMETER"))
            .map(|variable| variable.to_lowercase().replace('_', "-"))
            .collect();
        let statements = function.statements.iter();
        let parameters = statements.filter(|one| one.actions == ["ssm:GetParameters"]);
        let readable: BTreeSet<String> = parameters
            .flat_map(|statement| &statement.resources)
            .map(|resource| resource.rsplit('/').next().unwrap_or_default().to_owned())
            .collect();
        assert_eq!(named, readable, "{name}");
        with_secrets += usize::from(!named.is_empty());
    }
    assert_eq!(with_secrets, 6, "all but the one that reads accounts");
}

#[test]
fn no_function_may_scan_delete_or_use_a_wildcard() {
    let functions = template().functions;
    assert_eq!(functions.len(), 7);
    for (name, function) in functions {
        assert!(!function.statements.is_empty(), "{name}");
        for statement in function.statements {
            for action in &statement.actions {
                let known = [
                    "dynamodb:GetItem",
                    "dynamodb:BatchGetItem",
                    "dynamodb:PutItem",
                    "dynamodb:UpdateItem",
                    "dynamodb:ConditionCheckItem",
                    "dynamodb:Query",
                    "ssm:GetParameters",
                ];
                assert!(known.contains(&action.as_str()), "{name}: {action}");
            }
            for resource in &statement.resources {
                assert!(!resource.contains('*'), "{name}: {resource}");
            }
        }
    }
}

/// A function whose call is refused reads nothing and changes nothing.
#[tokio::test]
async fn the_table_refuses_what_no_policy_allows() {
    let world = World::at_noon().await;
    let access = world.stack.dynamodb.access();
    world.charged("acct_a", "k1", &tokens(None)).await;
    assert!(
        access
            .used()
            .iter()
            .all(|(function, ..)| function == "record-usage")
    );
    assert!(!access.used().is_empty());
    for (operation, body) in [
        ("Scan", json!({"TableName": "sparks-local"})),
        (
            "DeleteItem",
            json!({"TableName": "sparks-local", "Key": {"pk": {"S": "A#acct_a"}, "sk": {"S": "A"}}}),
        ),
        (
            "GetItem",
            json!({"TableName": "sparks-local", "Key": {"pk": {"S": "INCIDENTS"}, "sk": {"S": "x"}}}),
        ),
        (
            "TransactWriteItems",
            json!({"TransactItems": [{"Delete": {"TableName": "sparks-local", "Key": {"pk": {"S": "A#acct_a"}, "sk": {"S": "A"}}}}]}),
        ),
    ] {
        let answer = world.at_dynamodb("record-usage", operation, &body).await;
        assert_eq!(answer.status, 400, "{operation}");
        let kind = answer.body["__type"].as_str().unwrap();
        assert!(
            kind.ends_with("#AccessDeniedException"),
            "{operation}: {kind}"
        );
    }
    assert_eq!(world.available("acct_a").await, "9999.000");
}

/// Returns the variables that a function looks up at its cold start.
macro_rules! read_by {
    ($function:ident, $world:expr) => {{
        let read = Mutex::new(BTreeSet::new());
        let lookup = |name: &str| {
            read.lock().unwrap().insert(name.to_owned());
            $world.environment().get(name).cloned()
        };
        let environment = Environment::from_lookup(&lookup);
        $function::App::new(Setup {
            environment,
            transport: &Transport::network(),
            clock: &Clock::system(),
        })
        .unwrap();
        read.into_inner().unwrap()
    }};
}

#[tokio::test]
async fn each_function_is_given_the_variables_that_it_reads() {
    let world = World::at_noon().await;
    let read = BTreeMap::from([
        ("create-checkout", read_by!(create_checkout, world)),
        ("create-portal", read_by!(create_portal, world)),
        ("deliver-outbox", read_by!(deliver_outbox, world)),
        ("read-account", read_by!(read_account, world)),
        ("record-usage", read_by!(record_usage, world)),
        ("stripe-webhook", read_by!(stripe_webhook, world)),
        ("verify-payment", read_by!(verify_payment, world)),
    ]);
    let functions = template().functions;
    assert_eq!(functions.len(), read.len());
    for (name, function) in functions {
        let given = function.variables.iter();
        let given: BTreeSet<String> = given
            .map(|variable| variable.trim_end_matches("_PARAMETER").to_owned())
            .collect();
        let mut read = read[name.as_str()].clone();
        read.retain(|variable| !variable.starts_with("AWS_"));
        // Every function reads this one before everything else.
        read.insert("RUST_LOG".to_owned());
        assert_eq!(read, given, "{name}");
    }
}
