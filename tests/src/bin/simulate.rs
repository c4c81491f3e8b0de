//! Plays many seeds of the simulation, and prints what came of them: `make simulate SEEDS=n START=s`.

#![expect(clippy::print_stdout, reason = "what a command is for")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use clap::Parser;
use tests::simulation::{self, Report};

/// Plays seeds of the simulation.
#[derive(Parser)]
struct Options {
    /// How many.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first one.
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// Print what happened, request by request.
    #[arg(long)]
    trace: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let began = Instant::now();
    let next = AtomicU64::new(options.start);
    let last = options.start + options.seeds;
    let play = || {
        let mut played: Vec<(u64, Report)> = Vec::new();
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
                return played;
            }
            played.push((seed, simulation::run(seed)));
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut played: Vec<(u64, Report)> = thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(play)).collect();
        let played = threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("a thread of seeds"));
        played.collect()
    });
    played.sort_by_key(|(seed, _)| *seed);
    let (mut kinds, mut points): (BTreeMap<&str, u64>, BTreeMap<String, u64>) = Default::default();
    let mut violated = 0;
    for (seed, report) in &played {
        for ((point, kind), count) in &report.faults {
            *kinds.entry(kind).or_default() += count;
            *points.entry(format!("{point} × {kind}")).or_default() += count;
        }
        if options.trace {
            println!("{}", report.trace.join("\n"));
        }
        if !report.violations.is_empty() {
            violated += 1;
            println!("seed {seed}: {}", report.violations.join("; "));
        }
    }
    for (point, count) in &points {
        println!("{count:>8}  {point}");
    }
    println!(
        "{} seeds in {:.1?}, faults: {kinds:?}, pairs of fault and point: {}",
        played.len(),
        began.elapsed(),
        points.len()
    );
    println!("{violated} seeds with violations");
    if violated == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
