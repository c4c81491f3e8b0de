//! The measured programs: a function's binary as it is deployed, or a script in its place.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use local::lambda::{Lambda, Options, StartError};
use serde_json::Value;

use crate::world::Failure;

/// Maximum time of a function's start, which takes fifty times as long under `callgrind`.
const INIT_LIMIT: Duration = Duration::from_mins(2);

/// Maximum time of an invocation, likewise.
const INVOCATION_LIMIT: Duration = Duration::from_mins(1);

/// The memory of a function, as in `template.yaml`.
pub(crate) const MEMORY_MB: u32 = 256;

/// A program that can be run as a function.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// Its name in tables.
    pub(crate) name: String,
    /// File that is run.
    pub(crate) path: PathBuf,
    /// Size of the deployed zip.
    pub(crate) zip_bytes: u64,
}

impl Program {
    /// Takes a binary as it was built: to be counted, not deployed.
    pub(crate) fn as_built(name: &str, built: &Path) -> Self {
        Self {
            name: name.to_owned(),
            path: built.join(name),
            zip_bytes: 0,
        }
    }

    /// Strips and zips a binary as it is deployed, in a folder of its own in `folder`.
    pub(crate) fn binary(name: &str, built: &Path, folder: &Path) -> Result<Self, Failure> {
        let own = folder.join(name);
        fs::create_dir_all(&own)?;
        let bootstrap = own.join("bootstrap");
        run(Command::new("strip")
            .arg("--strip-all")
            .arg("-o")
            .arg(&bootstrap)
            .arg(built))?;
        let zip_bytes = zipped(&own, "bootstrap")?;
        Ok(Self {
            name: name.to_owned(),
            path: bootstrap,
            zip_bytes,
        })
    }

    /// Takes the bundle of the function in Node.js, to be run by the installed `node`.
    pub(crate) fn node(bundle: &Path, folder: &Path) -> Result<Self, Failure> {
        let own = folder.join("node");
        fs::create_dir_all(&own)?;
        fs::copy(bundle, own.join("index.js"))?;
        let zip_bytes = zipped(&own, "index.js")?;
        // The kernel starts Node.js itself, because a shell's time would be counted as that of Node.js.
        let found = Command::new("sh")
            .args(["-c", "command -v node"])
            .output()?;
        let node = String::from_utf8(found.stdout)?;
        let script = own.join("bootstrap.cjs");
        let text = fs::read_to_string(bundle)?;
        fs::write(&script, format!("#!{}\n{text}", node.trim()))?;
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        Ok(Self {
            name: "node".to_owned(),
            path: script,
            zip_bytes,
        })
    }

    /// Writes a script that runs the program under another command.
    pub(crate) fn under(&self, command: &str, script: &Path) -> Result<PathBuf, Failure> {
        let path = std::path::absolute(&self.path)?;
        fs::write(
            script,
            format!("#!/bin/sh\nexec {command} {}\n", path.display()),
        )?;
        fs::set_permissions(script, fs::Permissions::from_mode(0o755))?;
        Ok(script.to_owned())
    }

    /// Starts a process, and waits until it asks for its first invocation.
    pub(crate) async fn start(
        &self,
        variables: &BTreeMap<String, String>,
    ) -> Result<Lambda, StartError> {
        start(&self.path, variables).await
    }
}

/// Starts a process, and waits until it asks for its first invocation.
pub(crate) async fn start(
    path: &Path,
    variables: &BTreeMap<String, String>,
) -> Result<Lambda, StartError> {
    let options = Options {
        memory_mb: MEMORY_MB,
        init_limit: INIT_LIMIT,
        ..Options::default()
    };
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    Lambda::start(&path, variables.clone(), options).await
}

/// Invokes a function, and returns the body of its response; fails unless the status is a success.
pub(crate) async fn invoke(lambda: &Lambda, event: &Value) -> Result<Value, Failure> {
    let answer = lambda.invoke(event, INVOCATION_LIMIT).await;
    let answer = answer.map_err(|error| format!("{error}: {:?}", last_lines(lambda)))?;
    // A scheduled function returns a report.
    let Some(status) = answer.get("statusCode").and_then(Value::as_u64) else {
        return Ok(answer);
    };
    let body = answer["body"].as_str().unwrap_or_default();
    if status >= 300 {
        return Err(format!(
            "the function returned {status}: {body} {:?}",
            last_lines(lambda)
        )
        .into());
    }
    Ok(serde_json::from_str(body).unwrap_or_default())
}

fn last_lines(lambda: &Lambda) -> Vec<String> {
    let lines = lambda.lines();
    lines
        .into_iter()
        .rev()
        .take(3)
        .map(|line| line.text)
        .collect()
}

/// Zips a file, and returns the size of the zip.
fn zipped(folder: &Path, file: &str) -> Result<u64, Failure> {
    let zip = folder.join("function.zip");
    if zip.exists() {
        fs::remove_file(&zip)?;
    }
    run(Command::new("zip")
        .current_dir(folder)
        .args(["-9", "-q", "function.zip", file]))?;
    Ok(fs::metadata(zip)?.len())
}

fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.stdin(Stdio::null()).status();
    let status = status.map_err(|error| format!("{command:?}: {error}"))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {status}").into())
}
