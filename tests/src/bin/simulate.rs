//! Plays many seeds of the simulation, and prints the results: `make simulate SEEDS=n START=s`.

#![expect(clippy::print_stdout, reason = "what a command is for")]

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use local::dynamodb::Pace;
use tests::simulation::load::{self, Load};
use tests::simulation::{self, Flow, Options, Report};

/// The most failing seeds that are printed in full.
const TOLD: usize = 3;

/// Plays seeds of the simulation.
#[derive(Parser)]
struct Arguments {
    /// Number of seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// First seed.
    #[arg(long, default_value_t = 0)]
    start: u64,
    /// Stop at the first seed that fails.
    #[arg(long)]
    until_one_fails: bool,
    /// Print every request, even of a run that succeeds.
    #[arg(long)]
    trace: bool,
    /// Inject only the first faults, this many.
    #[arg(long)]
    most_faults: Option<u64>,
    /// Leave out these faults, by number.
    #[arg(long, value_delimiter = ',')]
    spare: Vec<u64>,
    /// Leave out an actor, such as `app of acct_0`.
    #[arg(long)]
    idle: Vec<String>,
    /// Play all flows instead of seeds. Each fault strikes at each request, and a crash or a lost reply at each pair.
    #[arg(long)]
    flows: bool,
    /// Play a load instead of seeds. It is this many single usages a second on one account, and twenty on another.
    #[arg(long)]
    load: Option<u32>,
    /// Duration of the load in seconds.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Milliseconds for which a transaction holds its items.
    #[arg(long, default_value_t = 5)]
    held_ms: u64,
}

/// The results of all seeds.
#[derive(Default)]
struct Total {
    played: u64,
    faults: BTreeMap<(String, &'static str), u64>,
    failed: BTreeMap<u64, Vec<String>>,
}

impl Total {
    fn add(&mut self, seed: u64, report: Report) {
        self.played += 1;
        for (fault, count) in report.faults {
            *self.faults.entry(fault).or_default() += count;
        }
        if !report.violations.is_empty() {
            self.failed.insert(seed, report.violations);
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let began = Instant::now();
    if let Some(rate) = arguments.load {
        print!("{}", arguments.play_load(rate));
        println!("in {:.1?}", began.elapsed());
        return ExitCode::SUCCESS;
    }
    let flows = if arguments.flows {
        all_flows()
    } else {
        Vec::new()
    };
    let start = if arguments.flows { 0 } else { arguments.start };
    let last = match flows.len() {
        0 => start.saturating_add(arguments.seeds),
        runs => runs as u64,
    };
    let (next, ended) = (AtomicU64::new(start), AtomicBool::new(false));
    let total = Mutex::new(Total::default());
    let play = || {
        while !ended.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= last {
                return;
            }
            let chosen = usize::try_from(seed).ok().and_then(|run| flows.get(run));
            let options = chosen.cloned();
            let options = options.unwrap_or_else(|| arguments.options(seed));
            let report = simulation::play(&options);
            if chosen.is_some() && !report.violations.is_empty() {
                println!("{:?} with {:?}", options.flow, options.at);
            }
            if arguments.trace {
                println!("{}", report.trace.join("\n"));
            }
            if arguments.until_one_fails && !report.violations.is_empty() {
                ended.store(true, Ordering::Relaxed);
            }
            total.lock().expect("no thread panics").add(seed, report);
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(play);
        }
    });
    let total = total.into_inner().expect("no thread panics");
    total.print(began);
    if total.failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    if !arguments.until_one_fails && !arguments.flows {
        for seed in total.failed.keys().take(TOLD) {
            tell(*seed);
        }
    }
    ExitCode::FAILURE
}

fn all_flows() -> Vec<Options> {
    let flows = Flow::ALL.into_iter();
    let runs = flows.flat_map(|flow| {
        let (singles, pairs) = (simulation::singles(flow), simulation::pairs(flow));
        println!(
            "{flow:?}: {} runs with a fault, {} with two",
            singles.len(),
            pairs.len()
        );
        singles.into_iter().chain(pairs)
    });
    runs.collect()
}

impl Arguments {
    fn play_load(&self, rate: u32) -> load::Report {
        load::play(&Load {
            busy: rate,
            beside: 20,
            lasts: Duration::from_secs(self.seconds),
            member: false,
            pace: Pace {
                transaction: Duration::from_millis(self.held_ms),
                ..Pace::default()
            },
            seed: self.start,
        })
    }

    fn options(&self, seed: u64) -> Options {
        let mut options = Options::of(seed);
        if let Some(most) = self.most_faults {
            options.most_faults = most;
        }
        options.spared.extend(&self.spare);
        options.idle.extend(self.idle.iter().cloned());
        options
    }
}

impl Total {
    fn print(&self, began: Instant) {
        let mut kinds: BTreeMap<&str, u64> = BTreeMap::new();
        for ((point, kind), count) in &self.faults {
            *kinds.entry(kind).or_default() += count;
            println!("{count:>8}  {point} × {kind}");
        }
        println!("{} pairs of fault and point", self.faults.len());
        for (kind, count) in kinds {
            println!("{count:>8}  {kind}");
        }
        for (seed, violations) in &self.failed {
            println!("seed {seed}: {}", violations.join("; "));
        }
        println!(
            "{} seeds in {:.1?}, {} of them with violations",
            self.played,
            began.elapsed(),
            self.failed.len()
        );
    }
}

/// Prints the shortest failing run found for a seed, and the options that play it.
fn tell(seed: u64) {
    let Some((options, report)) = simulation::shrink(seed) else {
        println!("seed {seed} does not fail when played again");
        return;
    };
    let spared: Vec<String> = options.spared.iter().map(u64::to_string).collect();
    let idle = options.idle.iter().map(|who| format!(" --idle '{who}'"));
    let idle: String = idle.collect();
    println!(
        "\nseed {seed}, shortest: --seeds 1 --start {seed} --most-faults {} --spare '{}'{idle}",
        options.most_faults,
        spared.join(","),
    );
    // Queries of the outbox without a result are noise.
    let telling = report.trace.iter();
    let telling = telling.filter(|line| !line.contains("deliver-outbox: dynamodb Query: Nothing"));
    for line in telling {
        println!("{line}");
    }
}
