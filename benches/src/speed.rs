//! Measures time and memory of starts and of warm invocations; the programs take turns.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use local::lambda::Lambda;
use serde::Serialize;
use serde_json::Value;

use crate::flow::with_key;
use crate::process::{cpu_ns, rss_kb};
use crate::program::{Program, invoke};
use crate::statistics::{Sample, number};
use crate::world::{Failure, World};

/// Number of invocations in one program's turn.
const TURN: usize = 100;

/// Number of measurements.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Amount {
    /// Starts of each program.
    pub(crate) spawns: usize,
    /// Timed warm invocations of each program.
    pub(crate) invocations: usize,
    /// Invocations after which memory is measured, and again after as many more.
    pub(crate) memory: usize,
}

/// Measurements of one program.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Speed {
    /// CPU time until the program asks for its first invocation.
    pub(crate) init_cpu_ms: Sample,
    /// Time until then, from just before the process is created.
    pub(crate) init_wall_ms: Sample,
    /// Memory at that point.
    pub(crate) init_rss_kb: Sample,
    /// CPU time of a warm invocation.
    pub(crate) warm_cpu_us: Sample,
    /// Memory after many invocations.
    pub(crate) rss_kb: f64,
    /// Growth of memory over as many more invocations.
    pub(crate) growth_kb: f64,
}

/// Measures programs, each with an event that is repeated under new keys.
pub(crate) async fn measure(
    world: &World,
    programs: &[(Program, Value)],
    amount: Amount,
) -> Result<BTreeMap<String, Speed>, Failure> {
    let variables = world.variables();
    let mut speeds: BTreeMap<String, Speed> = BTreeMap::new();
    world
        .traffic
        .take(Duration::from_millis(1), Duration::from_millis(1));
    let mut starts: BTreeMap<String, Vec<Start>> = BTreeMap::new();
    for _ in 0..amount.spawns {
        for (program, _) in programs {
            let start = Start::of(program, &variables).await?;
            starts.entry(program.name.clone()).or_default().push(start);
        }
    }
    for (name, starts) in starts {
        let of = |value: fn(&Start) -> f64| Sample::of(starts.iter().map(value).collect());
        let speed = speeds.entry(name).or_default();
        speed.init_cpu_ms = of(|start| start.cpu_ms);
        speed.init_wall_ms = of(|start| start.wall_ms);
        speed.init_rss_kb = of(|start| start.rss_kb);
    }
    let mut running = Vec::new();
    for (program, event) in programs {
        running.push(Running::start(program, event, &variables).await?);
    }
    // The first turn makes what is made once, such as connections.
    for one in &mut running {
        one.go(TURN).await?;
    }
    let mut warm: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for _ in 0..amount.invocations.div_ceil(TURN) {
        for one in &mut running {
            let cpu_us = one.go(TURN).await?;
            warm.entry(one.name.clone()).or_default().push(cpu_us);
        }
    }
    for (name, values) in warm {
        speeds.entry(name).or_default().warm_cpu_us = Sample::of(values);
    }
    world.traffic.take(Duration::ZERO, Duration::ZERO);
    for one in running {
        let speed = speeds.entry(one.name.clone()).or_default();
        one.memory(amount.memory, speed).await?;
    }
    Ok(speeds)
}

/// Measurements of one start.
struct Start {
    cpu_ms: f64,
    wall_ms: f64,
    rss_kb: f64,
}

impl Start {
    async fn of(program: &Program, variables: &BTreeMap<String, String>) -> Result<Self, Failure> {
        let began = Instant::now();
        let lambda = program.start(variables).await?;
        let wall_ms = began.elapsed().as_secs_f64() * 1e3;
        let process = lambda.process_id().ok_or("the process is gone")?;
        let start = Self {
            cpu_ms: number(cpu_ns(process)) / 1e6,
            wall_ms,
            rss_kb: number(rss_kb(process)),
        };
        lambda.stop().await;
        Ok(start)
    }
}

/// A process that is invoked repeatedly.
struct Running {
    name: String,
    lambda: Lambda,
    process: u32,
    event: Value,
    invocations: usize,
}

impl Running {
    async fn start(
        program: &Program,
        event: &Value,
        variables: &BTreeMap<String, String>,
    ) -> Result<Self, Failure> {
        let lambda = program.start(variables).await?;
        Ok(Self {
            name: program.name.clone(),
            process: lambda.process_id().ok_or("the process is gone")?,
            lambda,
            event: event.clone(),
            invocations: 0,
        })
    }

    /// Invokes it `count` times, and returns the CPU time of one invocation in microseconds.
    async fn go(&mut self, count: usize) -> Result<f64, Failure> {
        let before = cpu_ns(self.process);
        for _ in 0..count {
            self.invocations += 1;
            let key = format!("{}-{}-{}", self.name, self.process, self.invocations);
            invoke(&self.lambda, &with_key(&self.event, &key)).await?;
        }
        let spent = cpu_ns(self.process).saturating_sub(before);
        Ok(number(spent) / 1e3 / crate::statistics::size(count))
    }

    /// Measures its memory after `count` invocations in all, and after as many more.
    async fn memory(mut self, count: usize, speed: &mut Speed) -> Result<(), Failure> {
        self.go(count.saturating_sub(self.invocations)).await?;
        let reached = number(rss_kb(self.process));
        speed.rss_kb = reached;
        self.go(count).await?;
        speed.growth_kb = number(rss_kb(self.process)) - reached;
        self.lambda.stop().await;
        Ok(())
    }
}
