//! Times our own parts: pricing, checking signatures, and encoding items for the table.
//!
//! `cargo bench --package benches --bench parts`. Times differ between machines and runs: they help with work on one of
//! the parts, and no check depends on them.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use jiff::Timestamp;
use shared::ledger::{
    Charge, Deliveries, DeliveryState, Ledger, RequestHash, TraceLabels, UsageEntry,
};
use shared::pricing::price_book;
use shared::process::clock::Clock;
use shared::process::config::{Aws, ItemVersion, TableSettings};
use shared::process::deadline::Deadline;
use shared::process::transport::Transport;
use shared::providers::stripe;
use shared::words::id::{AccountId, IdempotencyKey, KeySpace, UsageId};
use shared::words::meter::{Line, Tokens};

/// The allocator of the functions.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Returns the time of everything here.
fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().expect("a time")
}

fn line(model: Option<&str>) -> Line {
    Line::AiTokens {
        model: model.map(str::to_owned),
        tokens: Tokens {
            input_tokens: 1_200,
            cached_input_tokens: 200,
            output_tokens: 300,
            ..Tokens::default()
        },
    }
}

fn pricing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("price");
    for (name, lines) in [
        ("a line without a model", vec![line(None)]),
        ("a line with a model", vec![line(Some("gpt-5"))]),
        ("twenty lines", vec![line(Some("claude-sonnet-4-5")); 20]),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| price_book::price(black_box(&lines), now()));
        });
    }
    group.finish();
}

fn signatures(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("signature");
    let secret = "whsec_of_a_bench";
    for (name, bytes) in [("of 4 KB", 4 << 10), ("of 256 KB", 256 << 10)] {
        let body = "x".repeat(bytes);
        let header = local::stripe::signature(secret, now().as_second(), &body);
        let secrets = [secret.into()];
        group.bench_function(name, |bencher| {
            bencher.iter(|| stripe::verify(&header, black_box(body.as_bytes()), &secrets, now()));
        });
    }
    group.finish();
}

/// Returns a usage before it is charged.
fn charge(account: &AccountId, number: usize) -> Charge {
    let key: IdempotencyKey = format!("key-{number}").parse().expect("a key");
    let price = price_book::price(&[line(Some("gpt-5"))], now()).expect("a price");
    let entry = UsageEntry {
        id: UsageId::derive("bench", account, KeySpace::Services, &key),
        account: account.clone(),
        member: None,
        request_hash: RequestHash([7; 32]),
        sparks: price.total,
        lines: price.lines,
        price_version: price_book::version().to_owned(),
        occurred_at: now(),
        recorded_at: now(),
        trace: TraceLabels::default(),
        deliveries: Deliveries {
            langfuse: DeliveryState::Pending,
            stripe: DeliveryState::Pending,
        },
    };
    Charge {
        entry,
        outcome: None,
    }
}

/// Times the way from entries to the signed request of a transaction. The response is immediate.
fn items(criterion: &mut Criterion) {
    let answer = |_, _| -> shared::process::transport::Answer {
        Box::pin(async { Ok(http::Response::new(Bytes::from_static(b"{}"))) })
    };
    let aws = Aws {
        region: "us-east-1".to_owned(),
        access_key_id: "bench".to_owned(),
        secret_access_key: "bench".into(),
        session_token: Some("t".repeat(820).into()),
        dynamodb_endpoint: None,
        ssm_endpoint: None,
    };
    let table = TableSettings {
        name: "bench".to_owned(),
        item_version: ItemVersion::NEWEST,
    };
    let ledger = Ledger::new(&aws, &table, &Transport::in_process(Arc::new(answer)));
    let account: AccountId = "acct_bench".parse().expect("an account");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let mut group = criterion.benchmark_group("encode, sign");
    for (name, count) in [("one usage", 1), ("45 usages", 45)] {
        let charges: Vec<Charge> = (0..count).map(|number| charge(&account, number)).collect();
        group.bench_function(name, |bencher| {
            bencher.to_async(&runtime).iter_batched(
                || {
                    let deadline = Duration::ZERO;
                    let deadline = Deadline::new(&Clock::system(), now(), None, deadline);
                    (deadline, charges.clone())
                },
                async |(deadline, mut charges)| {
                    let mut charges: Vec<&mut Charge> = charges.iter_mut().collect();
                    let deadline = deadline.starting(now());
                    ledger.charge(&account, &mut charges, &deadline).await
                },
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

criterion_group!(parts, pricing, signatures, items);
criterion_main!(parts);
