//! The log of requests.

use http::Method;
use serde::{Deserialize, Serialize};

use crate::http::{Request, Response, single};

/// A logged request and the status of its response, even a lost one. Without a status, the connection was refused.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Logged {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The body of a POST, or else the query. It is for tests only, and is not listed.
    #[serde(skip)]
    pub(crate) parameters: String,
    idempotency_key: Option<String>,
    status: Option<u16>,
    replayed: bool,
}

impl Logged {
    /// Returns the entry of a request without a response yet.
    pub(crate) fn of(request: &Request) -> Self {
        let posted = request.method() == Method::POST;
        let key = single(request.headers(), "idempotency-key").filter(|_| posted);
        Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            parameters: if posted {
                String::from_utf8_lossy(request.body()).into_owned()
            } else {
                request.uri().query().unwrap_or_default().to_owned()
            },
            idempotency_key: key.map(str::to_owned),
            status: None,
            replayed: false,
        }
    }

    /// Records the response.
    pub(crate) fn answered(&mut self, response: &Response) {
        self.status = Some(response.status().as_u16());
        self.replayed = response.headers().contains_key("idempotent-replayed");
    }
}
