//! Event destinations of the fake Stripe, and the conventions of version 2 of its API.

use local::faults::Fault;
use serde_json::{Value, json};

use super::client::{Answer, Client, fake};

pub(crate) const PATH: &str = "/v2/core/event_destinations";
pub(crate) const REPORT: &str = "v1.billing.meter.error_report_triggered";
pub(crate) const NO_METER: &str = "v1.billing.meter.no_meter_found";

/// Returns the parameters of a destination for events about meters.
pub(crate) fn destination(url: &str) -> Value {
    json!({
        "type": "webhook_endpoint",
        "event_payload": "thin",
        "name": "Sparks",
        "enabled_events": [REPORT, NO_METER],
        "webhook_endpoint": { "url": url },
        "include": ["webhook_endpoint.signing_secret", "webhook_endpoint.url"],
    })
}

pub(crate) async fn made(client: &Client, url: &str) -> Value {
    let made = client.post_json(PATH, &destination(url)).await;
    assert_eq!(made.status, 200, "{}", made.body);
    made.body
}

fn at(destination: &Value) -> String {
    format!("{PATH}/{}", destination["id"].as_str().unwrap())
}

#[tokio::test]
async fn a_destination_has_all_fields_that_stripes_openapi_requires() {
    let fake = fake().await;
    let made = made(&Client::of(&fake), "https://a.example/").await;
    let required = "created description enabled_events event_payload id livemode name object \
                    status type updated";
    for field in required.split_whitespace() {
        assert!(!made[field].is_null(), "{field}");
    }
    assert_eq!(made["object"], "v2.core.event_destination");
    assert_eq!(made["events_from"], json!(["@self"]));
    let created = made["created"].as_str().unwrap();
    let read: jiff::Timestamp = created.parse().unwrap();
    assert_eq!(format!("{read:.3}"), created);
}

#[tokio::test]
async fn a_destination_shows_its_secret_once_and_its_address_on_request() {
    let fake = fake().await;
    let client = Client::of(&fake);

    let made = made(&client, "https://a.example/").await;
    let plain = client.get(&at(&made)).await.body;
    let included = format!("{}?include[0]=webhook_endpoint.url", at(&made));
    let included = client.get(&included).await.body;
    let secret = format!("{}?include[0]=webhook_endpoint.signing_secret", at(&made));

    let shown = &made["webhook_endpoint"];
    assert!(
        shown["signing_secret"]
            .as_str()
            .unwrap()
            .starts_with("whsec_")
    );
    assert_eq!(shown["url"], "https://a.example/");
    assert_eq!(plain["webhook_endpoint"], json!(null));
    assert_eq!(
        included["webhook_endpoint"],
        json!({"signing_secret": null, "url": "https://a.example/"})
    );
    assert_eq!(client.get(&secret).await.status, 400);
    assert_eq!(
        fake.webhook_secret(made["id"].as_str().unwrap()).as_deref(),
        shown["signing_secret"].as_str()
    );
}

#[tokio::test]
async fn a_destination_is_changed_disabled_and_deleted() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let mut order = destination("https://a.example/");
    order["metadata"] = json!({"stage": "test", "old": "1"});
    let made = client.post_json(PATH, &order).await.body;
    fake.clock().skip(60);

    let change = json!({
        "description": "About meters",
        "enabled_events": [REPORT],
        "metadata": {"old": null, "new": "2"},
        "webhook_endpoint": {"url": "https://b.example/"},
        "include": ["webhook_endpoint.url"],
    });
    let changed = client.post_json(&at(&made), &change).await.body;

    assert_eq!(changed["name"], "Sparks");
    assert_eq!(changed["description"], "About meters");
    assert_eq!(changed["enabled_events"], json!([REPORT]));
    assert_eq!(changed["metadata"], json!({"stage": "test", "new": "2"}));
    assert_eq!(changed["webhook_endpoint"]["url"], "https://b.example/");
    assert_eq!(changed["created"], made["created"]);
    assert_ne!(changed["updated"], made["updated"]);

    for (action, status) in [("disable", "disabled"), ("enable", "enabled")] {
        let path = format!("{}/{action}", at(&made));
        let answer = client.post_json(&path, &json!({})).await;
        assert_eq!(answer.body["status"], status);
    }
    let deleted = client.delete(&at(&made)).await.body;
    assert_eq!(
        (&deleted["id"], &deleted["deleted"]),
        (&made["id"], &json!(true))
    );
    assert_eq!(client.get(&at(&made)).await.status, 404);
}

#[tokio::test]
async fn an_invalid_destination_is_refused_with_a_version_2_error() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let wrong = [
        ("type", json!(null)),
        ("type", json!("amazon_eventbridge")),
        ("event_payload", json!("snapshot")),
        ("name", json!("")),
        ("name", json!(5)),
        ("enabled_events", json!([])),
        ("enabled_events", json!(["*"])),
        ("enabled_events", json!(["checkout.session.completed"])),
        ("events_from", json!(["@accounts"])),
        ("webhook_endpoint", json!({})),
        ("webhook_endpoint", json!({"url": "a.example"})),
        ("include", json!(["url"])),
        ("api_version", json!("2026-10-28.endive")),
    ];
    for (name, value) in wrong {
        let mut order = destination("https://a.example/");
        order[name] = value.clone();
        let answer = client.post_json(PATH, &order).await;
        assert_eq!(answer.status, 400, "{name}: {value}");
        assert_eq!(answer.code(), "invalid_fields");
        assert!(answer.body["error"]["message"].is_string());
        assert!(answer.body["error"].get("param").is_none());
    }
    let form = client.post(PATH, &[("type", "webhook_endpoint")]).await;
    assert_eq!(form.status, 400, "version 2 accepts only JSON");
    let unknown = client.get(&format!("{PATH}/ed_no")).await;
    assert_eq!((unknown.status, unknown.code()), (404, "not_found"));
    let stranger = client.with("authorization", None).get(PATH).await;
    assert_eq!(stranger.status, 401);
    assert!(stranger.body["error"]["code"].is_string());
}

#[tokio::test]
async fn destinations_are_listed_newest_first_by_page_urls() {
    let fake = fake().await;
    let client = Client::of(&fake);
    for number in 0..5 {
        made(&client, &format!("https://{number}.example/")).await;
    }
    let urls = |answer: &Answer| -> Vec<String> {
        let data = answer.body["data"].as_array().unwrap().iter();
        let url = |one: &Value| one["webhook_endpoint"]["url"].as_str().unwrap().to_owned();
        data.map(url).collect()
    };
    let next = |answer: &Answer| answer.body["next_page_url"].as_str().map(str::to_owned);

    let path = format!("{PATH}?limit=2&include[0]=webhook_endpoint.url");
    let first = client.get(&path).await;
    let second = client.get(&next(&first).unwrap()).await;
    let third = client.get(&next(&second).unwrap()).await;
    let back = client.get(second.body["previous_page_url"].as_str().unwrap());

    assert_eq!(first.body["previous_page_url"], json!(null));
    assert_eq!(urls(&first), ["https://4.example/", "https://3.example/"]);
    assert_eq!(urls(&second), ["https://2.example/", "https://1.example/"]);
    assert_eq!(urls(&third), ["https://0.example/"]);
    assert_eq!(next(&third), None);
    assert_eq!(urls(&back.await), urls(&first));
    for wrong in ["limit=0", "limit=101", "page=2", "starting_after=ed_1"] {
        let answer = client.get(&format!("{PATH}?{wrong}")).await;
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn a_version_2_key_keeps_only_successes_for_30_days() {
    let fake = fake().await;
    fake.faults().add(Fault::new(PATH, "status:500").unwrap());
    let client = Client::of(&fake).with("idempotency-key", Some("k"));
    let order = destination("https://a.example/");

    let failed = client.post_json(PATH, &order).await;
    let made = client.post_json(PATH, &order).await;
    fake.clock().skip(29 * 24 * 60 * 60);
    let replayed = client.post_json(PATH, &order).await;
    let other = client
        .post_json(PATH, &destination("https://b.example/"))
        .await;
    let elsewhere = format!("{}/disable", at(&made.body));
    let elsewhere = client.post_json(&elsewhere, &json!({})).await;

    assert_eq!(failed.status, 500);
    assert!(failed.body["error"]["code"].is_string());
    assert_eq!((made.status, elsewhere.status), (200, 200));
    assert_eq!(replayed.body, made.body);
    assert_eq!(replayed.header("idempotent-replayed"), "true");
    assert_eq!((other.status, other.code()), (400, "idempotency_error"));
}
