//! Apps that record usages: one after another, several at once, and again without an answer.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::model::Usage;
use crate::simulation::World;
use crate::simulation::calls::{Answer, Call};

/// The most attempts of an app while faults strike.
const ATTEMPTS: u32 = 5;

/// A marker in the content of usages, which only Langfuse may see.
pub(in crate::simulation) const PROMPT: &str = "canary-prompt-4711";

/// Draws the quantities of a usage.
fn draw(random: &mut fastrand::Rng) -> Usage {
    match random.u8(0..6) {
        0 => Usage {
            milliseconds: random.u64(0..100_000),
            ..Usage::default()
        },
        1 => Usage {
            gigabyte_hours: random.u64(0..1_000),
            ..Usage::default()
        },
        2 => Usage {
            tokens: random.u64(0..1_000_000),
            milliseconds: random.u64(0..1_000),
            gigabyte_hours: 1,
        },
        _ => Usage {
            tokens: random.u64(1..30_000),
            ..Usage::default()
        },
    }
}

/// Returns the body that records a usage, with content.
fn body(usage: Usage) -> Value {
    let mut body = usage.body();
    body["trace"] = json!({"name": "chat", "input": PROMPT, "output": PROMPT});
    body
}

/// Records usages of an account, each until it is answered or out of attempts.
pub(in crate::simulation) async fn record(world: Arc<World>, account: String) {
    let mut random = world.random(&format!("usages {account}"));
    let mut number = 0;
    while number < world.plan.usages {
        let pause = Duration::from_millis(random.u64(0..8_000));
        world.clock.sleep(pause).await;
        let together = match random.u8(0..6) {
            0 => random.usize(2..=4),
            _ => 1,
        };
        let usages: Vec<(String, Usage)> = (number..number + together)
            .map(|number| (format!("k{number}"), draw(&mut random)))
            .collect();
        number += together;
        for (key, usage) in &usages {
            world.expectations.begins(&account, key, usage);
        }
        if together > 1 {
            record_batch(&world, &account, &usages, ATTEMPTS).await;
            continue;
        }
        let (key, usage) = &usages[0];
        let times = match random.u8(0..5) {
            0 => 3,
            1 => 2,
            _ => 1,
        };
        let same = (0..times).map(|_| record_one(&world, &account, key, usage, ATTEMPTS));
        join_all(same).await;
        if random.u8(0..6) == 0 {
            reuse(&world, &account, key, usage).await;
        }
    }
}

/// Records one usage, and adds the answer to the expectations.
pub(in crate::simulation) async fn record_one(
    world: &Arc<World>,
    account: &str,
    key: &str,
    usage: &Usage,
    attempts: u32,
) {
    let call = Call::usage(account, key, &body(*usage));
    match world.insist(&call, attempts).await {
        Some(answer) => {
            world.hears(account, key, usage, &answer).await;
        }
        None => world.expectations.is_unknown(account, key),
    }
}

pub(in crate::simulation) async fn record_batch(
    world: &Arc<World>,
    account: &str,
    usages: &[(String, Usage)],
    attempts: u32,
) {
    let items = usages.iter().map(|(key, usage)| {
        let mut item = body(*usage);
        item["idempotency_key"] = key.as_str().into();
        item
    });
    let body = json!({ "items": items.collect::<Vec<Value>>() });
    let call = Call::batch(account, &body);
    let Some(answer) = world.insist(&call, attempts).await else {
        for (key, _) in usages {
            world.expectations.is_unknown(account, key);
        }
        return;
    };
    let results = answer.body["results"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    if answer.status != 200 || results.len() != usages.len() {
        let (status, body) = (answer.status, answer.body);
        world
            .network
            .violation(format!("a batch of {account}: {status} {body}"));
        return;
    }
    for ((key, usage), result) in usages.iter().zip(results) {
        match result["status"].as_u64() {
            Some(429 | 500 | 503) | None => world.expectations.is_unknown(account, key),
            Some(status) => {
                let asked_at = answer.asked_at;
                let answer = Answer {
                    asked_at,
                    status,
                    body: result,
                    retry_after: None,
                };
                world.hears(account, key, usage, &answer).await;
            }
        }
    }
}

/// Sends another usage under a charged key, which must be refused.
async fn reuse(world: &Arc<World>, account: &str, key: &str, usage: &Usage) {
    if !world.expectations.is_charged(account, key) {
        return;
    }
    let other = Usage {
        tokens: usage.tokens + 1,
        ..*usage
    };
    let call = Call::usage(account, key, &body(other));
    if let Some(answer) = world.insist(&call, ATTEMPTS).await
        && answer.status != 422
    {
        let (status, body) = (answer.status, answer.body);
        let what = format!("{account} {key} was accepted for another usage: {status} {body}");
        world.network.violation(what);
    }
}
