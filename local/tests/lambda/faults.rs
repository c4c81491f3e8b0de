//! Failures of a process, and the new process of the next invocation.

use std::path::Path;
use std::time::Duration;

use local::lambda::{InvokeError, Lambda, Options, StartError};

use super::function::{LONG, NO_TIME, options, script, started, tell, variables};

#[tokio::test]
async fn a_failed_function_keeps_its_process() {
    let lambda = started().await;

    let failed = tell(&lambda, "fail").await.unwrap_err();

    let InvokeError::Function(error) = failed else {
        panic!("{failed:?}");
    };
    assert_eq!(
        (&*error.error_type, &*error.error_message),
        ("Unhandled", "as it was told")
    );
    assert_eq!(tell(&lambda, "echo").await.unwrap()["count"], 2);
    assert_eq!(lambda.starts(), 1);
}

#[tokio::test]
async fn a_function_is_killed_on_a_timeout() {
    let lambda = started().await;
    let event = serde_json::json!({"do": "hang"});

    let late = lambda.invoke(&event, NO_TIME).await.unwrap_err();

    assert!(matches!(late, InvokeError::TimedOut(NO_TIME)), "{late:?}");
    assert_eq!(lambda.process_id(), None);
    assert_eq!(tell(&lambda, "echo").await.unwrap()["count"], 1);
    assert_eq!(lambda.starts(), 2);
}

#[tokio::test]
async fn the_invocation_of_a_killed_process_fails() {
    let lambda = started().await;
    let killed = async {
        lambda.line("hanging").await;
        lambda.kill().await;
        assert_eq!(lambda.process_id(), None);
    };

    let (died, ()) = tokio::join!(tell(&lambda, "hang"), killed);

    let died = died.unwrap_err();
    assert!(died.to_string().contains("signal: 9"), "{died}");
    assert_eq!(tell(&lambda, "echo").await.unwrap()["count"], 1);
}

#[tokio::test]
async fn the_invocation_of_an_exited_process_fails() {
    let lambda = started().await;

    let died = tell(&lambda, "exit").await.unwrap_err();

    assert!(died.to_string().contains("exit status: 7"), "{died}");
    assert_eq!(tell(&lambda, "echo").await.unwrap()["count"], 1);
}

#[tokio::test]
async fn a_process_that_ends_between_invocations_fails_none() {
    let lambda = started().await;
    lambda.kill().await;
    for expected in 2..5 {
        assert_eq!(tell(&lambda, "leave").await.unwrap()["count"], 1);
        assert_eq!(lambda.starts(), expected);
    }
}

#[tokio::test]
async fn an_abandoned_invocation_ends_its_process() {
    let lambda = started().await;

    tokio::select! {
        _ = tell(&lambda, "hang") => panic!("the function must hang"),
        _ = lambda.line("hanging") => {}
    }

    assert_eq!(tell(&lambda, "echo").await.unwrap()["count"], 1);
    assert_eq!(lambda.starts(), 2);
}

#[tokio::test]
async fn concurrent_invocations_queue() {
    let lambda = started().await;

    let (one, other) = tokio::join!(tell(&lambda, "echo"), tell(&lambda, "echo"));

    let mut counts = [one, other].map(|answer| answer.unwrap()["count"].as_u64());
    counts.sort_unstable();
    assert_eq!(counts, [Some(1), Some(2)]);
}

#[tokio::test]
async fn a_failed_start_has_a_reason() {
    let start = async |init: &str, init_limit: Duration| {
        let options = Options {
            init_limit,
            ..options()
        };
        let given = variables(&[("INIT", init)]);
        Lambda::start(script(), given, options).await.unwrap_err()
    };

    let StartError::Init(error) = start("error", LONG).await else {
        panic!("the function reports its own error");
    };
    assert_eq!(error.error_message, "no configuration");
    let exited = start("exit", LONG).await.to_string();
    assert!(exited.ends_with("exit status: 3"), "{exited}");
    let late = start("hang", Duration::from_millis(100)).await;
    assert!(matches!(late, StartError::TimedOut(_)), "{late:?}");
    let nowhere = Path::new("/nowhere/function");
    let none = Lambda::start(nowhere, variables(&[]), options()).await;
    assert!(matches!(none, Err(StartError::Spawn(..))));
}

#[tokio::test]
async fn a_lambda_that_is_dropped_or_stopped_leaves_no_process() {
    let there = |id: u32| {
        let id = rustix::process::Pid::from_raw(id.try_into().unwrap()).unwrap();
        rustix::process::test_kill_process(id).is_ok()
    };
    let (stopped, dropped) = (started().await, started().await);
    let ids = [&stopped, &dropped].map(|lambda| lambda.process_id().unwrap());
    assert!(ids.into_iter().all(there));

    stopped.stop().await;
    drop(dropped);

    assert!(!there(ids[0]));
    while there(ids[1]) {
        tokio::task::yield_now().await;
    }
}
