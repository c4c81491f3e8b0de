//! Behaviour common to all fakes: faults, foreign origins and shutdown.

use local::client;
use local::clock::Clock;
use local::dynamodb::{Access, Dynamodb, Tables};
use local::faults::{Fault, Faults};
use local::http::{Error, FREE_PORT, Reply, Server, text};
use serde_json::{Value, json};

async fn fake() -> Dynamodb {
    let tables = Tables::new(Access::default(), Clock::system());
    Dynamodb::serve(FREE_PORT, tables).await.unwrap()
}

async fn body_of(response: reqwest::Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_fault_is_set_listed_and_cleared_over_http() {
    let fake = fake().await;
    let url = format!("{}/_local/faults", fake.url());
    let fault = json!({"path": "PutItem", "fault": "status:429", "headers": {"a": "b"}});

    let set = client::plain().post(&url).body(fault.to_string());
    assert_eq!(set.send().await.unwrap().status(), 200);

    let listed = client::plain().get(&url).send().await.unwrap();
    let expected = json!({"path": "PutItem", "fault": "status:429", "times": 1, "every": 1,
        "headers": {"a": "b"}, "fired": 0});
    assert_eq!(body_of(listed).await, json!({"faults": [expected]}));

    let cleared = client::plain().delete(&url).send().await.unwrap();
    assert_eq!(body_of(cleared).await, json!({"faults": []}));
}

#[tokio::test]
async fn an_unknown_fault_is_refused() {
    let fake = fake().await;
    let url = format!("{}/_local/faults", fake.url());
    let misspelt = [
        json!({"path": "/", "fault": "lost-reply"}),
        json!({"path": "/", "fault": "status:200"}),
        json!({"path": "/", "fault": "refuse", "time": 3}),
    ];
    for fault in misspelt {
        let set = client::plain().post(&url).body(fault.to_string());
        assert_eq!(set.send().await.unwrap().status(), 400, "{fault}");
    }
}

#[test]
fn a_fault_fires_its_number_of_times() {
    let faults = Faults::default();
    faults.add(Fault::new("/v1/customers", "refuse").unwrap().times(2));

    let fired = [
        "/v1/customers/cus_1",
        "/v1/other",
        "/v1/customers",
        "/v1/customers",
    ]
    .map(|path| faults.take(path, |_| true).is_some());

    assert_eq!(fired, [true, false, true, false]);
    assert_eq!(faults.fired("/v1/customers"), 2);
}

#[test]
fn a_fault_may_fire_at_each_third_request() {
    let faults = Faults::default();
    let fault = Fault::new("/", "refuse").unwrap();
    faults.add(fault.times(2).every(3));

    let fired: Vec<bool> = (0..10)
        .map(|_| faults.take("/x", |_| true).is_some())
        .collect();

    let places: Vec<usize> = (0..10).filter(|place| fired[*place]).collect();
    assert_eq!(places, [2, 5]);
}

#[tokio::test]
async fn a_foreign_host_is_refused() {
    let fake = fake().await;
    let request = client::plain().get(fake.url());

    let response = request.header("host", "evil.example").send().await.unwrap();

    assert_eq!(response.status(), 403);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_set_faults() {
    let fake = fake().await;
    let url = format!("{}/_local/faults", fake.url());
    let from = |origin: String| client::plain().get(&url).header("origin", origin).send();

    assert_eq!(from(fake.url()).await.unwrap().status(), 200);
    for origin in ["https://evil.example", "null", "http://127.0.0.1:1"] {
        let response = from(origin.to_owned()).await.unwrap();
        assert_eq!(response.status(), 403, "{origin}");
    }
}

#[tokio::test]
async fn only_loopback_addresses_are_accepted() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let handler = |_| async { Reply::HangUp };

    let refused = Server::start(everywhere, handler).await;

    assert!(matches!(refused, Err(Error::NotLoopback(_))));
}

#[tokio::test]
async fn a_stopped_server_frees_its_port_and_cancels_its_requests() {
    let server = Server::start(FREE_PORT, |_| std::future::pending())
        .await
        .unwrap();
    let address = server.address();
    let waiting = client::plain().get(server.url()).send();
    let stopped = async {
        while tokio::net::TcpStream::connect(address).await.is_err() {}
        server.stop().await;
    };

    let (response, ()) = tokio::join!(waiting, stopped);

    response.unwrap_err();
    let again = Server::start(address, |_| async { Reply::HangUp }).await;
    assert_eq!(again.unwrap().address(), address);
}

#[tokio::test]
async fn a_request_runs_to_its_end_when_its_caller_hangs_up() {
    let (started, mut has_started) = tokio::sync::watch::channel(0);
    let go_on = std::sync::Arc::new(tokio::sync::Notify::new());
    let (started, resumed) = (std::sync::Arc::new(started), go_on.clone());
    let server = Server::start(FREE_PORT, move |_| {
        let (started, resumed) = (started.clone(), resumed.clone());
        async move {
            started.send_replace(1);
            resumed.notified().await;
            started.send_replace(2);
            Reply::Answer(text(http::StatusCode::OK, "done"))
        }
    })
    .await
    .unwrap();

    tokio::select! {
        _ = client::plain().get(server.url()).send() => panic!("the handler has not finished"),
        _ = has_started.wait_for(|step| *step == 1) => {}
    }
    go_on.notify_one();

    has_started.wait_for(|step| *step == 2).await.unwrap();
}
