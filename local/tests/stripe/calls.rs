//! Authentication, idempotency keys and injected faults of the fake Stripe.

use std::pin::pin;

use super::client::{Answer, Client, fake};
use futures_util::future;
use local::faults::Fault;
use local::http::FREE_PORT;
use local::stripe::{FakeStripe, Stripe};
use serde_json::json;

#[tokio::test]
async fn a_call_needs_the_key() {
    let fake = fake().await;
    for authorization in [
        None,
        Some("Bearer sk_live_x"),
        Some("Basic c2tfdGVzdF9sb2NhbA=="),
    ] {
        let client = Client::of(&fake).with("authorization", authorization);

        let answer = client.get("/v1/customers").await;

        assert_eq!(answer.status, 401, "{authorization:?}");
        assert_eq!(answer.body["error"]["type"], "invalid_request_error");
    }
}

#[tokio::test]
async fn a_call_needs_the_version_sparks_is_written_for() {
    let fake = fake().await;
    for version in [None, Some("2026-09-30.endive")] {
        let client = Client::of(&fake).with("stripe-version", version);

        let answer = client.get("/v1/customers").await;

        assert_eq!(answer.status, 400, "{version:?}");
        let message = answer.body["error"]["message"].as_str().unwrap();
        assert!(message.contains("2026-10-28.endive"), "{message}");
    }
}

#[tokio::test]
async fn a_body_must_be_form_encoded() {
    let fake = fake().await;
    let client = Client::of(&fake).with("content-type", Some("application/json"));

    let answer = client.post("/v1/customers", &[("name", "a")]).await;

    assert_eq!(answer.status, 400);
    assert_eq!(fake.state()["customers"], json!([]));
}

#[tokio::test]
async fn an_unknown_parameter_is_refused() {
    let fake = fake().await;
    let client = Client::of(&fake);

    let posted = client.post("/v1/customers", &[("nome", "a")]).await;
    let queried = client.get("/v1/customers?nome=a").await;

    for answer in [posted, queried] {
        assert_eq!(answer.status, 400);
        assert_eq!(answer.code(), "parameter_unknown");
        assert_eq!(answer.body["error"]["param"], "nome");
        assert_eq!(
            answer.body["error"]["doc_url"],
            "https://stripe.com/docs/error-codes/parameter-unknown"
        );
    }
}

#[tokio::test]
async fn a_parameter_given_twice_is_refused() {
    let fake = fake().await;

    let answer = Client::of(&fake)
        .post("/v1/customers", &[("name", "a"), ("name", "b")])
        .await;

    assert_eq!(answer.status, 400);
}

#[tokio::test]
async fn an_unknown_url_is_a_404() {
    let fake = fake().await;

    let answer = Client::of(&fake).get("/v1/nothing").await;

    assert_eq!(answer.status, 404);
    let message = answer.body["error"]["message"].as_str().unwrap();
    assert!(message.starts_with("Unrecognized request URL (GET: /v1/nothing)"));
}

#[tokio::test]
async fn each_response_has_its_own_request_id() {
    let fake = fake().await;
    let client = Client::of(&fake);

    let first = client.get("/v1/customers").await;
    let second = client.get("/v1/nothing").await;

    assert!(first.header("request-id").starts_with("req_"));
    assert_ne!(first.header("request-id"), second.header("request-id"));
}

#[tokio::test]
async fn a_replay_returns_the_same_response_without_a_second_effect() {
    let fake = fake().await;
    let client = Client::of(&fake).with("idempotency-key", Some("k"));

    let first = client.post("/v1/customers", &[("name", "a")]).await;
    let second = client.post("/v1/customers", &[("name", "a")]).await;

    assert_eq!((first.status, second.status), (200, 200));
    assert_eq!(first.body, second.body);
    assert_eq!(first.headers.get("idempotent-replayed"), None);
    assert_eq!(second.header("idempotent-replayed"), "true");
    assert_eq!(fake.state()["customers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_reused_for_another_call_is_refused() {
    let fake = fake().await;
    let client = Client::of(&fake).with("idempotency-key", Some("k"));
    let created = client.post("/v1/customers", &[("name", "a")]).await;
    let id = created.body["id"].as_str().unwrap();

    let other_parameters = client.post("/v1/customers", &[("name", "b")]).await;
    let other_path = client
        .post(&format!("/v1/customers/{id}"), &[("name", "a")])
        .await;

    for answer in [other_parameters, other_path] {
        assert_eq!(answer.status, 400);
        assert_eq!(answer.body["error"]["type"], "idempotency_error");
    }
}

#[tokio::test]
async fn a_post_without_a_key_is_executed_each_time() {
    let fake = fake().await;
    let client = Client::of(&fake);

    client.post("/v1/customers", &[]).await;
    client.post("/v1/customers", &[]).await;

    assert_eq!(fake.state()["customers"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_key_in_use_is_a_409() {
    let fake = fake().await;
    let client = Client::of(&fake).with("idempotency-key", Some("k"));
    let slow = Fault::new("/v1/customers", "slow:60000").unwrap();
    fake.faults().add(slow);
    let (first, second) = (
        client.post("/v1/customers", &[]),
        client.post("/v1/customers", &[]),
    );

    let (refused, _) = future::select(pin!(first), pin!(second))
        .await
        .factor_first();

    assert_eq!(
        (refused.status, refused.code()),
        (409, "idempotency_key_in_use")
    );
    assert_eq!(refused.body["error"]["type"], "idempotency_error");
}

#[tokio::test]
async fn a_500_is_kept_under_its_key_and_a_429_is_not() {
    let fake = fake().await;
    fake.faults()
        .add(Fault::new("/v1/customers", "status:500").unwrap());
    fake.faults()
        .add(Fault::new("/v1/customers", "status:429").unwrap());
    let client = Client::of(&fake).with("idempotency-key", Some("k"));

    // The rate limiter is in front of the idempotency layer: its 429 comes first and is not kept.
    let limited = client.post("/v1/customers", &[]).await;
    let failed = client.post("/v1/customers", &[]).await;
    let replayed = client.post("/v1/customers", &[]).await;
    let fresh = Client::of(&fake).post("/v1/customers", &[]).await;

    assert_eq!((limited.status, limited.code()), (429, "rate_limit"));
    assert_eq!((failed.status, replayed.status), (500, 500));
    assert_eq!(failed.body["error"]["type"], "api_error");
    assert_eq!(failed.body, replayed.body);
    assert_eq!(replayed.header("idempotent-replayed"), "true");
    assert_eq!(fresh.status, 200);
    assert_eq!(fake.state()["customers"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn an_error_before_execution_is_not_kept() {
    let fake = fake().await;
    let client = Client::of(&fake).with("idempotency-key", Some("k"));

    let refused = client.post("/v1/customers", &[("nome", "a")]).await;
    let taken = client.post("/v1/customers", &[("name", "a")]).await;

    assert_eq!((refused.status, taken.status), (400, 200));
}

#[tokio::test]
async fn a_key_expires_after_24_hours() {
    let fake = fake().await;
    let client = Client::of(&fake).with("idempotency-key", Some("k"));
    let customers = || fake.state()["customers"].as_array().unwrap().len();

    client.post("/v1/customers", &[]).await;
    fake.clock().skip(24 * 60 * 60 - 60);
    client.post("/v1/customers", &[]).await;
    assert_eq!(customers(), 1);

    fake.clock().skip(60);
    client.post("/v1/customers", &[]).await;
    assert_eq!(customers(), 2);
}

#[tokio::test]
async fn an_injected_429_has_the_given_headers() {
    let fake = fake().await;
    let fault = Fault::new("/v1/customers", "status:429").unwrap();
    let fault = fault.header("stripe-rate-limited-reason", "global-rate");
    fake.faults().add(fault);

    let answer = Client::of(&fake).post("/v1/customers", &[]).await;

    assert_eq!(answer.status, 429);
    assert_eq!(answer.header("stripe-rate-limited-reason"), "global-rate");
}

#[tokio::test]
async fn a_lost_reply_is_replayed_by_its_key() {
    let fake = fake().await;
    fake.faults()
        .add(Fault::new("/v1/customers", "lost_reply").unwrap());
    let client = Client::of(&fake).with("idempotency-key", Some("k"));

    client.try_post("/v1/customers", &[]).await.unwrap_err();
    let again = client.post("/v1/customers", &[]).await;

    assert_eq!(again.header("idempotent-replayed"), "true");
    assert_eq!(fake.state()["customers"][0], again.body);
}

#[tokio::test]
async fn a_refused_call_has_no_effect() {
    let fake = fake().await;
    fake.faults()
        .add(Fault::new("/v1/customers", "refuse").unwrap());

    let client = Client::of(&fake);
    client.try_post("/v1/customers", &[]).await.unwrap_err();

    assert_eq!(fake.state()["customers"], json!([]));
    assert_eq!(fake.state()["requests"][0]["status"], json!(null));
}

#[tokio::test]
async fn a_slow_call_has_its_effect_before_its_reply() {
    let fake = fake().await;
    let slow = Fault::new("/v1/customers", "slow:60000").unwrap();
    fake.faults().add(slow);
    let client = Client::of(&fake);
    let effect = async {
        while fake.state()["customers"] == json!([]) {
            tokio::task::yield_now().await;
        }
    };

    tokio::select! {
        answer = client.post("/v1/customers", &[]) => panic!("the reply came before its delay: {answer:?}"),
        () = effect => {}
    }
}

#[tokio::test]
async fn an_injected_503_is_not_json() {
    let fake = fake().await;
    fake.faults().add(Fault::new("/", "status:503").unwrap());

    let answer = Client::of(&fake).get("/v1/customers").await;

    assert_eq!((answer.status, answer.body), (503, json!(null)));
}

#[tokio::test]
async fn only_stripes_own_faults_can_be_set() {
    let fake = fake().await;
    let set = local::client::plain()
        .post(format!("{}/_local/faults", fake.url()))
        .body(json!({"path": "/", "fault": "conflict"}).to_string());

    assert_eq!(set.send().await.unwrap().status(), 400);
}

#[tokio::test]
async fn requests_are_listed_without_their_parameters() {
    let fake = fake().await;
    let client = Client::of(&fake).with("idempotency-key", Some("k"));
    client
        .post("/v1/customers", &[("email", "a@example.com")])
        .await;
    client
        .post("/v1/customers", &[("email", "a@example.com")])
        .await;

    let state = client.get("/_local/state").await.body;

    let request = |replayed: bool| {
        json!({"method": "POST", "path": "/v1/customers", "idempotency_key": "k",
            "status": 200, "replayed": replayed})
    };
    assert_eq!(state["requests"], json!([request(false), request(true)]));
    let lists = [
        "checkout_sessions",
        "subscriptions",
        "invoices",
        "refunds",
        "disputes",
    ];
    for list in lists
        .iter()
        .chain(&["meter_events", "events", "deliveries"])
    {
        assert_eq!(state[list], json!([]), "{list}");
    }
}

#[tokio::test]
async fn a_folder_keeps_the_account() {
    let folder = std::env::temp_dir().join(format!("sparks-stripe-{}", std::process::id()));
    let open = || async {
        let stripe = Stripe::open(&folder, local::clock::Clock::system()).unwrap();
        FakeStripe::serve(FREE_PORT, stripe).await.unwrap()
    };
    let create = |fake: &FakeStripe| {
        let client = Client::of(fake).with("idempotency-key", Some("k"));
        async move { client.post("/v1/customers", &[]).await }
    };
    let fake = open().await;
    let first: Answer = create(&fake).await;
    fake.stop().await;

    let fake = open().await;
    let second = create(&fake).await;

    assert_eq!(first.body, second.body);
    assert_eq!(second.header("idempotent-replayed"), "true");
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_folder_of_another_release_is_refused_and_left_alone() {
    let folder = std::env::temp_dir().join(format!("sparks-other-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("stripe.json");
    for text in [
        "",
        r#"{"subscriptions":{},"last_id":1}"#,
        "{\"sparks_stripe_account\":2}\n{}",
    ] {
        std::fs::write(&file, text).unwrap();
        let refused = Stripe::open(&folder, local::clock::Clock::system());
        let refused = refused.err().unwrap().to_string();
        assert!(refused.contains("delete its folder"), "{refused}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
    }
    // A member may not be missing.
    std::fs::write(&file, "{\"sparks_stripe_account\":1}\n{}").unwrap();
    assert!(Stripe::open(&folder, local::clock::Clock::system()).is_err());
    std::fs::remove_dir_all(folder).unwrap();
}
