//! Shortens a run that fails, for people to read.

use super::plan::Options;
use super::{Report, play};

/// Returns a shorter run of a seed that fails, and its report. None if the seed does not fail.
///
/// It minimizes the number of faults first, then the actors, then the single faults.
pub fn shrink(seed: u64) -> Option<(Options, Report)> {
    let mut options = Options::of(seed);
    let mut report = fails(&options)?;
    let (mut too_few, mut enough) = (0, report.struck);
    while too_few < enough {
        let tried = Options {
            most_faults: u64::midpoint(too_few, enough),
            ..options.clone()
        };
        match fails(&tried) {
            Some(shorter) => {
                enough = tried.most_faults;
                (options, report) = (tried, shorter);
            }
            None => too_few = tried.most_faults + 1,
        }
    }
    for actor in report.actors.clone() {
        let mut tried = options.clone();
        tried.idle.insert(actor);
        if let Some(shorter) = fails(&tried) {
            (options, report) = (tried, shorter);
        }
    }
    for fault in 0..report.struck.min(options.most_faults) {
        let mut tried = options.clone();
        tried.spared.insert(fault);
        if let Some(shorter) = fails(&tried) {
            (options, report) = (tried, shorter);
        }
    }
    Some((options, report))
}

fn fails(options: &Options) -> Option<Report> {
    let report = play(options);
    (!report.violations.is_empty()).then_some(report)
}
