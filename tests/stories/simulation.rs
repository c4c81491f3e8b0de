//! Seeds of the simulation, each another run in which everything goes wrong: nothing is lost, and nothing happens twice.

use std::collections::BTreeSet;

use tests::planted;
use tests::simulation::{self, Options};

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
    for seed in 2_000..2_100 {
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
    for bug in bugs {
        let file = planted::project().join(&bug.file);
        let text = std::fs::read_to_string(&file).expect("a file of the project");
        assert_eq!(bug.plant(&text).err(), None);
    }
}
