//! The goals: their bounds, the measured figures, and explanations of those that are not met.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::Figures;
use crate::flow::{BATCH, Flow};
use crate::owner::Owner;
use crate::statistics::number;
use crate::trial::least_linear;
use Bound::{AtLeast, AtMost};

/// A goal of performance.
struct Goal {
    id: &'static str,
    what: &'static str,
    bound: Bound,
    unit: &'static str,
    figure: fn(&Figures) -> Option<f64>,
}

/// The bound of a goal.
#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// State of a goal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// The goal is met.
    Met,
    /// The goal is not met, and `explanations.json` explains the reason.
    Explained,
    /// The goal is not met, or was not measured.
    Open,
}

/// A goal with its measured figure.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    /// Its name in `explanations.json`.
    pub(crate) id: &'static str,
    /// Description of the figure.
    pub(crate) what: &'static str,
    /// Bound and unit, as text.
    pub(crate) goal: String,
    /// The measured figure.
    pub(crate) figure: Option<f64>,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// The figure in relation to the bound.
    pub(crate) ratio: Option<f64>,
    /// Its state.
    pub(crate) standing: Standing,
    /// Reason that it is not met.
    pub(crate) explanation: Option<String>,
}

const OURS: &str = "record-usage";

/// Compares the figures with the goals.
pub(crate) fn judge(figures: &Figures, explanations: &BTreeMap<String, String>) -> Vec<Verdict> {
    goals()
        .into_iter()
        .map(|goal| goal.judge(figures, explanations))
        .collect()
}

impl Goal {
    fn judge(&self, figures: &Figures, explanations: &BTreeMap<String, String>) -> Verdict {
        let figure = (self.figure)(figures).filter(|figure| figure.is_finite());
        let (sign, limit) = match self.bound {
            Bound::AtMost(limit) => ("≤", limit),
            Bound::AtLeast(limit) => ("≥", limit),
        };
        let met = figure.is_some_and(|figure| match self.bound {
            Bound::AtMost(limit) => figure <= limit,
            Bound::AtLeast(limit) => figure >= limit,
        });
        let explanation = explanations
            .get(self.id)
            .filter(|_| !met && figure.is_some());
        let standing = match (met, explanation) {
            (true, _) => Standing::Met,
            (false, Some(_)) => Standing::Explained,
            (false, None) => Standing::Open,
        };
        Verdict {
            id: self.id,
            what: self.what,
            goal: format!("{sign} {} {}", shown(limit), self.unit)
                .trim()
                .to_owned(),
            figure,
            unit: self.unit,
            ratio: figure.map(|figure| figure / limit),
            standing,
            explanation: explanation.cloned(),
        }
    }
}

/// Formats a figure with as many decimals as it needs.
pub(crate) fn shown(figure: f64) -> String {
    match figure.abs() {
        large if large >= 100.0 || figure.fract() == 0.0 => format!("{figure:.0}"),
        middle if middle >= 10.0 => format!("{figure:.1}"),
        _ => format!("{figure:.2}"),
    }
}

fn speed(figures: &Figures, program: &str, of: fn(&crate::speed::Speed) -> f64) -> Option<f64> {
    figures.speeds.get(program).map(of)
}

fn rounds(figures: &Figures, flow: Flow) -> Option<f64> {
    figures.asked.get(flow.name()).map(|asked| asked.rounds)
}

fn writes(figures: &Figures, flow: Flow) -> Option<f64> {
    figures
        .asked
        .get(flow.name())
        .map(|asked| asked.units.write)
}

fn init_cpu(speed: &crate::speed::Speed) -> f64 {
    speed.init_cpu_ms.median
}

fn warm_cpu(speed: &crate::speed::Speed) -> f64 {
    speed.warm_cpu_us.median
}

const fn goal(
    id: &'static str,
    what: &'static str,
    bound: Bound,
    unit: &'static str,
    figure: fn(&Figures) -> Option<f64>,
) -> Goal {
    Goal {
        id,
        what,
        bound,
        unit,
        figure,
    }
}

fn goals() -> Vec<Goal> {
    let all = [
        starts(),
        warm(),
        hops(),
        sizes(),
        writes_of_usages(),
        trials(),
    ];
    all.into_iter().flatten().collect()
}

/// Goals for a start.
fn starts() -> Vec<Goal> {
    vec![
        goal(
            "init_cpu_of_hello",
            "CPU of a start, × bare hello",
            AtMost(1.6),
            "×",
            |figures| Some(speed(figures, OURS, init_cpu)? / speed(figures, "hello", init_cpu)?),
        ),
        goal(
            "init_cpu_of_node",
            "CPU of a start, × less than Node.js",
            AtLeast(60.0),
            "×",
            |figures| Some(speed(figures, "node", init_cpu)? / speed(figures, OURS, init_cpu)?),
        ),
        goal(
            "init_instructions",
            "instructions of a start",
            AtMost(1.5),
            "M",
            |figures| Some(figures.init.get(OURS)?.total / 1e6),
        ),
    ]
}

/// Goals for a warm usage.
fn warm() -> Vec<Goal> {
    vec![
        goal(
            "warm_cpu_of_node",
            "CPU of a warm usage, × less than Node.js",
            AtLeast(10.0),
            "×",
            |figures| Some(speed(figures, "node", warm_cpu)? / speed(figures, OURS, warm_cpu)?),
        ),
        goal(
            "warm_instructions",
            "instructions of a warm usage",
            AtMost(1.9),
            "M",
            |figures| Some(figures.warm.get(OURS)?.total / 1e6),
        ),
        goal(
            "our_instructions",
            "of which ours",
            AtMost(250.0),
            "k",
            |figures| Some(figures.warm.get(OURS)?.by_owner.get(&Owner::Ours)? / 1e3),
        ),
    ]
}

/// Goals for memory and the deployed zip.
fn sizes() -> Vec<Goal> {
    vec![
        goal(
            "rss",
            "memory after many invocations",
            AtMost(10.0),
            "MB",
            |figures| Some(speed(figures, OURS, |speed| speed.rss_kb)? / 1024.0),
        ),
        goal(
            "rss_growth",
            "growth over as many more",
            AtMost(64.0),
            "KB",
            |figures| speed(figures, OURS, |speed| speed.growth_kb),
        ),
        goal(
            "zip",
            "the largest function's zip",
            AtMost(4.0),
            "MB",
            |figures| {
                let largest = figures.zips.values().max()?;
                Some(number(*largest) / 1e6)
            },
        ),
    ]
}

/// Goals for DynamoDB's write units.
fn writes_of_usages() -> Vec<Goal> {
    vec![
        goal(
            "writes",
            "write units of a usage",
            AtMost(10.0),
            "",
            |figures| writes(figures, Flow::Usage),
        ),
        goal(
            "writes_member",
            "write units of a usage with a member",
            AtMost(12.0),
            "",
            |figures| writes(figures, Flow::UsageOfMember),
        ),
        goal(
            "writes_batch",
            "write units of a usage in a batch of 45",
            AtMost(7.0),
            "",
            |figures| Some(writes(figures, Flow::Batch)? / number(BATCH)),
        ),
    ]
}

/// Goals for hanging providers and for many environments.
fn trials() -> Vec<Goal> {
    vec![
        goal(
            "hang_cpu",
            "providers hang: CPU of the response",
            AtMost(20.0),
            "ms",
            |figures| Some(figures.hang.as_ref()?.cpu_ms.median),
        ),
        goal(
            "hang_wall",
            "providers hang: time beyond the budget",
            AtMost(100.0),
            "ms",
            |figures| Some(figures.hang.as_ref()?.beyond_budget_ms.median),
        ),
        goal(
            "linear",
            "1 to 16 environments, share of linear scaling while CPU is free",
            AtLeast(0.95),
            "",
            |figures| least_linear(&figures.scale),
        ),
    ]
}

/// Goals for the sequential requests of a flow.
fn hops() -> Vec<Goal> {
    macro_rules! hop {
        ($id:literal, $what:literal, $limit:literal, $flow:ident) => {
            Goal {
                id: $id,
                what: $what,
                bound: Bound::AtMost($limit),
                unit: "",
                figure: |figures| rounds(figures, Flow::$flow),
            }
        };
    }
    vec![
        hop!("hops_usage", "sequential hops of a usage", 3.0, Usage),
        hop!(
            "hops_checkout",
            "sequential hops of a checkout",
            3.0,
            Checkout
        ),
        hop!(
            "hops_verify",
            "sequential hops of a first verification",
            3.0,
            Verify
        ),
        hop!(
            "hops_verify_again",
            "sequential hops of a later verification",
            1.0,
            VerifyAgain
        ),
        hop!("hops_webhook", "sequential hops of a webhook", 3.0, Webhook),
        hop!("hops_portal", "sequential hops of a portal", 2.0, Portal),
        hop!("hops_balance", "sequential hops of a balance", 1.0, Balance),
    ]
}
