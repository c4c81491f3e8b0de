//! `make bench`: times starts and invocations of the functions. They are processes of the binaries beside this program.
//!
//! Times differ between machines and runs: they help with work on one of the functions, and no check depends on them.

use std::iter;
use std::time::{Duration, Instant};

use benches::flow::{Caller, Flow};
use benches::function::{self, invoke};
use benches::world::{Failure, World};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::try_join_all;
use local::lambda::Lambda;
use serde_json::Value;
use tokio::runtime::Runtime;

/// The bare function that others are compared with.
const HELLO: &str = "hello";

/// Flows that can be repeated without a payment before each.
const FLOWS: [Flow; 6] = [
    Flow::Usage,
    Flow::UsageOfMember,
    Flow::Batch,
    Flow::Balance,
    Flow::Portal,
    Flow::Subscription,
];

/// Numbers of environments that record usages at once.
const ENVIRONMENTS: [usize; 5] = [1, 2, 4, 8, 16];

/// Latencies of DynamoDB and of the providers for many environments. They make them mostly wait, as at AWS.
const LATENCIES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(50));

fn runtime() -> Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

/// Times the way from a process's creation to its request for a first invocation.
fn starts(criterion: &mut Criterion) {
    let runtime = runtime();
    let world = runtime.block_on(World::start()).expect("a world");
    let mut group = criterion.benchmark_group("start");
    group.sample_size(30);
    for name in iter::once(HELLO).chain(function::ALL) {
        let binary = function::binary(name).expect("a binary");
        let start = async |times: u64| {
            let mut took = Duration::ZERO;
            for _ in 0..times {
                let began = Instant::now();
                let lambda = function::start(&binary, world.variables()).await?;
                took += began.elapsed();
                lambda.stop().await;
            }
            Ok::<_, Failure>(took)
        };
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| runtime.block_on(start(times)).expect("starts"));
        });
    }
    group.finish();
}

/// Times warm invocations, while DynamoDB and the providers respond at once.
fn invocations(criterion: &mut Criterion) {
    let runtime = runtime();
    let world = runtime.block_on(World::start()).expect("a world");
    let caller = runtime.block_on(Caller::new(&world, "acct_bench"));
    let mut caller = caller.expect("a caller");
    let mut group = criterion.benchmark_group("invocation");
    group.sample_size(30);
    let ours = FLOWS.map(|flow| (flow.name(), flow.function(), flow));
    for (name, function, flow) in iter::once((HELLO, HELLO, Flow::Usage)).chain(ours) {
        let lambda = runtime.block_on(started(&world, function)).expect("starts");
        let mut invocations = async |times: u64| {
            let mut took = Duration::ZERO;
            for _ in 0..times {
                let event = caller.event(flow).await?;
                let began = Instant::now();
                invoke(&lambda, &event).await?;
                took += began.elapsed();
            }
            Ok::<_, Failure>(took)
        };
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|times| runtime.block_on(invocations(times)).expect("succeeds"));
        });
    }
    group.finish();
}

/// Times usages of more and more environments at once, each on its own account.
fn environments(criterion: &mut Criterion) {
    let runtime = runtime();
    let world = runtime.block_on(World::start()).expect("a world");
    let mut all = Vec::new();
    for number in 0..ENVIRONMENTS.into_iter().max().unwrap_or_default() {
        let environment = async {
            let mut caller = Caller::new(&world, &format!("acct_{number}")).await?;
            let lambda = started(&world, Flow::Usage.function()).await?;
            Ok::<_, Failure>((lambda, caller.event(Flow::Usage).await?))
        };
        all.push(runtime.block_on(environment).expect("starts"));
    }
    world.traffic.take(LATENCIES.0, LATENCIES.1);
    let mut group = criterion.benchmark_group("usages at once");
    group.sample_size(30);
    let mut keys = 0_u64;
    for count in ENVIRONMENTS {
        let some = &all[..count];
        group.throughput(Throughput::Elements(count.try_into().unwrap_or(u64::MAX)));
        group.bench_function(BenchmarkId::from_parameter(count), |bencher| {
            bencher.to_async(&runtime).iter(|| {
                keys += 1;
                let usages = some
                    .iter()
                    .map(move |(lambda, event)| record(lambda, event, keys));
                async move { try_join_all(usages).await.expect("succeeds") }
            });
        });
    }
    group.finish();
}

async fn started(world: &World, name: &str) -> Result<Lambda, Failure> {
    Ok(function::start(&function::binary(name)?, world.variables()).await?)
}

/// Records an event's usage under a key of its own.
async fn record(lambda: &Lambda, event: &Value, key: u64) -> Result<Value, Failure> {
    let mut event = event.clone();
    event["headers"]["idempotency-key"] = format!("at-once-{key}").into();
    invoke(lambda, &event).await
}

criterion_group!(functions, starts, invocations, environments);
criterion_main!(functions);
