//! Seeds of the simulation, each another run in which everything goes wrong: nothing is lost, and nothing happens twice.

use tests::simulation;

/// Plays some seeds; the runner plays the stories side by side.
fn hold(seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let report = simulation::run(seed);
        assert!(
            report.violations.is_empty(),
            "seed {seed}: {:#?}\n{}",
            report.violations,
            report.trace.join("\n")
        );
    }
}

#[test]
fn the_first_seeds_come_to_a_good_end() {
    hold(0..25);
}

#[test]
fn the_seeds_after_them_do_so_too() {
    hold(25..50);
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..5 {
        assert_eq!(simulation::run(seed), simulation::run(seed), "seed {seed}");
    }
    assert_ne!(simulation::run(1).trace_hash, simulation::run(2).trace_hash);
}
