//! The budget: the most that a start and each flow may spend. Also the check that they keep to it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::time::Duration;

use benches::flow::{self, Caller, Flow};
use benches::function::{self, invoke};
use benches::traffic::hops;
use benches::world::{Failure, World};

use crate::callgrind;

/// File of the budget.
const FILE: &str = "tests/bench/budget.json";

/// Growth of a figure that fails the check, in percent.
const SLACK_PERCENT: u64 = 5;

/// Flows whose instructions are counted, one for each function, with their invocations. Payments are last, because they
/// make the account's item larger.
const COUNTED: [(Flow, usize); 7] = [
    (Flow::Usage, 45),
    (Flow::Balance, 45),
    (Flow::Portal, 30),
    (Flow::Checkout, 30),
    (Flow::Outbox, 15),
    (Flow::Verify, 30),
    (Flow::Webhook, 30),
];

/// Latency of each response while hops are counted. It is long enough that concurrent requests overlap on a busy
/// machine.
const LATENCY: Duration = Duration::from_millis(40);

/// Number of invocations of each flow whose requests are counted.
const TIMES: usize = 3;

/// Figures of each start and flow: by its name, and by the figure's.
pub(crate) type Figures = BTreeMap<String, BTreeMap<String, u64>>;

/// Reads the budget.
pub(crate) fn read() -> Result<Figures, Failure> {
    Ok(serde_json::from_str(&fs::read_to_string(FILE)?)?)
}

/// Saves figures as the budget.
pub(crate) fn save(figures: &Figures) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(figures)? + "\n";
    Ok(fs::write(FILE, text)?)
}

/// Counts all figures.
pub(crate) async fn count() -> Result<Figures, Failure> {
    let mut figures = Figures::new();
    let mut add = |name: &str, figure: &str, count| {
        let figures = figures.entry(name.to_owned()).or_default();
        figures.insert(figure.to_owned(), count);
    };
    let world = World::start().await?;
    let mut caller = Caller::new(&world, "acct_bench").await?;
    for (flow, times) in COUNTED {
        let (name, function) = (flow.name(), flow.function());
        let counted = instructions(&world, &mut caller, flow, times).await;
        let (start, invocation) = counted.map_err(|error| format!("{name}: {error}"))?;
        add(function, "start instructions", start);
        add(name, "instructions", invocation);
    }
    // A new world, because payments have made the items larger.
    let world = World::start().await?;
    let mut caller = Caller::new(&world, "acct_bench").await?;
    for flow in flow::ALL {
        let name = flow.name();
        let counted = requests(&world, &mut caller, flow).await;
        for (figure, count) in counted.map_err(|error| format!("{name}: {error}"))? {
            add(name, figure, count);
        }
    }
    Ok(figures)
}

/// Counts the instructions of a function's start and of a warm invocation.
///
/// Those of an invocation are the difference between a longer and a shorter run, divided: work that is done once cancels
/// out.
async fn instructions(
    world: &World,
    caller: &mut Caller<'_>,
    flow: Flow,
    times: usize,
) -> Result<(u64, u64), Failure> {
    let mut events = Vec::with_capacity(times);
    for _ in 0..times {
        events.push(caller.event(flow).await?);
    }
    let (first, rest) = events.split_at(times / 3);
    let start = callgrind::count(world, flow.function(), &[]).await?;
    let less = callgrind::count(world, flow.function(), first).await?;
    let more = callgrind::count(world, flow.function(), rest).await?;
    let difference = u64::try_from(rest.len() - first.len())?;
    Ok((start, more.saturating_sub(less) / difference))
}

/// Counts a flow's requests to other systems, DynamoDB's units, and the bytes that it logs.
///
/// Each figure is the least of some invocations: a busy machine only adds hops.
async fn requests(
    world: &World,
    caller: &mut Caller<'_>,
    flow: Flow,
) -> Result<BTreeMap<&'static str, u64>, Failure> {
    let lambda = function::start(&function::binary(flow.function())?, world.variables()).await?;
    // The first invocation opens connections and fills caches.
    invoke(&lambda, &caller.event(flow).await?).await?;
    let mut least: BTreeMap<&str, u64> = BTreeMap::new();
    for _ in 0..TIMES {
        let event = caller.event(flow).await?;
        let before = world.consumed();
        world.traffic.take(LATENCY, LATENCY);
        world.traffic.record();
        invoke(&lambda, &event).await?;
        let exchanges = world.traffic.recorded();
        world.traffic.take(Duration::ZERO, Duration::ZERO);
        let after = world.consumed();
        for (figure, count) in [
            ("requests", u64::try_from(exchanges.len())?),
            ("hops", hops(exchanges)),
            ("write units", after.write_units - before.write_units),
            (
                "half read units",
                after.read_half_units - before.read_half_units,
            ),
        ] {
            let so_far = least.entry(figure).or_insert(count);
            *so_far = count.min(*so_far);
        }
    }
    lambda.kill().await;
    let lines = lambda.lines();
    let logged: usize = lines.iter().map(|line| line.text.len() + 1).sum();
    least.insert("log bytes", u64::try_from(logged / (TIMES + 1))?);
    Ok(least)
}

/// Compares counted figures with the budget; returns a table, and whether the budget is kept.
pub(crate) fn compare(budget: &Figures, counted: &Figures) -> (String, bool) {
    let (mut text, mut kept) = (String::new(), true);
    for (name, figures) in counted {
        for (figure, now) in figures {
            let allowed = budget.get(name).and_then(|figures| figures.get(figure));
            let (verdict, keeps) = match allowed {
                None => ("HAS NO BUDGET", false),
                Some(allowed) if exceeds(*now, *allowed) => ("OVER BUDGET", false),
                Some(allowed) if exceeds(*allowed, *now) => {
                    ("less: save it with `make budget ARGS=--renew`", true)
                }
                Some(_) => ("", true),
            };
            kept &= keeps;
            let allowed = allowed.copied().unwrap_or_default();
            let row = format!("{name:<20} {figure:<20} {now:>10} of {allowed:>10} {verdict}");
            let _ = writeln!(text, "{}", row.trim_end());
        }
    }
    (text, kept)
}

/// Returns whether a count is larger than another by the slack.
fn exceeds(count: u64, other: u64) -> bool {
    count > other && count.saturating_mul(100) >= other.saturating_mul(100 + SLACK_PERCENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: u64) -> Figures {
        let figures = BTreeMap::from([("hops".to_owned(), count)]);
        BTreeMap::from([("usage".to_owned(), figures)])
    }

    #[test]
    fn growth_of_five_percent_is_over_budget() {
        for (allowed, now, kept) in [
            (1_000, 1_049, true),
            (1_000, 1_050, false),
            (3, 3, true),
            (3, 4, false),
            (0, 0, true),
            (0, 1, false),
            (1_000, 10, true),
        ] {
            assert_eq!(
                compare(&of(allowed), &of(now)).1,
                kept,
                "{now} of {allowed}"
            );
        }
    }

    #[test]
    fn a_figure_without_a_budget_fails() {
        assert!(!compare(&Figures::new(), &of(1)).1);
    }
}
