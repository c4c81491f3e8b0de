//! Functions as AWS Lambda runs them: the real binary, in a process of its own.
//!
//! A [`Lambda`] is one execution environment. Its process sees the variables it is given and those
//! that Lambda sets, asks a Runtime API on a loopback port for work, and gets one invocation at a
//! time. A process that runs out of its time or dies is gone, and the next invocation starts anew. A
//! [`Fleet`] is all environments of a function.
//!
//! Lambda freezes an idle process, which goes on here; and memory has no limit here.
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

/// How long a function may take to ask for its first invocation.
/// <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// How often an invocation is given to a new process because the last one ended without taking it.
const MAX_STARTS: usize = 2;

/// What a function is, as Lambda would know it.
#[derive(Clone, Debug)]
pub struct Options {
    /// The function's name.
    pub name: String,
    /// What it says of its memory, which has no limit here.
    pub memory_mb: u32,
    /// The region.
    pub region: String,
    /// How long it may take to ask for its first invocation.
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

/// What a function, or its runtime, says of its failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FunctionError {
    /// Its kind.
    pub error_type: String,
    /// What happened.
    pub error_message: String,
}

/// Why a function does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The binary is not there, or is none.
    #[error("cannot run `{0}`")]
    Spawn(PathBuf, #[source] std::io::Error),
    /// There is no port for the Runtime API.
    #[error("the Runtime API does not start")]
    Server(#[from] crate::http::Error),
    /// The function says why.
    #[error("the function cannot begin: {}: {}", .0.error_type, .0.error_message)]
    Init(FunctionError),
    /// The process ended before it asked for an invocation.
    #[error("the process ended before it asked for an invocation: {0}")]
    Exited(ExitStatus),
    /// The process did not ask for an invocation in time, and was killed.
    #[error("the process did not ask for an invocation in {} ms", .0.as_millis())]
    TimedOut(Duration),
}

/// Why an invocation has no answer.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// There is no process for it.
    #[error("the function does not start")]
    Start(#[from] StartError),
    /// The function failed, and lives on.
    #[error("the function failed: {}: {}", .0.error_type, .0.error_message)]
    Function(FunctionError),
    /// The function took too long, and was killed.
    #[error("the function did not answer in {} ms", .0.as_millis())]
    TimedOut(Duration),
    /// The process ended meanwhile.
    #[error("the process ended: {0}")]
    Exited(ExitStatus),
    /// The answer is no JSON.
    #[error("the answer is no JSON")]
    NotJson(#[source] serde_json::Error),
}

/// One execution environment of a function: at most one process, which ends when this is dropped.
#[derive(Debug)]
pub struct Lambda {
    binary: PathBuf,
    variables: BTreeMap<String, String>,
    options: Options,
    output: Output,
    /// The process while it is idle.
    environment: tokio::sync::Mutex<Option<Environment>>,
    /// The process, idle or not, for whoever wants to kill it.
    handle: Mutex<Option<Handle>>,
    starts: AtomicU64,
}

impl Lambda {
    /// A function whose process starts with its first invocation.
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

    /// A function whose process is ready for its first invocation.
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

    /// The function's answer to an event. Invocations wait for each other.
    ///
    /// The time counts from when the process is ready. If the caller stops waiting, the process is
    /// killed, as it is when the time is over.
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
                // It was idle, and nobody had looked since it ended.
                Outcome::NotTaken(status) => ended = status,
            }
        }
        Err(InvokeError::Exited(ended))
    }

    /// Kills the process as a crash would, and returns when it is gone. An invocation under way ends
    /// with an error, and the next one starts anew.
    pub async fn kill(&self) {
        let handle = self.handle().clone();
        if let Some(handle) = handle {
            handle.kill().await;
        }
    }

    /// The id of its process, while there is one.
    pub fn process_id(&self) -> Option<u32> {
        self.handle().as_ref()?.process_id()
    }

    /// How many processes were started until now.
    pub fn starts(&self) -> u64 {
        self.starts.load(Ordering::Relaxed)
    }

    /// The lines its processes have written, those of both streams as they came.
    pub fn lines(&self) -> Vec<Line> {
        self.output.lines()
    }

    /// Waits until a line is there that contains `text`.
    pub async fn line(&self, text: &str) -> Line {
        self.output.line(text).await
    }

    /// Ends it, and returns when its process is gone.
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
