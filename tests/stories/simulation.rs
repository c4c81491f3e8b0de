//! Seeds of the simulation, each another run in which everything goes wrong: nothing is lost, and nothing happens twice.

use std::collections::BTreeSet;

use tests::planted;
use tests::simulation::{self, Flow, Options};

/// How many seeds one story plays; the runner plays the stories side by side.
const SEEDS: u64 = 125;

/// Plays the seeds of a part; one that fails is told of as short as it can be made.
fn come_to_a_good_end(part: u64) {
    for seed in part * SEEDS..(part + 1) * SEEDS {
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

macro_rules! parts {
    ($($name:ident: $part:expr),* $(,)?) => {
        $(
            #[test]
            fn $name() {
                come_to_a_good_end($part);
            }
        )*
    };
}

parts! {
    the_first_seeds_come_to_a_good_end: 0,
    the_second_part_of_a_thousand_does: 1,
    the_third_part_does: 2,
    the_fourth_part_does: 3,
    the_fifth_part_does: 4,
    the_sixth_part_does: 5,
    the_seventh_part_does: 6,
    the_last_part_of_a_thousand_does: 7,
}

/// Plays a flow with each kind of fault at each request.
fn survives_every_fault(flow: Flow) {
    survives(flow, simulation::singles(flow));
}

/// Plays a long flow with a crash and with a lost reply at each request; `make flows` plays it with every kind.
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
fn every_kind_of_fault_comes() {
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
fn a_run_without_faults_meets_none() {
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
fn mistakes_can_be_planted_where_they_are_looked_for() {
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
