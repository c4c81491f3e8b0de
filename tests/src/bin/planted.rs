//! Makes mistakes in a copy of the project, one at a time, and has the simulation find each: `make planted`.
//!
//! The mistakes are in `tests/planted/bugs.yaml`. All of them are built in at once, each behind a switch.

#![expect(clippy::print_stdout, reason = "what a command is for")]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use tests::planted::{self, Bug};

/// What the copy of the project is given: the switch.
const SWITCH: &str = r#"
/// Mistakes that are made on purpose.
pub mod planted {
    use std::sync::OnceLock;

    static MADE: OnceLock<Option<String>> = OnceLock::new();

    /// Whether this one is made in this run.
    pub fn is(name: &str) -> bool {
        MADE.get_or_init(|| std::env::var("PLANTED").ok()).as_deref() == Some(name)
    }
}
"#;

/// Has the simulation find mistakes.
#[derive(Parser)]
struct Arguments {
    /// Only this mistake.
    #[arg(long)]
    only: Option<String>,
    /// How many seeds a mistake may survive.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    let bugs = planted::all();
    let program = build(&bugs)?;
    // Nothing is found where no mistake is made.
    if let Some(found) = play(&program, "", 200)? {
        println!("without any mistake: {found}");
        return Ok(ExitCode::FAILURE);
    }
    let mut surviving = 0;
    let wanted = bugs
        .iter()
        .filter(|bug| arguments.only.as_ref().is_none_or(|only| *only == bug.name));
    let mut last = "";
    for Bug { name, breaks, .. } in wanted {
        // Some take two places.
        if std::mem::replace(&mut last, name) == name {
            continue;
        }
        if let Some(found) = play(&program, name, arguments.seeds)? {
            println!("caught    {name} ({breaks}): {found}");
        } else {
            surviving += 1;
            println!("SURVIVES  {name} ({breaks})");
        }
    }
    println!("{surviving} mistakes survive");
    Ok(if surviving == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Builds the simulation of a copy of the project in which all mistakes can be made; answers the program.
fn build(bugs: &[Bug]) -> Result<PathBuf, Box<dyn Error>> {
    let project = planted::project();
    let target = project.join("target");
    let copy = target.join("planted/project");
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(&project)
        .output()?;
    for file in String::from_utf8(listed.stdout)?.lines() {
        let from = project.join(file);
        if !from.is_file() {
            continue;
        }
        let mut contents = std::fs::read(&from)?;
        for bug in bugs.iter().filter(|bug| bug.file == file) {
            contents = bug.plant(&String::from_utf8(contents)?)?.into_bytes();
        }
        if file == "shared/src/lib.rs" {
            contents.extend_from_slice(SWITCH.as_bytes());
        }
        write_if_changed(&copy.join(file), &contents)?;
    }
    let built = Command::new("cargo")
        .args([
            "build",
            "--locked",
            "--package",
            "tests",
            "--bin",
            "simulate",
        ])
        // A place of its own: cargo takes the crates of a copy for those of the project.
        .arg("--target-dir")
        .arg(target.join("planted/target"))
        .current_dir(&copy)
        .status()?;
    if !built.success() {
        return Err("the copy with the mistakes does not build".into());
    }
    Ok(target.join("planted/target/debug/simulate"))
}

/// Leaves a file alone that is as it should be, so that it is not compiled again.
fn write_if_changed(file: &Path, contents: &[u8]) -> std::io::Result<()> {
    if std::fs::read(file).is_ok_and(|before| before == contents) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, contents)
}

/// Plays seeds until one fails with this mistake; answers which, and why.
fn play(program: &Path, mistake: &str, seeds: u64) -> Result<Option<String>, Box<dyn Error>> {
    let played = Command::new(program)
        .args(["--seeds", &seeds.to_string(), "--until-one-fails"])
        .env("PLANTED", mistake)
        .output()?;
    let printed = String::from_utf8(played.stdout)?;
    let mut found = printed.lines().filter(|line| line.starts_with("seed "));
    match (found.next(), played.status.success()) {
        (Some(found), _) => Ok(Some(found.chars().take(160).collect())),
        (None, true) => Ok(None),
        // A panic is found, too.
        (None, false) => Ok(Some(format!("the simulation ended with {}", played.status))),
    }
}
