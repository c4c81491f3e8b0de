//! What each flow asks of others: requests, how many one after another, and DynamoDB's units.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::flow::{self, Caller, Flow};
use crate::program::{Program, invoke};
use crate::statistics::{Sample, number, size};
use crate::units::Units;
use crate::wire::rounds;
use crate::world::{Failure, World};

/// Long enough that requests which are sent at once overlap, whatever else the machine does.
const LATENCY: Duration = Duration::from_millis(40);

/// How often each is looked at.
const TIMES: usize = 5;

/// What a flow asks of others.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Asked {
    /// Rounds of requests, one after another.
    pub(crate) rounds: f64,
    /// Requests in all.
    pub(crate) requests: f64,
    /// DynamoDB's units.
    pub(crate) units: Units,
    /// What it writes to its log.
    pub(crate) log_bytes: f64,
    /// The requests of the last time, in the order in which they came.
    pub(crate) in_order: Vec<String>,
}

/// Looks at all flows.
pub(crate) async fn of_all(
    world: &World,
    caller: &mut Caller<'_>,
    programs: &BTreeMap<String, Program>,
) -> Result<BTreeMap<String, Asked>, Failure> {
    let mut all = BTreeMap::new();
    for flow in flow::ALL {
        let Some(program) = programs.get(flow.function()) else {
            continue;
        };
        let asked = of_flow(world, caller, program, flow).await;
        let asked = asked.map_err(|error| format!("{}: {error}", flow.name()))?;
        all.insert(flow.name().to_owned(), asked);
    }
    Ok(all)
}

/// Looks at one flow.
pub(crate) async fn of_flow(
    world: &World,
    caller: &mut Caller<'_>,
    program: &Program,
    flow: Flow,
) -> Result<Asked, Failure> {
    world.traffic.take(Duration::ZERO, Duration::ZERO);
    let lambda = program.start(&world.variables()).await?;
    // The first one makes connections, and learns what is kept.
    let event = caller.event(flow).await?;
    invoke(&lambda, &event).await?;
    let (mut counted, mut requests, mut units) = (Vec::new(), 0.0, Units::default());
    let mut in_order = Vec::new();
    for _ in 0..TIMES {
        let event = caller.event(flow).await?;
        world.traffic.take(LATENCY, LATENCY);
        world.traffic.count(true);
        invoke(&lambda, &event).await?;
        let mut seen = world.traffic.take_seen();
        world.traffic.count(false);
        world.traffic.take(Duration::ZERO, Duration::ZERO);
        counted.push(number(rounds(&seen)));
        requests += size(seen.len()) / size(TIMES);
        for one in &seen {
            units += one.units;
        }
        seen.sort_by_key(|one| one.arrived);
        in_order = seen.into_iter().map(|one| one.what).collect();
    }
    lambda.kill().await;
    let lines = lambda.lines();
    let log_bytes = lines.iter().map(|line| line.text.len() + 1).sum();
    Ok(Asked {
        rounds: Sample::of(counted).median,
        requests,
        units: Units {
            write: units.write / size(TIMES),
            read: units.read / size(TIMES),
        },
        // The first one logs, too.
        log_bytes: size(log_bytes) / size(TIMES + 1),
        in_order,
    })
}
