//! `make planted`: plants mistakes in a copy of the project. It checks that the simulation finds each.
//!
//! The mistakes are in `tests/planted/bugs.yaml`. All of them are built in at once, each behind a switch, and made one
//! at a time.

#![expect(clippy::print_stdout, reason = "what a command is for")]

use std::collections::BTreeSet;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use tests::planted::{self, Bug};

/// The switch that the copy of the project gets.
const SWITCH: &str = r#"
/// Deliberate mistakes.
pub mod planted {
    use std::sync::OnceLock;

    static MADE: OnceLock<Option<String>> = OnceLock::new();

    /// Returns whether this mistake is made in this run.
    pub fn is(name: &str) -> bool {
        MADE.get_or_init(|| std::env::var("PLANTED").ok()).as_deref() == Some(name)
    }
}
"#;

/// Checks that the simulation finds mistakes.
#[derive(Parser)]
struct Arguments {
    /// Play only this mistake.
    #[arg(long)]
    only: Option<String>,
    /// The most seeds that a mistake may survive.
    #[arg(long, default_value_t = 2_000)]
    seeds: u64,
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments = Arguments::parse();
    let bugs = planted::all();
    let program = build(&bugs)?;
    let mut surviving = 0;
    let wanted = bugs
        .iter()
        .filter(|bug| arguments.only.as_ref().is_none_or(|only| *only == bug.name));
    for Bug { name, breaks, .. } in wanted {
        let found = play(&program, name, (0, arguments.seeds))?;
        if let Some((seed, why)) = found {
            // The seed must not fail without the mistake.
            if play(&program, "", (seed, 1))?.is_some() {
                return Err(format!("seed {seed} fails without any mistake").into());
            }
            println!("caught    {name} ({breaks}) by seed {seed}: {why}");
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

/// Builds the simulation in a copy of the project with all mistakes. Returns the program's path.
fn build(bugs: &[Bug]) -> Result<PathBuf, Box<dyn Error>> {
    let project = planted::project();
    let target = project.join("target");
    let copy = target.join("planted/project");
    let listed = Command::new("git")
        .args(["ls-files", "--cached", "--others", "--exclude-standard"])
        .current_dir(&project)
        .output()?;
    let listed = String::from_utf8(listed.stdout)?;
    let listed: Vec<&str> = listed
        .lines()
        .filter(|file| project.join(file).is_file())
        .collect();
    remove_all_but(&copy, &listed.iter().map(|file| copy.join(file)).collect())?;
    for file in listed {
        let from = project.join(file);
        let mut contents = std::fs::read(&from)?;
        if bugs
            .iter()
            .flat_map(|bug| &bug.places)
            .any(|place| place.file == file)
        {
            contents = planted::plant(bugs, file, String::from_utf8(contents)?)?.into_bytes();
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
            "--workspace",
            "--features",
            "tests/campaigns",
            "--bin",
            "simulate",
        ])
        // A folder of its own: cargo takes the crates of a copy for those of the project.
        .arg("--target-dir")
        .arg(target.join("planted/target"))
        .current_dir(&copy)
        .status()?;
    if !built.success() {
        return Err("the copy with the mistakes does not build".into());
    }
    Ok(target.join("planted/target/debug/simulate"))
}

/// Removes the files that the project no longer has.
fn remove_all_but(folder: &Path, kept: &BTreeSet<PathBuf>) -> std::io::Result<()> {
    if !folder.is_dir() {
        return Ok(());
    }
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            remove_all_but(&path, kept)?;
        } else if !kept.contains(&path) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Writes a file only if its contents differ, so that it is not compiled again.
fn write_if_changed(file: &Path, contents: &[u8]) -> std::io::Result<()> {
    if std::fs::read(file).is_ok_and(|before| before == contents) {
        return Ok(());
    }
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(file, contents)
}

/// Plays `seeds` seeds from `start` on with this mistake. Returns the first that fails, and why.
fn play(
    program: &Path,
    mistake: &str,
    (start, seeds): (u64, u64),
) -> Result<Option<(u64, String)>, Box<dyn Error>> {
    let played = Command::new(program)
        .args(["--start", &start.to_string(), "--seeds", &seeds.to_string()])
        .arg("--until-one-fails")
        .env("PLANTED", mistake)
        .output()?;
    let printed = String::from_utf8(played.stdout)?;
    let found = printed.lines().find_map(|line| line.strip_prefix("seed "));
    let found = found.and_then(|found| found.split_once(": "));
    match (found, played.status.code()) {
        (Some((seed, why)), _) => Ok(Some((seed.parse()?, why.chars().take(120).collect()))),
        (None, Some(0)) => Ok(None),
        (None, _) => {
            let said = String::from_utf8_lossy(&played.stderr).into_owned();
            Err(format!(
                "the simulation of {mistake:?} ended with {}: {said}",
                played.status
            )
            .into())
        }
    }
}
