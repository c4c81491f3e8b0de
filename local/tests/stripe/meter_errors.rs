//! Reports of the fake Stripe about accepted meter events that it cannot bill.

use local::faults::Fault;
use serde_json::{Value, json};

use super::client::{Client, fake};
use super::event_destinations::{NO_METER, PATH, REPORT, made};
use super::meters::{customer, send};
use super::webhooks::{control, endpoint, signs, states};

const CODE: &str = "meter_event_customer_not_found";

/// Sends events of a new customer; returns the customer's id.
async fn send_all(client: &Client, identifiers: &[&str]) -> String {
    let customer = customer(client).await;
    for identifier in identifiers {
        let answer = send(client, &customer, &[("identifier", identifier)]).await;
        assert_eq!(answer.status, 200);
    }
    customer
}

async fn report(fake: &local::stripe::FakeStripe, body: Value) -> Value {
    control(fake, "/_local/meter_errors", body).await
}

fn identifiers(fake: &local::stripe::FakeStripe) -> Vec<String> {
    let state = fake.state();
    let events = state["meter_events"].as_array().unwrap().iter();
    events
        .map(|event| event["identifier"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn errors_are_reported_in_a_thin_event_with_data_on_request() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let (server, got) = endpoint(&[200]).await;
    let destination = made(&client, &server.url()).await;
    send_all(&client, &["use_1", "use_2", "use_3"]).await;

    let body = json!({"identifiers": ["use_1", "use_3"], "code": CODE});
    let reported = report(&fake, body).await;
    fake.settled().await;

    assert_eq!(reported["removed"], 2);
    assert_eq!(identifiers(&fake), ["use_2"]);
    let got = got.lock().unwrap().clone();
    let thin = &got[0].1;
    let meter = fake.state()["meters"][0]["id"].clone();
    let expected = json!({
        "id": thin["id"],
        "object": "v2.core.event",
        "type": REPORT,
        "livemode": false,
        "created": thin["created"],
        "context": null,
        "related_object": {
            "id": meter,
            "type": "billing.meter",
            "url": format!("/v1/billing/meters/{}", meter.as_str().unwrap()),
        },
    });
    assert_eq!(*thin, expected, "a notification has no data");
    let secret = destination["webhook_endpoint"]["signing_secret"].as_str();
    assert!(signs(&got[0], secret.unwrap()));

    let path = format!("/v2/core/events/{}", thin["id"].as_str().unwrap());
    let event = client.get(&path).await.body;
    assert_eq!(event, reported["event"]);
    let data = &event["data"];
    assert_eq!(
        data["developer_message_summary"],
        "There are 2 invalid events"
    );
    let reason = &data["reason"];
    assert_eq!(reason["error_count"], 2);
    let kind = &reason["error_types"][0];
    assert_eq!(
        (&kind["code"], &kind["error_count"]),
        (&json!(CODE), &json!(2))
    );
    let samples = kind["sample_errors"].as_array().unwrap();
    let named: Vec<_> = samples
        .iter()
        .map(|sample| &sample["request"]["identifier"])
        .collect();
    assert_eq!(named, ["use_1", "use_3"]);
    assert!(samples[0]["error_message"].is_string());
    for time in ["validation_start", "validation_end"] {
        let time = data[time].as_str().unwrap();
        time.parse::<jiff::Timestamp>().unwrap();
    }
    let related = client.get(event["related_object"]["url"].as_str().unwrap());
    assert_eq!(related.await.body["object"], "billing.meter");
}

#[tokio::test]
async fn a_report_has_at_most_100_samples_of_each_kind() {
    let fake = fake().await;
    let many: Vec<String> = (0..150).map(|number| format!("use_{number}")).collect();
    let errors = json!([
        {"identifiers": many, "code": CODE},
        {"identifiers": ["use_x"], "code": "meter_event_invalid_value"},
    ]);

    let all = report(&fake, json!({"errors": errors})).await;
    let few = report(&fake, json!({"errors": errors, "samples": 2})).await;

    for (reported, expected) in [(all, 100), (few, 2)] {
        let reason = &reported["event"]["data"]["reason"];
        assert_eq!(reason["error_count"], 151);
        let kinds = reason["error_types"].as_array().unwrap();
        let counts = kinds.iter().map(|kind| {
            let samples = kind["sample_errors"].as_array().unwrap();
            (kind["error_count"].as_u64().unwrap(), samples.len())
        });
        assert_eq!(counts.collect::<Vec<_>>(), [(150, expected), (1, 1)]);
        assert_eq!(reported["removed"], 0, "no event was sent");
    }
}

#[tokio::test]
async fn events_without_a_meter_have_their_own_report() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let (server, got) = endpoint(&[200]).await;
    made(&client, &server.url()).await;

    let body = json!({"identifiers": ["use_1"], "code": "no_meter"});
    let reported = report(&fake, body).await;
    fake.settled().await;

    let thin = got.lock().unwrap()[0].1.clone();
    assert_eq!(
        (&thin["type"], &thin["related_object"]),
        (&json!(NO_METER), &json!(null))
    );
    let kind = &reported["event"]["data"]["reason"]["error_types"][0];
    assert_eq!(kind["code"], "no_meter");
}

#[tokio::test]
async fn reported_events_may_be_kept_or_forgotten() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let customer = send_all(&client, &["use_1", "use_2", "use_3"]).await;
    let body = |identifier: &str, more: &str| json!({"identifiers": [identifier], "code": CODE, more: true});

    report(&fake, body("use_1", "keep")).await;
    report(&fake, body("use_2", "forget")).await;
    report(&fake, json!({"identifiers": ["use_3"], "code": CODE})).await;

    assert_eq!(identifiers(&fake), ["use_1"]);
    for (identifier, code) in [("use_2", ""), ("use_3", "duplicate_meter_event")] {
        let answer = send(&client, &customer, &[("identifier", identifier)]).await;
        assert_eq!(answer.code(), code, "{identifier}");
    }
}

#[tokio::test]
async fn an_invalid_report_is_refused() {
    let fake = fake().await;
    let wrong = [
        json!({}),
        json!({"identifiers": [], "code": CODE}),
        json!({"identifiers": ["use_1"]}),
        json!({"identifiers": ["use_1"], "code": ""}),
        json!({"identifier": "use_1", "code": CODE}),
        json!({"identifiers": ["use_1"], "code": CODE, "meter": "mtr_no"}),
        json!({"errors": [
            {"identifiers": ["use_1"], "code": CODE},
            {"identifiers": ["use_2"], "code": "no_meter"},
        ]}),
    ];
    for body in wrong {
        let answer = report(&fake, body.clone()).await;
        assert!(answer["error"]["message"].is_string(), "{body}");
    }
    assert_eq!(fake.state()["thin_events"], json!([]));
}

#[tokio::test]
async fn thin_events_are_retried_duplicated_held_and_lost_like_any_other() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let (server, got) = endpoint(&[500, 200]).await;
    made(&client, &server.url()).await;
    let say = async |number: u64| {
        let body = json!({"identifiers": [format!("use_{number}")], "code": CODE});
        let reported = report(&fake, body).await;
        fake.settled().await;
        reported["event"]["id"].as_str().unwrap().to_owned()
    };
    let faults = format!("webhooks/{REPORT}");
    let mut ids = vec![say(0).await];
    for fault in ["duplicate:1", "reorder", "hold", "drop"] {
        fake.faults().add(Fault::new(&faults, fault).unwrap());
        ids.push(say(ids.len() as u64).await);
    }
    ids.push(say(5).await);
    control(&fake, "/_local/webhooks/release", json!({})).await;
    fake.settled().await;
    let again = format!("/_local/webhooks/{}/redeliver", ids[4]);
    control(&fake, &again, json!({})).await;
    fake.settled().await;

    let got = got.lock().unwrap();
    let arrived: Vec<_> = got
        .iter()
        .map(|(_, event)| event["id"].as_str().unwrap())
        .map(|id| ids.iter().position(|one| one == id).unwrap())
        .collect();
    assert_eq!(arrived, [0, 0, 1, 1, 5, 2, 3, 4]);
}

#[tokio::test]
async fn snapshot_and_thin_events_have_separate_receivers_and_lists() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let (server, got) = endpoint(&[200]).await;
    let every = [("url", &*server.url()), ("enabled_events[]", "*")];
    client.post("/v1/webhook_endpoints", &every).await;
    let (thin_server, thin_got) = endpoint(&[200]).await;
    made(&client, &thin_server.url()).await;

    let reported = report(&fake, json!({"identifiers": ["use_1"], "code": CODE})).await;
    let customer = customer(&client).await;
    client.delete(&format!("/v1/customers/{customer}")).await;
    fake.settled().await;

    let kinds = |got: &super::webhooks::Got| -> Vec<Value> {
        let got = got.lock().unwrap();
        got.iter().map(|(_, event)| event["type"].clone()).collect()
    };
    assert_eq!(kinds(&got), ["customer.deleted"]);
    assert_eq!(kinds(&thin_got), [REPORT]);
    let snapshots = client.get("/v1/events").await.body;
    assert_eq!(snapshots["data"].as_array().unwrap().len(), 1);
    let snapshot = snapshots["data"][0]["id"].as_str().unwrap();
    let unknown = client.get(&format!("/v2/core/events/{snapshot}")).await;
    assert_eq!(unknown.status, 404);
    let thin = reported["event"]["id"].as_str().unwrap();
    assert_eq!(client.get(&format!("/v1/events/{thin}")).await.status, 404);
}

#[tokio::test]
async fn a_destination_gets_only_its_enabled_events() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let destination = made(&client, "https://a.example/").await;
    let path = format!("{PATH}/{}", destination["id"].as_str().unwrap());
    let only = json!({"enabled_events": [NO_METER]});
    client.post_json(&path, &only).await;
    report(&fake, json!({"identifiers": ["use_1"], "code": CODE})).await;
    let disable = format!("{path}/disable");
    client.post_json(&disable, &json!({})).await;
    report(&fake, json!({"identifiers": ["use_1"], "code": "no_meter"})).await;

    assert_eq!(states(&fake), [""; 0]);
    assert_eq!(fake.state()["thin_events"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_destinations_secret_can_be_rolled() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let (server, got) = endpoint(&[200]).await;
    let destination = made(&client, &server.url()).await;
    let id = destination["id"].as_str().unwrap();
    let path = format!("/_local/webhook_endpoints/{id}/roll");
    let new = control(&fake, &path, json!({})).await["secret"].clone();

    report(&fake, json!({"identifiers": ["use_1"], "code": CODE})).await;
    fake.settled().await;

    let got = got.lock().unwrap();
    let old = &destination["webhook_endpoint"]["signing_secret"];
    for secret in [old, &new] {
        assert!(signs(&got[0], secret.as_str().unwrap()));
    }
}

#[tokio::test]
async fn thin_events_are_listed_for_30_days() {
    let fake = fake().await;
    let client = Client::of(&fake);
    let mut ids = Vec::new();
    for code in [CODE, "no_meter", CODE] {
        let reported = report(&fake, json!({"identifiers": ["use_1"], "code": code})).await;
        ids.push(reported["event"]["id"].as_str().unwrap().to_owned());
        fake.clock().skip(60);
    }
    let listed = async |query: &str| -> Vec<usize> {
        let path = format!("/v2/core/events?{query}");
        let body = client.get(&path).await.body;
        let data = body["data"].as_array().unwrap().iter();
        data.map(|event| {
            ids.iter()
                .position(|id| event["id"] == id.as_str())
                .unwrap()
        })
        .collect()
    };
    let second = client
        .get(&format!("/v2/core/events/{}", ids[1]))
        .await
        .body;
    let created = second["created"].as_str().unwrap();
    let meter = fake.state()["meters"][0]["id"].as_str().unwrap().to_owned();

    assert_eq!(listed("").await, [2, 1, 0]);
    assert_eq!(listed(&format!("types[0]={REPORT}")).await, [2, 0]);
    assert_eq!(listed(&format!("object_id={meter}")).await, [2, 0]);
    assert_eq!(listed(&format!("created[gt]={created}")).await, [2]);
    assert_eq!(listed(&format!("created[gte]={created}")).await, [2, 1]);
    assert_eq!(listed(&format!("created[lt]={created}")).await, [0]);
    assert_eq!(listed(&format!("created[lte]={created}")).await, [1, 0]);
    fake.clock().skip(30 * 24 * 60 * 60 - 120);
    assert_eq!(listed("").await, [2]);
    let path = format!("/v2/core/events/{}", ids[0]);
    assert_eq!(client.get(&path).await.status, 404);
}

/// The accepted event is in no summary. The report names it by the idempotency key of its request.
#[tokio::test]
async fn an_event_of_a_deleted_customer_is_accepted_and_reported_later() {
    let fake = fake().await;
    let client = Client::of(&fake).with("idempotency-key", Some("use_1:1"));
    let customer = customer(&client).await;
    client.delete(&format!("/v1/customers/{customer}")).await;
    let client = client.with("idempotency-key", Some("use_2:1"));
    let sent = send(&client, &customer, &[("identifier", "use_2")]).await;
    assert_eq!(
        (sent.status, &sent.body["identifier"]),
        (200, &json!("use_2"))
    );
    assert_eq!(fake.state()["meter_events"], json!([]));
    assert_eq!(fake.state()["thin_events"], json!([]));

    fake.clock().skip(10);
    let report = client.get("/v2/core/events").await.body["data"][0].clone();
    assert_eq!(report["type"], REPORT);
    let kind = &report["data"]["reason"]["error_types"][0];
    assert_eq!(
        (&kind["code"], &kind["error_count"]),
        (&json!(CODE), &json!(1))
    );
    assert_eq!(kind["sample_errors"][0]["request"]["identifier"], "use_2:1");
    fake.clock().skip(60);
    let reports = client.get("/v2/core/events").await.body;
    assert_eq!(reports["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_setting_refuses_events_of_a_deleted_customer_at_once() {
    let fake = fake().await;
    let client = Client::of(&fake);
    control(
        &fake,
        "/_local/settings",
        json!({"late_meter_errors": false}),
    )
    .await;
    let customer = customer(&client).await;
    client.delete(&format!("/v1/customers/{customer}")).await;
    let answer = send(&client, &customer, &[]).await;
    assert_eq!((answer.status, answer.code()), (400, "resource_missing"));
}

#[tokio::test]
async fn a_report_can_name_events_by_idempotency_key() {
    let fake = fake().await;
    let client = Client::of(&fake);
    send_all(&client, &["use_1"]).await;
    let customer = customer(&client).await;
    let client = client.with("idempotency-key", Some("use_2:3"));
    send(&client, &customer, &[("identifier", "use_2")]).await;

    let body = json!({"identifiers": ["use_1", "use_2"], "code": CODE, "as": "idempotency_key"});
    let reported = report(&fake, body).await;

    let samples = &reported["event"]["data"]["reason"]["error_types"][0]["sample_errors"];
    let named = samples.as_array().unwrap().iter();
    let named: Vec<&Value> = named
        .map(|sample| &sample["request"]["identifier"])
        .collect();
    // An event sent without a key is named by its identifier.
    assert_eq!(named, ["use_1", "use_2:3"]);
    assert_eq!(reported["removed"], 2);
}
