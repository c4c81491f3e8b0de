//! Invocations: the input of a process, and the handling of its responses.

use jiff::Timestamp;
use local::clock::Clock;
use local::lambda::{InvokeError, Lambda, Stream};
use serde_json::json;

use super::function::{LONG, options, script, started, tell, variables};

#[tokio::test]
async fn a_process_serves_several_events() {
    let lambda = started().await;

    let first = lambda.invoke(&json!({"a": [1, "ü"]}), LONG).await.unwrap();
    let second = tell(&lambda, "echo").await.unwrap();

    assert_eq!(first["event"], json!({"a": [1, "ü"]}));
    assert_eq!((&first["count"], &second["count"]), (&json!(1), &json!(2)));
    assert_eq!(first["process"], second["process"]);
    assert_eq!(
        lambda.process_id().map(Into::into),
        first["process"].as_u64()
    );
    assert_eq!(lambda.starts(), 1);
}

#[tokio::test]
async fn a_process_sees_only_its_own_variables_and_lambdas() {
    let given = variables(&[("TABLE_NAME", "t"), ("AWS_REGION", "eu-central-1")]);
    let lambda = Lambda::new(script(), given, options());

    let answer = tell(&lambda, "echo").await.unwrap();

    let environment = answer["environment"].as_object().unwrap();
    let expected = [
        ("TABLE_NAME", "t"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_LAMBDA_FUNCTION_NAME", "record-usage"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("TZ", ":UTC"),
    ];
    for (name, value) in expected {
        assert_eq!(environment[name], value, "{name}");
    }
    let address = environment["AWS_LAMBDA_RUNTIME_API"].as_str().unwrap();
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    for name in ["HOME", "CARGO_MANIFEST_DIR", "RUST_LOG"] {
        assert!(!environment.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn an_invocation_has_an_id_and_a_deadline() {
    let lambda = started().await;
    let before = Clock::system().now();

    let answer = tell(&lambda, "echo").await.unwrap();
    let other = tell(&lambda, "echo").await.unwrap();

    let header = |name: &str| answer["headers"][name].as_str().unwrap();
    assert_eq!(
        header("lambda-runtime-invoked-function-arn"),
        "arn:aws:lambda:us-east-1:000000000000:function:record-usage"
    );
    assert!(header("lambda-runtime-trace-id").starts_with("Root=1-"));
    let id = "lambda-runtime-aws-request-id";
    assert_ne!(header(id), other["headers"][id]);
    assert_eq!(header(id).len(), 36);
    let deadline = header("lambda-runtime-deadline-ms").parse().unwrap();
    let deadline = Timestamp::from_millisecond(deadline).unwrap();
    assert!(deadline > before && deadline < before + 2 * LONG);
}

#[tokio::test]
async fn long_output_is_kept_line_by_line() {
    let lambda = started().await;

    // More than a pipe holds: without a reader the process would block.
    let event = json!({"do": "print", "lines": 500});
    lambda.invoke(&event, LONG).await.unwrap();

    let error = lambda.line("an error").await;
    assert_eq!(error.stream, Stream::Err);
    lambda.line("499 x").await;
    let lines = lambda.lines();
    let printed = lines.iter().filter(|line| line.stream == Stream::Out);
    assert_eq!(printed.count(), 500);
}

#[tokio::test]
async fn a_response_to_another_invocation_is_refused() {
    let lambda = started().await;

    let answer = tell(&lambda, "wrong id").await.unwrap();

    assert_eq!(answer, json!(null));
    lambda.line("refused 400").await;
}

#[tokio::test]
async fn a_malformed_or_too_large_response_is_an_error() {
    let lambda = started().await;

    let garbled = tell(&lambda, "garble").await.unwrap_err();
    let large = tell(&lambda, "large").await.unwrap_err();

    assert!(matches!(garbled, InvokeError::NotJson(_)), "{garbled:?}");
    let InvokeError::Function(large) = large else {
        panic!("{large:?}");
    };
    assert_eq!(large.error_type, "Function.ResponseSizeTooLarge");
    assert_eq!(lambda.starts(), 1);
}
