//! `cargo lambda watch` as a child process that never outlives this one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use tokio::process::{Child, Command};

use crate::gateway::CONCURRENCY;

/// Log filter. At each invocation, the runtime warns about a variable that only `cargo lambda watch` sets.
const QUIET_RUNTIME: &str = "lambda_runtime::runtime=error";

/// Limit for ending its functions before they are killed.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Interval between repeated signals.
const STOP_AGAIN: Duration = Duration::from_secs(1);

/// Interval between checks whether its functions have ended.
const STOP_PACE: Duration = Duration::from_millis(50);

/// An error of `cargo lambda watch`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `cargo` cannot be started, or the functions' log cannot be written.
    #[error("cannot start `cargo lambda watch`")]
    Start(#[source] std::io::Error),
    /// It ended by itself; its output is above.
    #[error("`cargo lambda watch` ended: {0}")]
    Ended(ExitStatus),
    /// Waiting for it failed.
    #[error("lost `cargo lambda watch`")]
    Lost(#[source] std::io::Error),
}

/// A running `cargo lambda watch`; dropping it kills it and its functions.
pub(super) struct Watch {
    child: Child,
    /// The process group that it leads; `None` once it has ended.
    group: Option<Pid>,
}

impl Watch {
    /// Starts it in its own process group, so that Ctrl-C reaches only this process.
    pub(super) fn start(
        project: &Path,
        address: SocketAddr,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let (ip, port) = (address.ip().to_string(), address.port().to_string());
        let log_level = environment.get("RUST_LOG").map_or("info", String::as_str);
        let variables = format!("RUST_LOG=\"{log_level},{QUIET_RUNTIME}\"\n");
        let file = project.join(".local/functions.env");
        std::fs::write(&file, variables).map_err(Error::Start)?;
        let child = Command::new("cargo")
            .args(["lambda", "watch", "-A", &ip, "-P", &port])
            .args([
                "--quiet",
                "--ignore-changes",
                "--concurrency",
                &CONCURRENCY.to_string(),
            ])
            .arg("--env-file")
            .arg(file)
            .envs(environment)
            // Silence its own log: the errors at its end are noise, and a fatal one is printed anyway.
            .env("RUST_LOG", "off")
            .env_remove("AWS_PROFILE")
            .env_remove("AWS_SESSION_TOKEN")
            .current_dir(project)
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(Error::Start)?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        Ok(Self {
            child,
            group: id.and_then(Pid::from_raw),
        })
    }

    /// Waits until it ends by itself, which is an error.
    pub(super) async fn ended(&mut self) -> Error {
        match self.child.wait().await {
            Ok(status) => {
                self.group = None;
                Error::Ended(status)
            }
            Err(error) => Error::Lost(error),
        }
    }

    /// Stops it as Ctrl-C would, and kills what is left after `STOP_LIMIT`.
    pub(super) async fn stop(mut self) {
        let Some(group) = self.group else {
            return;
        };
        let functions = descendants(group);
        let gone = async {
            // A signal that arrives during its start is lost, so send it until it works.
            loop {
                let _ = rustix::process::kill_process_group(group, Signal::INT);
                if tokio::time::timeout(STOP_AGAIN, self.child.wait())
                    .await
                    .is_ok()
                {
                    break;
                }
            }
            while functions
                .iter()
                .any(|id| rustix::process::test_kill_process(*id).is_ok())
            {
                tokio::time::sleep(STOP_PACE).await;
            }
        };
        if tokio::time::timeout(STOP_LIMIT, gone).await.is_ok() {
            self.group = None;
            return;
        }
        kill(group, &functions);
        let _ = self.child.wait().await;
        self.group = None;
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            kill(group, &descendants(group));
        }
    }
}

fn kill(group: Pid, others: &[Pid]) {
    let _ = rustix::process::kill_process_group(group, Signal::KILL);
    for id in others {
        let _ = rustix::process::kill_process(*id, Signal::KILL);
    }
}

/// Returns all direct and indirect children of a process: each function leads its own group.
fn descendants(ancestor: Pid) -> Vec<Pid> {
    let listing = std::process::Command::new("ps")
        .args(["-A", "-o", "pid=,ppid="])
        .output();
    // Without `ps` the functions still end by themselves, since no server gives them work any more.
    let listing = listing.map(|output| output.stdout).unwrap_or_default();
    below(ancestor, &parse(&String::from_utf8_lossy(&listing)))
}

/// Returns the children of a process, their children, and so on.
fn below(ancestor: Pid, pairs: &[(Pid, Pid)]) -> Vec<Pid> {
    let mut found = vec![ancestor];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        let children = pairs.iter().filter(|(_, of)| *of == parent);
        found.extend(children.map(|(id, _)| *id));
        next += 1;
    }
    found.split_off(1)
}

/// Parses lines of a process id and its parent's.
fn parse(listing: &str) -> Vec<(Pid, Pid)> {
    let pid = |word: &str| Pid::from_raw(word.parse().ok()?);
    let pair = |line: &str| {
        let (id, parent) = line.trim().split_once(char::is_whitespace)?;
        Some((pid(id)?, pid(parent.trim())?))
    };
    listing.lines().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn indirect_children_are_found() {
        let listing =
            "    1     0\n   10     1\n   11    10\n   12    11\n   20     1\n  PID  PPID\n";
        let pid = |id| Pid::from_raw(id).unwrap();
        let pairs = parse(listing);
        assert_eq!(below(pid(10), &pairs), [pid(11), pid(12)]);
        assert!(below(pid(20), &pairs).is_empty());
    }
}
