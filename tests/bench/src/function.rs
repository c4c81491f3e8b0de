//! A function's binary, as Lambda runs it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use local::lambda::{Lambda, Options, StartError};
use serde_json::Value;

use crate::world::Failure;

/// Maximum time of a start, which takes fifty times as long under `callgrind`.
const INIT_LIMIT: Duration = Duration::from_mins(2);

/// Maximum time of an invocation, likewise.
const INVOCATION_LIMIT: Duration = Duration::from_mins(1);

/// Memory of a function, as in `template.yaml`.
const MEMORY_MB: u32 = 256;

/// All functions.
pub const ALL: [&str; 7] = [
    "create-checkout",
    "create-portal",
    "deliver-outbox",
    "read-account",
    "record-usage",
    "stripe-webhook",
    "verify-payment",
];

/// Returns the path of a function's binary, which is built beside this program.
pub fn binary(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    // Benches are in a folder of their own below it: `target/release/deps`.
    let mut folders = own.ancestors().skip(1).take(2);
    let found = folders.find(|folder| folder.join(name).is_file());
    let folder = found.ok_or_else(|| format!("`{name}` was not built"))?;
    Ok(folder.join(name))
}

/// Starts a process, and waits until it asks for its first invocation.
pub async fn start(
    binary: &Path,
    variables: &BTreeMap<String, String>,
) -> Result<Lambda, StartError> {
    let options = Options {
        memory_mb: MEMORY_MB,
        init_limit: INIT_LIMIT,
        ..Options::default()
    };
    Lambda::start(binary, variables.clone(), options).await
}

/// Invokes a function, and returns the body of its response. Fails unless the status is a success.
pub async fn invoke(lambda: &Lambda, event: &Value) -> Result<Value, Failure> {
    let logged = || {
        let lines = lambda.lines().into_iter().rev().take(3);
        lines.map(|line| line.text).collect::<Vec<_>>()
    };
    let answer = lambda.invoke(event, INVOCATION_LIMIT).await;
    let answer = answer.map_err(|error| format!("{error}: {:?}", logged()))?;
    // A scheduled function returns a report.
    let Some(status) = answer.get("statusCode").and_then(Value::as_u64) else {
        return Ok(answer);
    };
    let body = answer["body"].as_str().unwrap_or_default();
    if status >= 300 {
        return Err(format!("the function returned {status}: {body} {:?}", logged()).into());
    }
    Ok(serde_json::from_str(body).unwrap_or_default())
}
