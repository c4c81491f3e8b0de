//! Two trials: providers that hang, and many environments at once.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::flow::{prime, usage_event, with_key};
use crate::process::cpu_ns;
use crate::program::{Program, invoke};
use crate::statistics::{Sample, number, size};
use crate::world::{Failure, World};

/// The delivery budget of the first trial.
const BUDGET: Duration = Duration::from_secs(1);

/// Latency of the providers in the second trial.
const PROVIDER: Duration = Duration::from_millis(50);

/// Latency of DynamoDB in the second trial.
const DYNAMODB: Duration = Duration::from_millis(10);

/// Part of the CPUs above which none is left for more environments.
const FULL: f64 = 0.9;

/// Numbers of environments that run at once.
const ENVIRONMENTS: [usize; 5] = [1, 2, 4, 8, 16];

/// Figures of an invocation while both providers hang.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Hang {
    /// Time beyond the delivery budget.
    pub(crate) beyond_budget_ms: Sample,
    /// The CPU time of the invocation.
    pub(crate) cpu_ms: Sample,
}

/// Invokes fresh processes while both providers hang.
pub(crate) async fn hang(world: &World, program: &Program, times: usize) -> Result<Hang, Failure> {
    prime(world, "acct_hang", program).await?;
    let mut variables = world.variables();
    let budget = BUDGET.as_millis().to_string();
    variables.insert("DELIVERY_BUDGET_MS".to_owned(), budget);
    world.traffic.take(Duration::ZERO, Duration::ZERO);
    world.traffic.hang(true);
    let (mut beyond, mut cpu) = (Vec::new(), Vec::new());
    for number_of in 0..times {
        let lambda = program.start(&variables).await?;
        let process = lambda.process_id().ok_or("the process is gone")?;
        let event = usage_event(world, "acct_hang", &format!("hang-{number_of}")).await?;
        let (before, began) = (cpu_ns(process), Instant::now());
        invoke(&lambda, &event).await?;
        let took = began.elapsed().saturating_sub(BUDGET);
        beyond.push(took.as_secs_f64() * 1e3);
        cpu.push(number(cpu_ns(process).saturating_sub(before)) / 1e6);
        lambda.stop().await;
    }
    world.traffic.hang(false);
    Ok(Hang {
        beyond_budget_ms: Sample::of(beyond),
        cpu_ms: Sample::of(cpu),
    })
}

/// Figures of some environments that run at once.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Point {
    /// Number of environments.
    pub(crate) environments: usize,
    /// Usages per second of all of them.
    pub(crate) per_second: f64,
    /// Part of the CPUs used by all processes, or of one CPU by the fakes, whichever is more.
    pub(crate) busy: f64,
    /// Usages per second, compared with linear scaling of one environment.
    pub(crate) linear: f64,
}

/// Invokes more and more environments at once, each on an account of its own.
pub(crate) async fn scale(
    world: &World,
    program: &Program,
    times: usize,
) -> Result<Vec<Point>, Failure> {
    let variables = world.variables();
    let most = ENVIRONMENTS.into_iter().max().unwrap_or(1);
    let mut all = Vec::with_capacity(most);
    for number in 0..most {
        let account = format!("acct_scale_{number}");
        prime(world, &account, program).await?;
        let event = usage_event(world, &account, "scale").await?;
        let lambda = program.start(&variables).await?;
        invoke(&lambda, &with_key(&event, "scale-0")).await?;
        all.push((lambda, event));
    }
    world.traffic.take(DYNAMODB, PROVIDER);
    let processes = all.iter().filter_map(|(lambda, _)| lambda.process_id());
    let processes: Vec<u32> = processes.chain([std::process::id()]).collect();
    let cpu = || number(processes.iter().copied().map(cpu_ns).sum()) / 1e9;
    // The fakes have a single thread.
    let fakes = || number(cpu_ns(std::process::id())) / 1e9;
    let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let mut points: Vec<Point> = Vec::new();
    for environments in ENVIRONMENTS {
        let (before, fakes_before, began) = (cpu(), fakes(), Instant::now());
        let works = all
            .iter()
            .take(environments)
            .map(|(lambda, event)| async move {
                for number in 0..times {
                    let key = format!("scale-{environments}-{number}");
                    invoke(lambda, &with_key(event, &key)).await?;
                }
                Ok::<(), Failure>(())
            });
        for worked in futures_util::future::join_all(works).await {
            worked?;
        }
        let seconds = began.elapsed().as_secs_f64();
        let per_second = size(environments * times) / seconds;
        let one = points.first().map_or(per_second, |one| one.per_second);
        points.push(Point {
            environments,
            per_second,
            busy: ((cpu() - before) / size(cpus)).max(fakes() - fakes_before) / seconds,
            linear: per_second / one / size(environments),
        });
    }
    world.traffic.take(Duration::ZERO, Duration::ZERO);
    Ok(points)
}

/// Returns the least linear point at which CPU was free; None if one environment already uses it up.
pub(crate) fn least_linear(points: &[Point]) -> Option<f64> {
    let free = points.iter().filter(|point| point.busy < FULL);
    free.map(|point| point.linear).min_by(f64::total_cmp)
}
