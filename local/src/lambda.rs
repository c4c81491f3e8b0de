//! Functions as AWS Lambda runs them: the real binary in its own process.
//!
//! A [`Lambda`] is one execution environment. Its process sees the given variables and those that Lambda sets, polls a
//! Runtime API on a loopback port for work, and gets one invocation at a time. After a timeout or a crash the process
//! is gone, and the next invocation starts a new one. A [`Fleet`] is all environments of a function.
//!
//! Unlike at Lambda, an idle process is not frozen, and memory has no limit.
//!
//! ```no_run
//! # use std::{collections::BTreeMap, path::Path, time::Duration};
//! # use local::lambda::{Lambda, Options};
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let binary = Path::new("target/debug/record-usage");
//! let lambda = Lambda::start(binary, BTreeMap::new(), Options::default()).await?;
//! let event = serde_json::json!({"rawPath": "/v1/usage"});
//! let answer = lambda.invoke(&event, Duration::from_secs(3)).await?;
//! # Ok(())
//! # }
//! ```

mod environment;
mod fleet;
mod output;
mod runtime_api;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;

pub use fleet::Fleet;
pub use output::{Line, Stream};

use environment::{Environment, Handle, Outcome};
use output::Output;

/// Limit for a function to ask for its first invocation.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// The number of processes that get an invocation if each ends without taking it.
const MAX_STARTS: usize = 2;

/// The configuration of a function at Lambda.
#[derive(Clone, Debug)]
pub struct Options {
    /// The function's name.
    pub name: String,
    /// The memory size that the function is given; it is not enforced.
    pub memory_mb: u32,
    /// The region.
    pub region: String,
    /// Limit for it to ask for its first invocation.
    pub init_limit: Duration,
}

impl Default for Options {
    /// A small function in `us-east-1`.
    fn default() -> Self {
        Self {
            name: "function".to_owned(),
            memory_mb: 128,
            region: "us-east-1".to_owned(),
            init_limit: INIT_LIMIT,
        }
    }
}

/// An error that a function or its runtime reports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FunctionError {
    /// The error's type.
    pub error_type: String,
    /// The error's message.
    pub error_message: String,
}

/// An error that keeps a function from starting.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The binary does not exist, or cannot be run.
    #[error("cannot run `{0}`")]
    Spawn(PathBuf, #[source] std::io::Error),
    /// No port could be bound for the Runtime API.
    #[error("the Runtime API does not start")]
    Server(#[from] crate::http::Error),
    /// The function reported an error of its initialisation.
    #[error("the function failed to start: {}: {}", .0.error_type, .0.error_message)]
    Init(FunctionError),
    /// The process ended before it asked for an invocation.
    #[error("the process ended before it asked for an invocation: {0}")]
    Exited(ExitStatus),
    /// The process did not ask for an invocation in time, and was killed.
    #[error("the process did not ask for an invocation in {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// An error in place of an invocation's result.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// No process could be started for it.
    #[error("the function does not start")]
    Start(#[from] StartError),
    /// The function reported an error; its process lives on.
    #[error("the function failed: {}: {}", .0.error_type, .0.error_message)]
    Function(FunctionError),
    /// The function timed out, and was killed.
    #[error("the function timed out after {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The process ended during the invocation.
    #[error("the process ended: {0}")]
    Exited(ExitStatus),
    /// The response is not JSON.
    #[error("the response is not JSON")]
    NotJson(#[source] serde_json::Error),
}

/// One execution environment of a function. It has at most one process, which is killed when this is dropped.
#[derive(Debug)]
pub struct Lambda {
    binary: PathBuf,
    variables: BTreeMap<String, String>,
    options: Options,
    output: Output,
    /// The process while it is idle.
    environment: tokio::sync::Mutex<Option<Environment>>,
    /// A handle to the process, idle or not, for killing it.
    handle: Mutex<Option<Handle>>,
    starts: AtomicU64,
}

impl Lambda {
    /// Creates a function whose process starts with its first invocation.
    pub fn new(binary: &Path, variables: BTreeMap<String, String>, options: Options) -> Self {
        Self {
            binary: binary.to_owned(),
            variables,
            options,
            output: Output::default(),
            environment: tokio::sync::Mutex::default(),
            handle: Mutex::default(),
            starts: AtomicU64::new(0),
        }
    }

    /// Creates a function whose process is ready for its first invocation.
    pub async fn start(
        binary: &Path,
        variables: BTreeMap<String, String>,
        options: Options,
    ) -> Result<Self, StartError> {
        let lambda = Self::new(binary, variables, options);
        let environment = lambda.begin().await?;
        *lambda.environment.lock().await = Some(environment);
        Ok(lambda)
    }

    /// Returns the function's response to an event. Concurrent invocations queue.
    ///
    /// The timeout counts from when the process is ready. The process is killed on a timeout, and when the caller stops
    /// waiting.
    pub async fn invoke(&self, event: &Value, timeout: Duration) -> Result<Value, InvokeError> {
        let mut idle = self.environment.lock().await;
        let event = Bytes::from(event.to_string());
        let mut ended = ExitStatus::default();
        for _ in 0..MAX_STARTS {
            let environment = match idle.take().filter(Environment::is_running) {
                Some(environment) => environment,
                None => self.begin().await?,
            };
            match environment.invoke(event.clone(), timeout).await {
                Outcome::Answered(answer) => {
                    *idle = Some(environment);
                    let answer = answer.map_err(InvokeError::Function)?;
                    return serde_json::from_slice(&answer).map_err(InvokeError::NotJson);
                }
                Outcome::TimedOut => {
                    environment.kill().await;
                    return Err(InvokeError::TimedOut(timeout));
                }
                Outcome::Exited(status) => return Err(InvokeError::Exited(status)),
                // It ended while it was idle, which is noticed only now.
                Outcome::NotTaken(status) => ended = status,
            }
        }
        Err(InvokeError::Exited(ended))
    }

    /// Kills the process as a crash would, and returns when it is gone. An invocation under way fails, and the next one
    /// starts a new process.
    pub async fn kill(&self) {
        let handle = self.handle().clone();
        if let Some(handle) = handle {
            handle.kill().await;
        }
    }

    /// Returns the id of its process, if there is one.
    pub fn process_id(&self) -> Option<u32> {
        self.handle().as_ref()?.process_id()
    }

    /// Returns the number of processes started so far.
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    /// Returns the lines that its processes have written to both streams, in order.
    pub fn lines(&self) -> Vec<Line> {
        self.output.lines()
    }

    /// Waits for a line that contains `text`.
    pub async fn line(&self, text: &str) -> Line {
        self.output.line(text).await
    }

    /// Kills its process, and returns when it is gone.
    pub async fn stop(self) {
        self.kill().await;
    }

    async fn begin(&self) -> Result<Environment, StartError> {
        let number = self.starts.fetch_add(1, Ordering::Relaxed) + 1;
        let output = self.output.clone();
        let variables = &self.variables;
        let spawned = Environment::spawn(&self.binary, variables, &self.options, number, output);
        let environment = spawned.await?;
        *self.handle() = Some(environment.handle());
        environment.ready(self.options.init_limit).await?;
        Ok(environment)
    }

    fn handle(&self) -> MutexGuard<'_, Option<Handle>> {
        self.handle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
