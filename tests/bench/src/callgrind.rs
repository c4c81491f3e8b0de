//! Counts instructions with Valgrind's `callgrind`. They are the same for the same program, even on a busy machine.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use benches::function::{self, invoke};
use benches::world::{Failure, World};
use local::lambda::Lambda;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// Folder of the output, and of the scripts that start `callgrind`.
const FOLDER: &str = "target/callgrind";

/// Delivery budget, since a function is slow under `callgrind`.
const BUDGET_MS: &str = "10000";

/// Maximum time for `callgrind` to write its output.
const WRITES: Duration = Duration::from_mins(1);

/// Fails with advice if `valgrind` is not installed.
pub(crate) fn is_there() -> Result<(), Failure> {
    let found = Command::new("valgrind").arg("--version").output();
    match found {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(
            "INSTRUCTIONS WERE NOT COUNTED: `valgrind` is not installed (`apt-get install valgrind`)"
                .into(),
        ),
    }
}

/// Counts the instructions of a function that starts, handles these events, and ends.
pub(crate) async fn count(world: &World, name: &str, events: &[Value]) -> Result<u64, Failure> {
    let folder = std::path::absolute(FOLDER)?;
    fs::create_dir_all(&folder)?;
    let out = folder.join(format!("{name}-{}.callgrind", events.len()));
    if out.exists() {
        fs::remove_file(&out)?;
    }
    let script = script(name, &folder, &out)?;
    let mut variables = world.variables().clone();
    variables.insert("DELIVERY_BUDGET_MS".to_owned(), BUDGET_MS.to_owned());
    let lambda = function::start(&script, &variables).await?;
    for event in events {
        invoke(&lambda, event).await?;
    }
    end(lambda).await?;
    let written = fs::read_to_string(&out)?;
    let total = written
        .lines()
        .find_map(|line| line.strip_prefix("totals:"));
    Ok(total.ok_or("callgrind counted nothing")?.trim().parse()?)
}

/// Writes a script that runs a function under `callgrind`.
fn script(name: &str, folder: &Path, out: &Path) -> Result<PathBuf, Failure> {
    let script = folder.join(format!("{name}.sh"));
    let (out, binary) = (out.display(), function::binary(name)?);
    let text = format!(
        "#!/bin/sh\nexec valgrind --quiet --tool=callgrind --callgrind-out-file={out} {}\n",
        binary.display()
    );
    fs::write(&script, text)?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
    Ok(script)
}

/// Ends the process as Lambda would, so that `callgrind` writes its output.
async fn end(lambda: Lambda) -> Result<(), Failure> {
    let process = lambda.process_id().ok_or("the process is gone")?;
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    kill_process(process.ok_or("no process has this id")?, Signal::TERM)?;
    let gone = async {
        while lambda.process_id().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    Ok(tokio::time::timeout(WRITES, gone).await?)
}
