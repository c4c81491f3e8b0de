//! The budget: the instructions that each function may spend, and the check that it keeps to them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::callgrind::start_and_invocations;
use crate::flow::{Caller, Flow};
use crate::program::Program;
use crate::world::{Failure, World};

/// The counted flows, one for each function, with their invocations, which are counted in thirds (see `callgrind.rs`).
/// Payments are last, because they make the account's item larger.
const COUNTED: [(Flow, usize); 7] = [
    (Flow::Usage, 45),
    (Flow::Balance, 45),
    (Flow::Portal, 30),
    (Flow::Checkout, 30),
    (Flow::Outbox, 15),
    (Flow::Verify, 30),
    (Flow::Webhook, 30),
];

/// Growth of a function that fails the check, in percent.
const SLACK_PERCENT: u64 = 5;

/// Instructions that a function spends.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(crate) struct Spent {
    /// Instructions of a start.
    start: u64,
    /// Instructions of a warm invocation.
    invocation: u64,
}

/// The budget of each function.
pub(crate) type Budget = BTreeMap<String, Spent>;

/// Compares the spent instructions with the budget in a file; returns the report, and whether the budget is kept.
pub(crate) fn check(file: &Path, spent: &Budget) -> Result<(String, bool), Failure> {
    let budget: Budget = serde_json::from_str(&fs::read_to_string(file)?)?;
    Ok(compare(&budget, spent))
}

/// Saves the spent instructions as the budget; returns its text.
pub(crate) fn renew(file: &Path, spent: &Budget) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(spent)? + "\n";
    fs::write(file, &text)?;
    Ok(text)
}

/// Counts the instructions of each function.
pub(crate) async fn count(
    world: &World,
    caller: &mut Caller<'_>,
    programs: &BTreeMap<String, Program>,
    folder: &Path,
) -> Result<Budget, Failure> {
    let mut spent = Budget::new();
    for (flow, times) in COUNTED {
        let program = programs
            .get(flow.function())
            .ok_or("a function was not built")?;
        let mut events = Vec::with_capacity(times);
        for _ in 0..times {
            events.push(caller.event(flow).await?);
        }
        let counted = start_and_invocations(world, program, &events, folder).await;
        let counted = counted.map_err(|error| format!("{}: {error}", flow.function()))?;
        let whole = |figure: f64| format!("{figure:.0}").parse().unwrap_or(u64::MAX);
        let figures = Spent {
            start: whole(counted.init.total),
            invocation: whole(counted.warm.total),
        };
        spent.insert(flow.function().to_owned(), figures);
    }
    Ok(spent)
}

/// Compares the spent instructions with the budget.
fn compare(budget: &Budget, spent: &Budget) -> (String, bool) {
    let mut text =
        String::from("| instructions | | budget | now | % | |\n|---|---|---|---|---|---|\n");
    let mut kept = true;
    for (name, now) in spent {
        let Some(allowed) = budget.get(name) else {
            let _ = writeln!(text, "| {name} | | none | | | **has no budget** |");
            kept = false;
            continue;
        };
        for (what, allowed, now) in [
            ("a start", allowed.start, now.start),
            ("an invocation", allowed.invocation, now.invocation),
        ] {
            let percent = now.saturating_mul(100) / allowed.max(1);
            let verdict = match percent {
                over if over >= 100 + SLACK_PERCENT => {
                    kept = false;
                    "**over budget**"
                }
                under if under < 100 - SLACK_PERCENT => {
                    "less: save it with `make budget ARGS=--renew`"
                }
                _ => "",
            };
            let _ = writeln!(
                text,
                "| {name} | {what} | {allowed} | {now} | {percent} | {verdict} |"
            );
        }
    }
    (text, kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(start: u64, invocation: u64) -> Budget {
        BTreeMap::from([("record-usage".to_owned(), Spent { start, invocation })])
    }

    #[test]
    fn growth_of_five_percent_is_over_budget() {
        assert!(compare(&of(1_000, 1_000), &of(1_049, 1_049)).1);
        assert!(!compare(&of(1_000, 1_000), &of(1_050, 1_000)).1);
        assert!(!compare(&of(1_000, 1_000), &of(1_000, 1_050)).1);
    }

    #[test]
    fn a_function_without_a_budget_fails() {
        assert!(!compare(&Budget::new(), &of(1, 1)).1);
    }
}
