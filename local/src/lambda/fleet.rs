//! All environments of a function: a free one takes an invocation, and a new one is made if none is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Semaphore;

use super::{InvokeError, Lambda, Line, Options};

/// The environments of a function, up to a limit; clones are the same environments.
///
/// Where Lambda would refuse an invocation beyond the limit, it waits here for its turn.
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
    /// A function with at most `limit` environments, and none of them yet.
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

    /// The function's answer to an event, from any of its environments.
    #[expect(clippy::missing_panics_doc, reason = "the semaphore is never closed")]
    pub async fn invoke(&self, event: &Value, timeout: Duration) -> Result<Value, InvokeError> {
        let turn = self.0.turns.acquire().await;
        let _turn = turn.expect("nobody closes it");
        // Back on the shelf when the invocation is over, or when nobody waits for it any more.
        let used = Used {
            inner: &self.0,
            lambda: self.0.free(),
        };
        used.lambda.invoke(event, timeout).await
    }

    /// Its environments, those without a process too, in the order in which they were made.
    pub fn lambdas(&self) -> Vec<Arc<Lambda>> {
        self.0.lambdas().all.clone()
    }

    /// Kills all its processes, and returns when they are gone.
    pub async fn kill(&self) {
        for lambda in self.lambdas() {
            lambda.kill().await;
        }
    }

    /// The lines that its processes have written, one environment after another.
    pub fn lines(&self) -> Vec<Line> {
        let lambdas = self.lambdas();
        lambdas.iter().flat_map(|lambda| lambda.lines()).collect()
    }
}

impl Inner {
    /// The environment that was used last, as at Lambda, or a new one.
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

/// An environment while it is used.
struct Used<'f> {
    inner: &'f Inner,
    lambda: Arc<Lambda>,
}

impl Drop for Used<'_> {
    fn drop(&mut self) {
        self.inner.lambdas().idle.push(Arc::clone(&self.lambda));
    }
}
