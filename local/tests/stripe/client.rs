//! A client of the fake Stripe with full control of requests.

use http::{HeaderMap, HeaderValue};
use local::http::FREE_PORT;
use local::stripe::FakeStripe;
use serde_json::Value;

/// Starts a fake with an account that has only the meter.
pub(crate) async fn fake() -> FakeStripe {
    FakeStripe::start(FREE_PORT).await.unwrap()
}

/// A response; its body is null if it is not JSON.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    async fn of(response: reqwest::Response) -> reqwest::Result<Self> {
        Ok(Self {
            status: response.status().as_u16(),
            headers: response.headers().clone(),
            body: serde_json::from_slice(&response.bytes().await?).unwrap_or_default(),
        })
    }

    pub(crate) fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A client with the headers of a valid call.
pub(crate) struct Client {
    http: reqwest::Client,
    url: String,
    headers: HeaderMap,
}

impl Client {
    pub(crate) fn of(fake: &FakeStripe) -> Self {
        let client = Self {
            http: local::client::plain(),
            url: fake.url(),
            headers: HeaderMap::new(),
        };
        client
            .with("authorization", Some("Bearer sk_test_local"))
            .with("stripe-version", Some("2026-10-28.endive"))
            .with("content-type", Some("application/x-www-form-urlencoded"))
    }

    /// Returns the client with a header replaced or removed.
    pub(crate) fn with(mut self, name: &'static str, value: Option<&'static str>) -> Self {
        self.headers.remove(name);
        if let Some(value) = value {
            self.headers.insert(name, HeaderValue::from_static(value));
        }
        self
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.http.get(self.at(path))).await.unwrap()
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.http.delete(self.at(path))).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        self.try_post(path, form).await.unwrap()
    }

    pub(crate) async fn try_post(
        &self,
        path: &str,
        form: &[(&str, &str)],
    ) -> reqwest::Result<Answer> {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        self.send(self.http.post(self.at(path)).body(body)).await
    }

    /// Posts JSON, as version 2 expects.
    pub(crate) async fn post_json(&self, path: &str, body: &Value) -> Answer {
        let mut headers = self.headers.clone();
        headers.insert("content-type", HeaderValue::from_static("application/json"));
        let request = self.http.post(self.at(path)).headers(headers);
        let response = request.body(body.to_string()).send().await.unwrap();
        Answer::of(response).await.unwrap()
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> reqwest::Result<Answer> {
        Answer::of(request.headers(self.headers.clone()).send().await?).await
    }
}
