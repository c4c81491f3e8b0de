//! Times how fast the outbox drains a backlog: `make bench-outbox`.

#![expect(clippy::print_stdout, reason = "what a bench is for")]

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use jiff::SignedDuration;
use local::faults::Fault;
use local::stack::Options;
use shared::process::clock::Clock;
use tests::World;

#[tokio::main]
async fn main() {
    drain(1, 6_000, "a minute of 100 usages a second on one account").await;
    drain(50, 200, "10,000 usages of 50 customers").await;
}

/// Lets usages pile up while Stripe refuses connections. Then it takes 120 ms a call, and runs follow each other.
async fn drain(customers: usize, each: usize, what: &str) {
    let start = Clock::system().now() - SignedDuration::from_mins(10);
    let options = Options {
        stripe_latency: Duration::from_millis(120),
        ..Options::default()
    };
    let world = World::start_on(
        options,
        &[("DELIVERY_BUDGET_MS", "300")],
        Clock::starting_at(start),
    )
    .await;
    let refuse = Fault::new("/v1/billing/meter_events", "refuse");
    world
        .stack
        .stripe
        .faults()
        .add(refuse.expect("a fault").times(u32::MAX));
    let recorded = (0..customers).map(|number| {
        let (world, account) = (&world, format!("acct_{number}"));
        async move { world.record_many(&account, each).await }
    });
    join_all(recorded).await;
    world.stack.stripe.faults().clear();
    let mut world = world.at(Clock::system()).await;
    let pending = world.pending();
    let (mut took, mut runs) = (Duration::ZERO, 0);
    while world.pending() > 0 {
        let began = Instant::now();
        let report = world.deliver().await;
        took += began.elapsed();
        runs += 1;
        if report["cut_short"] == false {
            // What is left was put off: a minute passes.
            world = world.later(SignedDuration::from_mins(1)).await;
        }
    }
    let rate = pending as u128 * 1_000 / took.as_millis().max(1);
    println!("{what}: {pending} drained in {took:.1?} of work and {runs} runs, {rate} a second");
    world.assert_delivered_once();
}
