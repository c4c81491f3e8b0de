//! Events of the fake Stripe, and their deliveries to endpoints.

use std::sync::{Arc, Mutex};

use http::StatusCode;
use local::faults::Fault;
use local::http::{FREE_PORT, Reply, Server, text};
use local::stripe::{FakeStripe, signature};
use serde_json::{Value, json};

use super::client::{Client, fake};

/// The deliveries that an endpoint got: the signature with the body, and the event.
pub(crate) type Got = Arc<Mutex<Vec<(String, Value)>>>;

/// Starts an endpoint that returns these statuses in order, and then repeats the last one.
pub(crate) async fn endpoint(statuses: &'static [u16]) -> (Server, Got) {
    let got = Got::default();
    let log = Arc::clone(&got);
    let server = Server::start(FREE_PORT, move |request| {
        let log = Arc::clone(&log);
        async move {
            let header = &request.headers()["stripe-signature"];
            let event: Value = serde_json::from_slice(request.body()).unwrap();
            let mut log = log.lock().unwrap();
            let header = header.to_str().unwrap().to_owned();
            let body = String::from_utf8(request.body().to_vec()).unwrap();
            let status = statuses[log.len().min(statuses.len() - 1)];
            log.push((format!("{header}\n{body}"), event));
            Reply::Answer(text(StatusCode::from_u16(status).unwrap(), ""))
        }
    });
    (server.await.unwrap(), got)
}

async fn subscribe(client: &Client, url: &str, events: &str) -> Value {
    let form = [("url", url), ("enabled_events[]", events)];
    client.post("/v1/webhook_endpoints", &form).await.body
}

/// Causes an event by expiring a session; returns the session's id.
async fn happen(fake: &FakeStripe, client: &Client) -> String {
    if fake.state()["products"] == json!([]) {
        client
            .post("/v1/products", &[("id", "p"), ("name", "P")])
            .await;
        let price = [
            ("currency", "usd"),
            ("unit_amount", "100"),
            ("product", "p"),
        ];
        client.post("/v1/prices", &price).await;
    }
    let price = fake.state()["prices"][0]["id"].as_str().unwrap().to_owned();
    let order = [
        ("mode", "payment"),
        ("line_items[0][price]", price.as_str()),
        ("success_url", "https://a.example"),
    ];
    let made = client.post("/v1/checkout/sessions", &order).await.body;
    let id = made["id"].as_str().unwrap().to_owned();
    let path = format!("/v1/checkout/sessions/{id}/expire");
    assert_eq!(client.post(&path, &[]).await.status, 200);
    id
}

pub(crate) fn states(fake: &FakeStripe) -> Vec<String> {
    let state = fake.state();
    let deliveries = state["deliveries"].as_array().unwrap().iter();
    deliveries
        .map(|delivery| delivery["state"].as_str().unwrap().to_owned())
        .collect()
}

pub(crate) async fn control(fake: &FakeStripe, path: &str, body: Value) -> Value {
    let url = format!("{}{path}", fake.url());
    let request = local::client::plain().post(url).body(body.to_string());
    let answer = request.send().await.unwrap().bytes().await.unwrap();
    serde_json::from_slice(&answer).unwrap()
}

const ENDED: &str = "checkout.session.expired";

#[tokio::test]
async fn an_event_is_signed_and_sent_to_its_subscribers_only() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let (concerned, got) = endpoint(&[200]).await;
    let (other, nothing) = endpoint(&[200]).await;
    let made = subscribe(&client, &concerned.url(), ENDED).await;
    subscribe(&client, &other.url(), "invoice.paid").await;
    let id = happen(&fake, &client).await;
    fake.settled().await;

    let got = got.lock().unwrap().clone();
    assert_eq!(got.len(), 1);
    let (signed, event) = &got[0];
    assert_eq!(
        (&event["type"], &event["data"]["object"]["id"]),
        (&json!(ENDED), &json!(id))
    );
    assert_eq!(event["api_version"], "2026-10-28.endive");
    let (header, body) = signed.split_once('\n').unwrap();
    let seconds: i64 = header[2..].split(',').next().unwrap().parse().unwrap();
    let expected = signature(made["secret"].as_str().unwrap(), seconds, body);
    assert!(header.starts_with(&expected), "{header}");
    assert!(header.contains(",v0="), "test mode has its own scheme");
    assert!(nothing.lock().unwrap().is_empty());
    let path = format!("/v1/events/{}", event["id"].as_str().unwrap());
    assert_eq!(client.get(&path).await.body, *event);
    let listed = client
        .get("/v1/events?types[]=checkout.session.expired")
        .await
        .body;
    assert_eq!(listed["data"], json!([event]));
}

/// The expected signature was made with Stripe's own Node library.
#[test]
fn signatures_equal_those_of_stripes_libraries() {
    let payload = "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";
    assert_eq!(
        signature("whsec_test_secret", 1_492_774_577, payload),
        "t=1492774577,v1=c2f890decbc5ede7c5060bb9a6d31e0626a4342bacb9aeae2adb1bcea72f9812"
    );
}

#[tokio::test]
async fn an_event_is_retried_until_an_endpoint_accepts_it() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let (server, got) = endpoint(&[500, 302, 400, 204]).await;
    subscribe(&client, &server.url(), "*").await;
    happen(&fake, &client).await;
    fake.settled().await;
    assert_eq!(got.lock().unwrap().len(), 4);
    assert_eq!(states(&fake), ["delivered"]);
    let attempts = &fake.state()["deliveries"][0]["attempts"];
    assert_eq!(
        *attempts,
        json!([{"status": 500}, {"status": 302}, {"status": 400}, {"status": 204}])
    );
}

#[tokio::test]
async fn deliveries_to_an_unreachable_endpoint_are_given_up() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let (server, _) = endpoint(&[200]).await;
    let url = server.url();
    server.stop().await;
    subscribe(&client, &url, "*").await;
    happen(&fake, &client).await;
    // Skips the waits between the attempts.
    for _ in 0..8 {
        fake.clock().skip(60);
    }
    fake.settled().await;
    assert_eq!(states(&fake), ["failed"]);
}

#[tokio::test]
async fn webhooks_are_duplicated_reordered_held_and_lost_on_request() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let (server, got) = endpoint(&[200]).await;
    subscribe(&client, &server.url(), "*").await;
    for fault in ["duplicate:2", "reorder", "hold", "drop"] {
        fake.faults()
            .add(Fault::new("webhooks/checkout", fault).unwrap());
    }
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(happen(&fake, &client).await);
        fake.settled().await;
    }
    let arrived = || -> Vec<String> {
        let got = got.lock().unwrap();
        got.iter()
            .map(|(_, event)| event["data"]["object"]["id"].as_str().unwrap().to_owned())
            .collect()
    };
    // No delivery has followed the reordered one, so it is still waiting.
    assert_eq!(arrived(), [&*sessions[0], &sessions[0], &sessions[0]]);
    let last = happen(&fake, &client).await;
    fake.settled().await;
    assert_eq!(arrived()[3..], [&*last, &sessions[1]]);
    control(&fake, "/_local/webhooks/release", json!({})).await;
    fake.settled().await;
    assert_eq!(arrived()[5..], [&*sessions[2]]);
    let dropped = fake.state()["events"][3]["id"].as_str().unwrap().to_owned();
    control(
        &fake,
        &format!("/_local/webhooks/{dropped}/redeliver"),
        json!({}),
    )
    .await;
    fake.settled().await;
    assert_eq!(arrived()[6..], [&*sessions[3]]);
}

/// Returns whether a secret signs a delivery.
pub(crate) fn signs(got: &(String, Value), secret: &str) -> bool {
    let (header, body) = got.0.split_once('\n').unwrap();
    let seconds: i64 = header[2..].split(',').next().unwrap().parse().unwrap();
    let expected = signature(secret, seconds, body);
    header.contains(expected.split_once(',').unwrap().1)
}

#[tokio::test]
async fn both_secrets_sign_while_one_is_rolled() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let (server, got) = endpoint(&[200]).await;
    let made = subscribe(&client, &server.url(), "*").await;
    let old = made["secret"].as_str().unwrap().to_owned();
    let path = format!(
        "/_local/webhook_endpoints/{}/roll",
        made["id"].as_str().unwrap()
    );
    let new = control(&fake, &path, json!({})).await["secret"].clone();
    let new = new.as_str().unwrap();
    assert_eq!(
        fake.webhook_secret(made["id"].as_str().unwrap()).unwrap(),
        new
    );
    happen(&fake, &client).await;
    fake.settled().await;
    control(&fake, &path, json!({"expire": true})).await;
    happen(&fake, &client).await;
    fake.settled().await;
    let got = got.lock().unwrap();
    assert!(signs(&got[0], &old) && signs(&got[0], new));
    assert!(!signs(&got[1], &old) && signs(&got[1], new));
}

#[tokio::test]
async fn an_endpoint_shows_its_secret_once_and_changes() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let made = subscribe(&client, "https://a.example/", ENDED).await;
    assert!(made["secret"].as_str().unwrap().starts_with("whsec_"));
    let path = format!("/v1/webhook_endpoints/{}", made["id"].as_str().unwrap());
    assert!(client.get(&path).await.body.get("secret").is_none());
    let change = [("disabled", "true"), ("enabled_events[]", "*")];
    let changed = client.post(&path, &change).await.body;
    assert_eq!(
        (&changed["status"], &changed["enabled_events"]),
        (&json!("disabled"), &json!(["*"]))
    );
    happen(&fake, &client).await;
    assert_eq!(fake.state()["deliveries"], json!([]));
    for (parameter, value) in [
        ("url", "a.example"),
        ("enabled_events[]", "no.such"),
        ("api_version", "2020-01-01"),
    ] {
        let form = [("url", "https://a.example"), ("enabled_events[]", "*")];
        let mut form: Vec<_> = form
            .into_iter()
            .filter(|(name, _)| *name != parameter)
            .collect();
        form.push((parameter, value));
        assert_eq!(
            client.post("/v1/webhook_endpoints", &form).await.status,
            400,
            "{parameter}"
        );
    }
    assert_eq!(client.delete(&path).await.body["deleted"], true);
    assert_eq!(client.get(&path).await.status, 404);
}
