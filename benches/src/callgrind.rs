//! Counts instructions with Valgrind's `callgrind`: the same for the same program, even on a busy machine.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use local::lambda::Lambda;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::profile::Profile;
use crate::program::{self, Program, invoke};
use crate::world::{Failure, World};

/// Delivery budget, since a program is slow under `callgrind`.
const BUDGET_MS: &str = "10000";

/// Maximum time for `callgrind` to write its output.
const WRITES: Duration = Duration::from_mins(1);

/// Fails with advice if `valgrind` is not installed.
pub(crate) fn is_there() -> Result<(), Failure> {
    let found = std::process::Command::new("valgrind")
        .arg("--version")
        .output();
    match found {
        Ok(output) if output.status.success() => Ok(()),
        _ => Err(
            "INSTRUCTIONS WERE NOT COUNTED: `valgrind` is not installed (`apt-get install valgrind`)"
                .into(),
        ),
    }
}

/// Counts the instructions of a process that starts, handles these events, and ends.
pub(crate) async fn count(
    world: &World,
    program: &Program,
    events: &[Value],
    folder: &Path,
) -> Result<Profile, Failure> {
    fs::create_dir_all(folder)?;
    let out = folder.join(format!("{}-{}.callgrind", program.name, events.len()));
    if out.exists() {
        fs::remove_file(&out)?;
    }
    let command = format!(
        "valgrind --quiet --tool=callgrind --callgrind-out-file={}",
        std::path::absolute(&out)?.display()
    );
    let script = program.under(&command, &folder.join(format!("{}.sh", program.name)))?;
    let mut variables: BTreeMap<String, String> = world.variables();
    variables.insert("DELIVERY_BUDGET_MS".to_owned(), BUDGET_MS.to_owned());
    let lambda = program::start(&script, &variables).await?;
    for event in events {
        invoke(&lambda, event).await?;
    }
    end(lambda, &out).await?;
    Profile::parse(&fs::read_to_string(&out)?)
}

/// Ends the process as Lambda would, so that `callgrind` writes its output.
async fn end(lambda: Lambda, out: &Path) -> Result<(), Failure> {
    let process = lambda.process_id().ok_or("the process is gone")?;
    let process = i32::try_from(process).ok().and_then(Pid::from_raw);
    kill_process(process.ok_or("no process has this id")?, Signal::TERM)?;
    let gone = async {
        while lambda.process_id().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(WRITES, gone).await?;
    if out.exists() {
        return Ok(());
    }
    Err(format!("callgrind wrote no {}", out.display()).into())
}

/// Instructions of a start and of a warm invocation.
pub(crate) struct Counted {
    /// Instructions until the program asks for its first invocation and is ended.
    pub(crate) init: Profile,
    /// Instructions of an invocation: the difference between a longer and a shorter run, divided.
    pub(crate) warm: Profile,
}

/// Counts a start and warm invocations with these events; the first third cancels out what is made once.
pub(crate) async fn start_and_invocations(
    world: &World,
    program: &Program,
    events: &[Value],
    folder: &Path,
) -> Result<Counted, Failure> {
    world.traffic.take(Duration::ZERO, Duration::ZERO);
    let (first, rest) = events.split_at(events.len() / 3);
    let init = count(world, program, &[], folder).await?;
    let less = count(world, program, first, folder).await?;
    let more = count(world, program, rest, folder).await?;
    let times = rest.len() - first.len();
    Ok(Counted {
        init,
        warm: more.less(&less).each(times),
    })
}
