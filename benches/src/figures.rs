//! Everything that a run has measured.

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
    /// How it was started.
    pub(crate) command: String,
    /// Where.
    pub(crate) machine: String,
    /// When, in UTC.
    pub(crate) day: String,
    /// What was compared.
    pub(crate) versions: Vec<String>,
    /// How much was measured.
    pub(crate) amount: Amount,
    /// Time and memory, by program.
    pub(crate) speeds: BTreeMap<String, Speed>,
    /// Instructions of a start, by program.
    pub(crate) init: BTreeMap<String, Shares>,
    /// Instructions of a warm invocation, by program.
    pub(crate) warm: BTreeMap<String, Shares>,
    /// Bytes of what is deployed, by function.
    pub(crate) zips: BTreeMap<String, u64>,
    /// Those of what it is compared with.
    pub(crate) other_zips: BTreeMap<String, u64>,
    /// What each flow asks of others.
    pub(crate) asked: BTreeMap<String, Asked>,
    /// What happens when providers hang.
    pub(crate) hang: Option<Hang>,
    /// What happens when there are more and more environments.
    pub(crate) scale: Vec<Point>,
    /// The prices.
    pub(crate) prices: Prices,
    /// What a million usages cost.
    pub(crate) costs: BTreeMap<String, Cost>,
    /// How the goals stand.
    pub(crate) goals: Vec<Verdict>,
}
