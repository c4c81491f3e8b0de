//! Simulation seeds: in each faulty run, nothing is lost and nothing happens twice.

use std::collections::BTreeSet;
use std::ops::Range;

use tests::planted;
use tests::simulation::{self, Flow, Options};

/// Plays seeds; panics with the shortest run that still fails.
fn lose_nothing(seeds: Range<u64>) {
    for seed in seeds {
        let report = simulation::run(seed);
        if report.violations.is_empty() {
            continue;
        }
        let (options, shortest) = simulation::shrink(seed).expect("it fails again");
        panic!(
            "seed {seed}: {:#?}\n{options:?}\n{}",
            report.violations,
            shortest.trace.join("\n")
        );
    }
}

/// Makes each range of seeds a test of its own. They run in parallel.
macro_rules! played {
    ($($story:ident: $seeds:expr,)*) => {
        $(
            #[test]
            fn $story() {
                lose_nothing($seeds);
            }
        )*
    };
}

played! {
    seeds_0_to_124_lose_nothing: 0..125,
    seeds_125_to_249_lose_nothing: 125..250,
    seeds_250_to_374_lose_nothing: 250..375,
    seeds_375_to_499_lose_nothing: 375..500,
    seeds_500_to_624_lose_nothing: 500..625,
    seeds_625_to_749_lose_nothing: 625..750,
    seeds_750_to_874_lose_nothing: 750..875,
    seeds_875_to_999_lose_nothing: 875..1_000,
}

/// Plays a flow with each kind of fault at each request.
fn survives_every_fault(flow: Flow) {
    survives(flow, simulation::singles(flow));
}

/// Plays a long flow with a crash and with a lost reply at each request. `make flows` plays it with every kind.
fn survives_every_crash(flow: Flow) {
    survives(flow, simulation::crashes(flow));
}

fn survives(flow: Flow, runs: Vec<Options>) {
    assert!(runs.len() > 100, "{} runs", runs.len());
    for options in runs {
        let report = simulation::play(&options);
        assert!(
            report.violations.is_empty(),
            "{flow:?} with {:?}: {:#?}\n{}",
            options.at,
            report.violations,
            report.trace.join("\n")
        );
    }
}

#[test]
fn a_usage_survives_every_fault_at_every_request() {
    survives_every_fault(Flow::Usage);
}

#[test]
fn a_batch_survives_every_fault_at_every_request() {
    survives_every_fault(Flow::Batch);
}

#[test]
fn the_outbox_survives_every_fault_at_every_request() {
    survives_every_fault(Flow::Outbox);
}

#[test]
fn a_pack_survives_every_fault_at_every_request() {
    survives_every_fault(Flow::Pack);
}

#[test]
fn a_plan_survives_every_crash_at_every_request() {
    survives_every_crash(Flow::Plan);
}

#[test]
fn a_refund_survives_every_crash_at_every_request() {
    survives_every_crash(Flow::Refund);
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..10 {
        assert_eq!(simulation::run(seed), simulation::run(seed), "seed {seed}");
    }
    assert_ne!(simulation::run(1).trace_hash, simulation::run(2).trace_hash);
}

#[test]
fn every_kind_of_fault_occurs() {
    let mut kinds = BTreeSet::new();
    for seed in 2_000..2_060 {
        let faults = simulation::run(seed).faults.into_keys();
        kinds.extend(faults.map(|(_, kind)| kind));
    }
    for kind in simulation::KINDS {
        assert!(kinds.contains(kind), "no {kind} among {kinds:?}");
    }
}

#[test]
fn a_run_limited_to_zero_faults_has_none_and_no_violations() {
    let options = Options {
        most_faults: 0,
        ..Options::of(7)
    };
    let report = simulation::play(&options);
    assert_eq!(report.violations, Vec::<String>::new());
    assert_eq!(report.faults.len(), 0);
    assert!(report.struck > 0);
}

#[test]
fn every_planted_mistake_applies_to_its_files() {
    let bugs = planted::all();
    assert!(bugs.len() >= 25, "{} mistakes", bugs.len());
    let names: BTreeSet<&str> = bugs.iter().map(|bug| bug.name.as_str()).collect();
    assert_eq!(names.len(), bugs.len());
    let places = bugs.iter().flat_map(|bug| &bug.places);
    let files: BTreeSet<&str> = places.map(|place| place.file.as_str()).collect();
    for file in files {
        let text = std::fs::read_to_string(planted::project().join(file));
        let text = text.expect("a file of the project");
        assert_eq!(planted::plant(&bugs, file, text).err(), None);
    }
}
