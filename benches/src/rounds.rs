//! Counts each flow's requests to other systems, its sequential rounds, and DynamoDB's units.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::flow::{self, Caller, Flow};
use crate::program::{Program, invoke};
use crate::statistics::{Sample, number, size};
use crate::units::Units;
use crate::wire::rounds;
use crate::world::{Failure, World};

/// Latency of each response, long enough that concurrent requests overlap even on a busy machine.
const LATENCY: Duration = Duration::from_millis(40);

/// Number of measured invocations of each flow.
const TIMES: usize = 5;

/// Requests of a flow to other systems.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Asked {
    /// Sequential rounds of requests.
    pub(crate) rounds: f64,
    /// All requests.
    pub(crate) requests: f64,
    /// DynamoDB's units.
    pub(crate) units: Units,
    /// Bytes that it writes to its log.
    pub(crate) log_bytes: f64,
    /// The requests of the last invocation, in the order of their arrival.
    pub(crate) in_order: Vec<String>,
}

/// Measures all flows.
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

/// Measures one flow.
pub(crate) async fn of_flow(
    world: &World,
    caller: &mut Caller<'_>,
    program: &Program,
    flow: Flow,
) -> Result<Asked, Failure> {
    world.traffic.take(Duration::ZERO, Duration::ZERO);
    let lambda = program.start(&world.variables()).await?;
    // The first invocation opens connections and fills caches.
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
        // The first invocation logs as well.
        log_bytes: size(log_bytes) / size(TIMES + 1),
        in_order,
    })
}
