//! The goals: what is to be reached, what was, and what is to be said of the rest.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::figures::Figures;
use crate::flow::{BATCH, Flow};
use crate::owner::Owner;
use crate::statistics::number;
use crate::trial::least_linear;
use Bound::{AtLeast, AtMost};

/// What is to be reached.
struct Goal {
    id: &'static str,
    what: &'static str,
    bound: Bound,
    unit: &'static str,
    figure: fn(&Figures) -> Option<f64>,
}

/// On which side of a figure it is reached.
#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

/// How a goal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Standing {
    /// It is reached.
    Met,
    /// It is not, and `explanations.json` says why.
    Explained,
    /// It is not, or was not measured.
    Open,
}

/// A goal, and what was measured.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Verdict {
    /// Its name in `explanations.json`.
    pub(crate) id: &'static str,
    /// What it is about.
    pub(crate) what: &'static str,
    /// What is to be reached, in words.
    pub(crate) goal: String,
    /// What was measured.
    pub(crate) figure: Option<f64>,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// The figure in relation to the bound.
    pub(crate) ratio: Option<f64>,
    /// How it stands.
    pub(crate) standing: Standing,
    /// Why it is not reached.
    pub(crate) explanation: Option<String>,
}

const OURS: &str = "record-usage";

/// Holds the figures against the goals.
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

/// A figure with as many places as it needs.
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

/// What a start costs.
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

/// What a warm usage costs.
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
            "of these, ours",
            AtMost(250.0),
            "k",
            |figures| Some(figures.warm.get(OURS)?.by_owner.get(&Owner::Ours)? / 1e3),
        ),
    ]
}

/// Memory, and what is deployed.
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
            "growth in as many again",
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

/// What DynamoDB writes.
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

/// What happens when others are slow, and when there is much to do.
fn trials() -> Vec<Goal> {
    vec![
        goal(
            "hang_cpu",
            "providers hang: CPU of the answer",
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
            "1 to 16 environments, part of linear while there is CPU",
            AtLeast(0.95),
            "",
            |figures| least_linear(&figures.scale),
        ),
    ]
}

/// How many requests a flow has one after another.
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
            "sequential hops of a later one",
            1.0,
            VerifyAgain
        ),
        hop!("hops_webhook", "sequential hops of a webhook", 3.0, Webhook),
        hop!("hops_portal", "sequential hops of a portal", 2.0, Portal),
        hop!("hops_balance", "sequential hops of a balance", 1.0, Balance),
    ]
}
