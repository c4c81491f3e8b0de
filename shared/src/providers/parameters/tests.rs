//! Tests that secrets come from one signed call. Errors name the variable and no secret.

use std::sync::{Arc, Mutex};

use http::Response;

use super::*;

type Calls = Arc<Mutex<Vec<Request<Bytes>>>>;

fn clock() -> Clock {
    Clock::skipping_from("2026-11-22T20:15:00Z".parse().unwrap())
}

/// A transport that returns these responses, call by call, and keeps the calls.
fn answering(answers: &[(u16, &'static str)]) -> (Transport, Calls) {
    let calls = Calls::default();
    let kept = Arc::clone(&calls);
    let answers = answers.to_vec();
    let transport = Transport::in_process(Arc::new(move |request, _| {
        let mut calls = kept.lock().unwrap();
        let (status, body) = answers[calls.len().min(answers.len() - 1)];
        calls.push(request);
        let answer = Response::builder().status(status).body(body.into());
        Box::pin(async { Ok(answer.unwrap()) })
    }));
    (transport, calls)
}

fn variable(name: &str) -> Option<String> {
    let value = match name {
        "AWS_REGION" => "eu-central-1",
        "AWS_ACCESS_KEY_ID" => "AKIA",
        "AWS_SECRET_ACCESS_KEY" => "canary-aws",
        "AWS_SESSION_TOKEN" => "canary-session",
        "STAGE" => "prod",
        "STRIPE_SECRET_KEY_PARAMETER" => "/sparks/stripe-secret-key",
        "LANGFUSE_SECRET_KEY_PARAMETER" => "/sparks/langfuse-secret-key",
        _ => return None,
    };
    Some(value.to_owned())
}

const FOUND: &str = r#"{"InvalidParameters": [], "Parameters": [
    {"Name": "/sparks/stripe-secret-key", "Type": "SecureString", "Value": "sk_live_canary"},
    {"Name": "/sparks/langfuse-secret-key", "Type": "SecureString", "Value": "sk-lf-canary"}]}"#;

#[tokio::test]
async fn secrets_are_read_in_one_signed_call_into_their_variables() {
    let (transport, calls) = answering(&[(200, FOUND)]);
    let parameters =
        Parameters::read(Environment::from_lookup(&variable), &transport, &clock()).await;
    let parameters = parameters.unwrap();
    let environment = parameters.environment();
    let stripe = environment.required_stripe().unwrap();
    assert_eq!(stripe.secret_key.expose_secret(), "sk_live_canary");
    assert_eq!(environment.stage().unwrap(), "prod");
    assert!(!format!("{parameters:?}").contains("canary"));

    let calls = calls.lock().unwrap();
    let [call] = calls.as_slice() else {
        panic!("{} calls", calls.len());
    };
    assert_eq!(call.uri(), "https://ssm.eu-central-1.amazonaws.com/");
    assert_eq!(call.headers()["x-amz-target"], "AmazonSSM.GetParameters");
    assert_eq!(call.headers()["x-amz-security-token"], "canary-session");
    let signature = call.headers()["authorization"].to_str().unwrap();
    assert!(signature.starts_with("AWS4-HMAC-SHA256 Credential=AKIA/"));
    assert!(signature.contains("/eu-central-1/ssm/aws4_request"));
    let body: serde_json::Value = serde_json::from_slice(call.body()).unwrap();
    let names = ["/sparks/langfuse-secret-key", "/sparks/stripe-secret-key"];
    assert_eq!(body, json!({"Names": names, "WithDecryption": true}));
}

#[tokio::test]
async fn no_call_is_made_if_no_parameter_is_named() {
    let (transport, calls) = answering(&[(500, "")]);
    let lookup = |name: &str| variable(name).filter(|_| !name.ends_with("_PARAMETER"));
    let parameters =
        Parameters::read(Environment::from_lookup(&lookup), &transport, &clock()).await;
    assert_eq!(parameters.unwrap().environment().stage().unwrap(), "prod");
    assert!(calls.lock().unwrap().is_empty());
}

#[tokio::test]
async fn transient_failures_are_retried_and_errors_name_their_cause() {
    const DENIED: &str = r#"{"__type": "AccessDeniedException", "message": "canary"}"#;
    const BUSY: &str = r#"{"__type": "ThrottlingException"}"#;
    const ONE: &str =
        r#"{"Parameters": [{"Name": "/sparks/stripe-secret-key", "Value": "canary"}]}"#;
    for (answers, calls_made, expected) in [
        (&[(500, ""), (200, FOUND)][..], 2, None),
        (&[(400, BUSY), (400, BUSY), (200, FOUND)], 3, None),
        (&[(500, "")], usize::MAX, Some("refused with status 500")),
        (&[(400, DENIED)], 1, Some("AccessDeniedException")),
        (&[(200, "canary")], 1, Some("cannot be read")),
        (
            &[(200, ONE)],
            1,
            Some("LANGFUSE_SECRET_KEY_PARAMETER names `/sparks/langfuse-secret-key`"),
        ),
    ] {
        let (transport, calls) = answering(answers);
        let read =
            Parameters::read(Environment::from_lookup(&variable), &transport, &clock()).await;
        let failed = read.err().map(|error| error.to_string());
        match (expected, &failed) {
            (None, None) => {}
            (Some(expected), Some(failed)) => {
                assert!(failed.contains(expected), "{failed}");
                assert!(!failed.contains("canary"), "{failed}");
            }
            _ => panic!("{failed:?}"),
        }
        let calls = calls.lock().unwrap().len();
        // `usize::MAX` stands for attempts until the time is up.
        let so_many = calls == calls_made || calls_made == usize::MAX && calls > 5;
        assert!(so_many, "{expected:?}: {calls}");
    }
}

#[tokio::test]
async fn a_secret_that_is_both_set_and_named_stops_the_start() {
    let (transport, _) = answering(&[(200, FOUND)]);
    let lookup = |name: &str| match name {
        "STRIPE_SECRET_KEY" => Some("sk_test_1".to_owned()),
        _ => variable(name),
    };
    let read = Parameters::read(Environment::from_lookup(&lookup), &transport, &clock()).await;
    let failed = read.unwrap_err().to_string();
    assert!(failed.contains("STRIPE_SECRET_KEY_PARAMETER"), "{failed}");
}
