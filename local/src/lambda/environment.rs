//! One process, the Runtime API it polls, and its supervisor.

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::output::{Output, Stream};
use super::runtime_api::{Answer, Desk, Invocation};
use super::{Options, StartError};
use crate::clock::Clock;
use crate::http::{FREE_PORT, Reply, Server};

/// Limit for the last output of an ended process to arrive. Its child processes can keep the streams open forever.
const LAST_WORDS_LIMIT: Duration = Duration::from_secs(1);

/// A counter of all invocations of all functions, for unique ids.
static INVOCATIONS: AtomicU64 = AtomicU64::new(1);

/// Lambda's search path for programs.
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/opt/bin";

/// A process that is or was running; it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Environment {
    desk: Arc<Desk>,
    handle: Handle,
    // It owns the supervisor task, and with that the process.
    _server: Server,
}

/// The outcome of an invocation.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The function responded.
    Answered(Answer),
    /// The function timed out.
    TimedOut,
    /// The process ended during the invocation.
    Exited(ExitStatus),
    /// The process ended without having taken the invocation.
    NotTaken(ExitStatus),
}

/// A handle for killing a process and waiting for its end.
#[derive(Clone, Debug)]
pub(super) struct Handle {
    process_id: Option<u32>,
    kill: Arc<Notify>,
    ended: watch::Receiver<Option<ExitStatus>>,
}

impl Handle {
    /// Kills the process, and waits until it is gone.
    pub(super) async fn kill(&self) {
        self.kill.notify_one();
        self.ended().await;
    }

    /// Returns the id of the process, unless it has ended.
    pub(super) fn process_id(&self) -> Option<u32> {
        self.process_id.filter(|_| self.is_running())
    }

    fn is_running(&self) -> bool {
        self.ended.borrow().is_none() && self.ended.has_changed().is_ok()
    }

    async fn ended(&self) -> ExitStatus {
        let mut ended = self.ended.clone();
        let ended = ended.wait_for(Option::is_some).await;
        // Without its supervisor, it was killed.
        ended.map_or_else(|_| ExitStatus::default(), |ended| ended.unwrap_or_default())
    }
}

impl Environment {
    /// Starts a process, the `number`-th of its function.
    pub(super) async fn spawn(
        binary: &Path,
        variables: &BTreeMap<String, String>,
        options: &Options,
        number: u64,
        output: Output,
    ) -> Result<Self, StartError> {
        let (region, name) = (&options.region, &options.name);
        let arn = format!("arn:aws:lambda:{region}:000000000000:function:{name}");
        let desk = Arc::new(Desk::new(arn));
        let answering = Arc::clone(&desk);
        let server = Server::start(FREE_PORT, move |request| {
            let desk = Arc::clone(&answering);
            async move { Reply::Answer(desk.answer(request).await) }
        })
        .await?;
        let child = Command::new(binary)
            .env_clear()
            .envs(of_lambda(binary, options, number))
            .envs(variables)
            .env("AWS_LAMBDA_RUNTIME_API", server.address().to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| StartError::Spawn(binary.to_owned(), error))?;
        let kill = Arc::new(Notify::new());
        let (sender, ended) = watch::channel(None);
        let handle = Handle {
            process_id: child.id(),
            kill: Arc::clone(&kill),
            ended,
        };
        server.beside(watch_over(child, kill, sender, output));
        Ok(Self {
            desk,
            handle,
            _server: server,
        })
    }

    /// Waits until the process asks for its first invocation.
    pub(super) async fn ready(&self, limit: Duration) -> Result<(), StartError> {
        let begun = async {
            tokio::select! {
                biased;
                begun = self.desk.begun() => begun.map_err(StartError::Init),
                status = self.handle.ended() => Err(StartError::Exited(status)),
            }
        };
        let begun = timeout(limit, begun).await;
        let begun = begun.unwrap_or(Err(StartError::TimedOut(limit)));
        if begun.is_err() {
            self.kill().await;
        }
        begun
    }

    /// Gives the process an event, and returns the outcome.
    pub(super) async fn invoke(&self, event: Bytes, limit: Duration) -> Outcome {
        let number = INVOCATIONS.fetch_add(1, Ordering::Relaxed);
        let allowed = SignedDuration::try_from(limit).unwrap_or(SignedDuration::MAX);
        let deadline = Clock::system().now().saturating_add(allowed);
        let answer = self.desk.lay_down(Invocation {
            id: format!("00000000-0000-4000-8000-{number:012x}"),
            event,
            deadline_ms: deadline.map_or(i64::MAX, Timestamp::as_millisecond),
        });
        let outcome = async {
            tokio::select! {
                biased;
                Ok(answer) = answer => Outcome::Answered(answer),
                status = self.handle.ended() => {
                    if self.desk.take_back() {
                        Outcome::NotTaken(status)
                    } else {
                        Outcome::Exited(status)
                    }
                }
            }
        };
        timeout(limit, outcome).await.unwrap_or(Outcome::TimedOut)
    }

    /// Kills the process, and waits until it is gone.
    pub(super) async fn kill(&self) {
        self.handle.kill().await;
    }

    /// Returns whether the process is still running.
    pub(super) fn is_running(&self) -> bool {
        self.handle.is_running()
    }

    /// Returns a handle for killing the process.
    pub(super) fn handle(&self) -> Handle {
        self.handle.clone()
    }
}

/// Collects a process's output until it ends or is killed, and reports its exit status.
async fn watch_over(
    mut child: Child,
    kill: Arc<Notify>,
    ended: watch::Sender<Option<ExitStatus>>,
    output: Output,
) {
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let reading = async {
        let out = async {
            if let Some(out) = out {
                output.read(Stream::Out, out).await;
            }
        };
        let err = async {
            if let Some(err) = err {
                output.read(Stream::Err, err).await;
            }
        };
        tokio::join!(out, err)
    };
    let waiting = async {
        loop {
            tokio::select! {
                status = child.wait() => break status.unwrap_or_default(),
                // The process may already be gone.
                () = kill.notified() => drop(child.start_kill()),
            }
        }
    };
    let (mut reading, mut waiting) = (pin!(reading), pin!(waiting));
    let status = tokio::select! {
        status = &mut waiting => {
            let _ = timeout(LAST_WORDS_LIMIT, reading).await;
            status
        }
        _ = &mut reading => waiting.await,
    };
    ended.send_replace(Some(status));
}

/// The variables that Lambda sets.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>
fn of_lambda(binary: &Path, options: &Options, number: u64) -> BTreeMap<&'static str, String> {
    let name = &options.name;
    let folder = binary.parent().unwrap_or(Path::new("/"));
    BTreeMap::from([
        ("AWS_DEFAULT_REGION", options.region.clone()),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            options.memory_mb.to_string(),
        ),
        ("AWS_LAMBDA_FUNCTION_NAME", name.clone()),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        ("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}")),
        ("AWS_LAMBDA_LOG_STREAM_NAME", format!("[$LATEST]{number}")),
        ("AWS_REGION", options.region.clone()),
        ("LAMBDA_TASK_ROOT", folder.to_string_lossy().into_owned()),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("PATH", PATH.to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
    ])
}
