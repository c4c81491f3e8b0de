//! Several environments of a function, with and without a gateway.

use std::collections::BTreeSet;

use local::gateway::{Functions, Gateway};
use local::http::FREE_PORT;
use local::lambda::Fleet;
use local::template::Template;
use local::token::Keys;
use serde_json::{Value, json};

use super::function::{LONG, options, script, variables};

fn fleet(limit: usize) -> Fleet {
    Fleet::new(script(), variables(&[]), options(), limit)
}

#[tokio::test]
async fn a_free_environment_is_used_before_a_new_one_is_made() {
    let fleet = fleet(3);
    for count in 1..=3 {
        let answer = fleet.invoke(&json!({}), LONG).await.unwrap();
        assert_eq!(answer["count"], count);
    }
    assert_eq!(fleet.lambdas().len(), 1);
}

#[tokio::test]
async fn concurrent_invocations_get_an_environment_each_up_to_the_limit() {
    let fleet = fleet(2);
    let hanging = async |text: &str| {
        // Both hang, so they run at the same time.
        while fleet
            .lines()
            .iter()
            .filter(|line| line.text == text)
            .count()
            < 2
        {
            tokio::task::yield_now().await;
        }
        fleet.kill().await;
    };
    let (hang, echo) = (json!({"do": "hang"}), json!({"do": "echo"}));

    let (one, other, third, ()) = tokio::join!(
        fleet.invoke(&hang, LONG),
        fleet.invoke(&hang, LONG),
        fleet.invoke(&echo, LONG),
        hanging("hanging"),
    );

    one.unwrap_err();
    other.unwrap_err();
    assert_eq!(third.unwrap()["count"], 1);
    assert_eq!(fleet.lambdas().len(), 2);
}

#[tokio::test]
async fn a_gateway_invokes_processes() {
    let template = Template::of_the_project(&Template::local_parameters()).unwrap();
    let fleets = template.functions.keys();
    let fleets = fleets.map(|name| (name.clone(), fleet(1))).collect();
    let functions = Functions::Processes(fleets);
    let gateway = Gateway::start(FREE_PORT, template, functions, Keys::generate())
        .await
        .unwrap();
    let mut processes = BTreeSet::new();
    for path in ["/v1/balance", "/v1/balance", "/v1/usage"] {
        let url = format!("{}{path}", gateway.url());
        let request = if path == "/v1/usage" {
            local::client::plain().post(url)
        } else {
            local::client::plain().get(url)
        };
        let token = gateway.token("acct_1", None);
        let response = request.bearer_auth(token).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(body["path"], path);
        processes.insert(body["process"].as_u64().unwrap());
    }
    assert_eq!(processes.len(), 2, "one for each function");
}
