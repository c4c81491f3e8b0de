//! All figures of a run.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cost::{Cost, Prices};
use crate::goal::Verdict;
use crate::profile::Shares;
use crate::rounds::Asked;
use crate::speed::{Amount, Speed};
use crate::trial::{Hang, Point};

/// The figures of one run.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    /// Command that started the run.
    pub(crate) command: String,
    /// Machine of the run.
    pub(crate) machine: String,
    /// Day of the run, in UTC.
    pub(crate) day: String,
    /// Versions of the tools and runtimes.
    pub(crate) versions: Vec<String>,
    /// Number of measurements.
    pub(crate) amount: Amount,
    /// Time and memory, by program.
    pub(crate) speeds: BTreeMap<String, Speed>,
    /// Instructions of a start, by program.
    pub(crate) init: BTreeMap<String, Shares>,
    /// Instructions of a warm invocation, by program.
    pub(crate) warm: BTreeMap<String, Shares>,
    /// Bytes of the deployed zip, by function.
    pub(crate) zips: BTreeMap<String, u64>,
    /// Bytes of the zips that are compared with them.
    pub(crate) other_zips: BTreeMap<String, u64>,
    /// Requests of each flow to other systems.
    pub(crate) asked: BTreeMap<String, Asked>,
    /// Figures of the trial in which providers hang.
    pub(crate) hang: Option<Hang>,
    /// Figures of the trial with more and more environments.
    pub(crate) scale: Vec<Point>,
    /// The prices.
    pub(crate) prices: Prices,
    /// Cost of a million usages.
    pub(crate) costs: BTreeMap<String, Cost>,
    /// State of the goals.
    pub(crate) goals: Vec<Verdict>,
}
