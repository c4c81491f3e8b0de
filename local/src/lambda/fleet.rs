//! All environments of a function. An invocation gets a free one, or else a new one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;

use super::{InvokeError, Lambda, Line, Options};

/// The environments of a function, up to a limit; clones are the same environments.
///
/// Beyond the limit, Lambda would refuse an invocation; here it waits for a free environment.
#[derive(Clone, Debug)]
pub struct Fleet(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    binary: PathBuf,
    variables: BTreeMap<String, String>,
    options: Options,
    turns: Semaphore,
    lambdas: Mutex<Lambdas>,
}

#[derive(Debug, Default)]
struct Lambdas {
    all: Vec<Arc<Lambda>>,
    idle: Vec<Arc<Lambda>>,
}

impl Fleet {
    /// Creates a function with at most `limit` environments, none of them started.
    pub fn new(
        binary: &Path,
        variables: BTreeMap<String, String>,
        options: Options,
        limit: usize,
    ) -> Self {
        Self(Arc::new(Inner {
            binary: binary.to_owned(),
            variables,
            options,
            turns: Semaphore::new(limit),
            lambdas: Mutex::default(),
        }))
    }

    /// Returns the function's response to an event, from any of its environments.
    #[expect(clippy::missing_panics_doc, reason = "the semaphore is never closed")]
    pub async fn invoke(&self, event: &Value, timeout: Duration) -> Result<Value, InvokeError> {
        let turn = self.0.turns.acquire().await;
        let _turn = turn.expect("it is never closed");
        // It becomes idle again when the invocation is over, or when the caller stops waiting.
        let used = Used {
            inner: &self.0,
            lambda: self.0.free(),
        };
        used.lambda.invoke(event, timeout).await
    }

    /// Returns its environments, those without a process included, in the order of creation.
    pub fn lambdas(&self) -> Vec<Arc<Lambda>> {
        self.0.lambdas().all.clone()
    }

    /// Kills all its processes, and returns when they are gone.
    pub async fn kill(&self) {
        for lambda in self.lambdas() {
            lambda.kill().await;
        }
    }

    /// Returns the lines that its processes have written, grouped by environment.
    pub fn lines(&self) -> Vec<Line> {
        let lambdas = self.lambdas();
        lambdas.iter().flat_map(|lambda| lambda.lines()).collect()
    }
}

impl Inner {
    /// Returns the idle environment that was used last, as Lambda does, or a new one.
    fn free(&self) -> Arc<Lambda> {
        let mut lambdas = self.lambdas();
        if let Some(lambda) = lambdas.idle.pop() {
            return lambda;
        }
        let (variables, options) = (self.variables.clone(), self.options.clone());
        let lambda = Arc::new(Lambda::new(&self.binary, variables, options));
        lambdas.all.push(Arc::clone(&lambda));
        lambda
    }

    fn lambdas(&self) -> MutexGuard<'_, Lambdas> {
        self.lambdas.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An environment in use; it becomes idle when this is dropped.
struct Used<'f> {
    inner: &'f Inner,
    lambda: Arc<Lambda>,
}

impl Drop for Used<'_> {
    fn drop(&mut self) {
        self.inner.lambdas().idle.push(Arc::clone(&self.lambda));
    }
}
