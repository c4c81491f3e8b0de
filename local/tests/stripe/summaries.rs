//! Summaries of the meters of the fake Stripe.

use std::time::Duration;

use jiff::Timestamp;
use local::clock::Clock;
use local::http::FREE_PORT;
use local::stripe::{FakeStripe, Stripe};

use super::client::{Answer, Client};
use super::meters::{DAY, customer, fake_at_noon, send};

pub(crate) async fn summaries(
    fake: &FakeStripe,
    client: &Client,
    customer: &str,
    query: &str,
) -> Answer {
    let meter = fake.state()["meters"][0]["id"].as_str().unwrap().to_owned();
    let day = fake.clock().now().as_second() / DAY * DAY;
    let times = if query.contains("start_time") {
        String::new()
    } else {
        format!("&start_time={day}&end_time={}", day + DAY)
    };
    let path = format!("/v1/billing/meters/{meter}/event_summaries");
    client
        .get(&format!("{path}?customer={customer}{times}{query}"))
        .await
}

fn values(answer: &Answer) -> Vec<i64> {
    let data = answer.body["data"].as_array().unwrap().iter();
    data.map(|summary| summary["aggregated_value"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn summaries_add_up_a_customers_events() {
    let fake = fake_at_noon().await;
    let client = Client::of(&fake);
    let (one, other) = (customer(&client).await, customer(&client).await);
    let noon = fake.clock().now().as_second();
    for (identifier, value, at) in [
        ("a", "1", noon),
        ("b", "20", noon - 3600),
        ("c", "300", noon),
    ] {
        let at = at.to_string();
        let changes = [
            ("identifier", identifier),
            ("payload[value]", value),
            ("timestamp", &at),
        ];
        assert_eq!(send(&client, &one, &changes).await.status, 200);
    }

    let day = summaries(&fake, &client, &one, "").await;
    let hours = summaries(&fake, &client, &one, "&value_grouping_window=hour").await;
    let none = summaries(&fake, &client, &other, "").await;
    let before_noon = summaries(
        &fake,
        &client,
        &one,
        &format!("&start_time={}&end_time={noon}", noon - DAY),
    )
    .await;

    assert_eq!(values(&day), [321]);
    assert_eq!(values(&hours), [301, 20]);
    assert_eq!(hours.body["data"][0]["start_time"], noon);
    assert_eq!(hours.body["data"][0]["end_time"], noon + 3600);
    assert_eq!(values(&none), [0_i64; 0]);
    assert_eq!(values(&before_noon), [20]);
}

#[tokio::test]
async fn summaries_need_aligned_times() {
    let fake = fake_at_noon().await;
    let client = Client::of(&fake);
    let customer = customer(&client).await;
    let noon = fake.clock().now().as_second();
    let crooked = [
        format!("&start_time={}&end_time={}", noon + 1, noon + 60),
        format!("&start_time={noon}&end_time={}", noon + 61),
        format!(
            "&start_time={noon}&end_time={}&value_grouping_window=hour",
            noon + 60
        ),
        // Noon is not the start of a day.
        format!(
            "&start_time={noon}&end_time={}&value_grouping_window=day",
            noon + DAY
        ),
        format!("&start_time={noon}&end_time={noon}"),
    ];
    for query in crooked {
        let answer = summaries(&fake, &client, &customer, &query).await;
        assert_eq!(answer.status, 400, "{query}");
    }
    let whole = format!("&start_time={}&end_time={noon}", noon - 60);
    let answer = summaries(&fake, &client, &customer, &whole).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn summaries_include_their_start_and_exclude_their_end() {
    let fake = fake_at_noon().await;
    let client = Client::of(&fake);
    let customer = customer(&client).await;
    let noon = fake.clock().now().as_second();
    for (identifier, value, at) in [("a", "1", noon - 60), ("b", "20", noon)] {
        let at = at.to_string();
        let changes = [
            ("identifier", identifier),
            ("payload[value]", value),
            ("timestamp", &at),
        ];
        assert_eq!(send(&client, &customer, &changes).await.status, 200);
    }

    let query = format!("&start_time={}&end_time={noon}", noon - 60);

    let summary = summaries(&fake, &client, &customer, &query).await;
    assert_eq!(values(&summary), [1]);
}

#[tokio::test]
async fn summaries_come_a_page_at_a_time_newest_first() {
    let fake = fake_at_noon().await;
    let client = Client::of(&fake);
    let customer = customer(&client).await;
    let noon = fake.clock().now().as_second();
    for days in 0..12 {
        let (identifier, at) = (format!("u_{days}"), (noon - days * DAY).to_string());
        let changes = [
            ("identifier", &*identifier),
            ("payload[value]", &*days.to_string()),
            ("timestamp", &at),
        ];
        assert_eq!(send(&client, &customer, &changes).await.status, 200);
    }
    let midnight = noon / DAY * DAY;
    let query = format!(
        "&start_time={}&end_time={}&value_grouping_window=day",
        midnight - 30 * DAY,
        midnight + DAY
    );

    let first = summaries(&fake, &client, &customer, &query).await;
    let last = first.body["data"][9]["id"].as_str().unwrap();
    let more = format!("{query}&limit=100&starting_after={last}");
    let second = summaries(&fake, &client, &customer, &more).await;

    assert_eq!(values(&first), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert_eq!(first.body["has_more"], true);
    assert_eq!(values(&second), [10, 11]);
    assert_eq!(second.body["has_more"], false);
}

#[tokio::test]
async fn a_summary_can_be_delayed() {
    let noon: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
    let stripe = Stripe::new(Clock::starting_at(noon))
        .with_meter()
        .with_summary_delay(Duration::from_mins(1));
    let fake = FakeStripe::serve(FREE_PORT, stripe).await.unwrap();
    let client = Client::of(&fake);
    let customer = customer(&client).await;
    send(&client, &customer, &[("payload[value]", "5")]).await;

    let early = summaries(&fake, &client, &customer, "").await;
    fake.clock().skip(61);
    let late = summaries(&fake, &client, &customer, "").await;

    assert_eq!((values(&early), values(&late)), (vec![], vec![5]));
}
