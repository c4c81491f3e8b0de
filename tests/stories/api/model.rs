//! Sends random requests in any order and compares the API with a single-threaded model.

mod book;
mod stack;

use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use shared::process::clock::Clock;
use tests::World;
use tokio::runtime::Runtime;

use book::{Book, START, Step};
use stack::Stack;

const ACCOUNT: &str = "acct_a";

/// Requests that are refused before any lookup: path, body, status, problem code and field.
const REFUSED: [(&str, &str, u16, &str, &str); 9] = [
    ("/v1/usage", "{", 400, "invalid_json", ""),
    ("/v1/usage", "{}", 422, "invalid_request", "body"),
    (
        "/v1/usage",
        r#"{"usage": []}"#,
        422,
        "invalid_request",
        "usage",
    ),
    (
        "/v1/usage",
        r#"{"usage": [{"meter": "tea"}]}"#,
        422,
        "unknown_meter",
        "usage[0].meter",
    ),
    (
        "/v1/usage",
        r#"{"usage": [{"meter": "ai_tokens", "input_tokens": -1}]}"#,
        422,
        "invalid_quantity",
        "usage[0].input_tokens",
    ),
    (
        "/v1/usage",
        r#"{"usage": [{"meter": "ai_tokens", "model": "none-such", "input_tokens": 1}]}"#,
        422,
        "unknown_model",
        "usage[0].model",
    ),
    (
        "/v1/usage/batch",
        r#"{"items": []}"#,
        422,
        "invalid_request",
        "items",
    ),
    (
        "/v1/checkout",
        r#"{"item": "tea", "success_url": "https://app.local/", "cancel_url": "https://app.local/"}"#,
        422,
        "unknown_item",
        "item",
    ),
    (
        "/v1/checkout",
        r#"{"item": "plus", "success_url": "https://elsewhere.local/", "cancel_url": "https://app.local/"}"#,
        422,
        "url_not_allowed",
        "success_url",
    ),
];

/// The stack and the runtime it runs on.
struct Running {
    runtime: Runtime,
    stack: Stack,
}

impl StateMachineTest for Running {
    type SystemUnderTest = Self;
    type Reference = Book;

    fn init_test(book: &Book) -> Self {
        let runtime = Runtime::new().unwrap();
        let world = runtime.block_on(async {
            let clock = Clock::starting_at(START.parse().unwrap());
            let world = World::start_with(&[], clock).await;
            // Webhooks arrive only in the steps that send them.
            world.drop_webhooks();
            if !book.has_free_plan {
                world.grant(ACCOUNT, "100").await;
            }
            world.available(ACCOUNT).await;
            world
        });
        let stack = Stack::of(world);
        Self { runtime, stack }
    }

    fn apply(mut running: Self, book: &Book, step: Step) -> Self {
        let stepping = running.stack.step(book, &step);
        running.runtime.block_on(stepping);
        running
    }

    fn teardown(running: Self, book: <Book as ReferenceStateMachine>::State) {
        let Self { runtime, stack } = running;
        runtime.block_on(async {
            stack.read_ledger(100, &book).await;
            stack.read_usage(&book).await;
            stack.world().sparks(&["verify"]).await.unwrap();
        });
    }
}

prop_state_machine! {
    #![proptest_config(Config { cases: 16, max_shrink_iters: 300, failure_persistence: None, ..Config::default() })]

    #[test]
    fn the_api_matches_a_single_threaded_model(sequential 1..60 => Running);
}
