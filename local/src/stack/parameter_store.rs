//! A fake Parameter Store of AWS Systems Manager. `GetParameters` requires a signature and `WithDecryption`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::StatusCode;
use serde_json::{Value, json};

use crate::http::{self as server, Reply, Request, Response, Server, respond, single};

const MEDIA_TYPE: &str = "application/x-amz-json-1.1";

/// The most names in one call.
const MAX_NAMES: usize = 10;

/// A running Parameter Store; it stops when dropped.
#[derive(Debug)]
pub struct ParameterStore {
    server: Server,
    secrets: Secrets,
}

type Secrets = Arc<Mutex<BTreeMap<String, String>>>;

impl ParameterStore {
    /// Starts an empty store on `address`.
    pub async fn start(address: SocketAddr) -> Result<Self, server::Error> {
        let secrets = Secrets::default();
        let handler = Arc::clone(&secrets);
        let server = Server::start(address, move |request| {
            let answer = answer(&request, &handler);
            async move { Reply::Answer(answer) }
        })
        .await?;
        Ok(Self { server, secrets })
    }

    /// Returns the endpoint.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Stores a `SecureString`.
    pub fn put(&self, name: &str, value: &str) {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(name.to_owned(), value.to_owned());
    }

    /// Stops the server, and returns when its port is free.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

fn answer(request: &Request, secrets: &Secrets) -> Response {
    let header = |name: &str| single(request.headers(), name).unwrap_or_default();
    if header("x-amz-target") != "AmazonSSM.GetParameters" || header("content-type") != MEDIA_TYPE {
        return refuse("UnknownOperationException", "");
    }
    let signature = header("authorization");
    let signed = [
        "AWS4-HMAC-SHA256 Credential=",
        "/ssm/aws4_request",
        "x-amz-target",
    ];
    if header("x-amz-date").is_empty() || !signed.iter().all(|part| signature.contains(part)) {
        return refuse("IncompleteSignatureException", "the request is not signed");
    }
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let names: Vec<&str> = body["Names"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    if names.is_empty() || names.len() > MAX_NAMES {
        return refuse("ValidationException", "1 to 10 names");
    }
    let secrets = secrets.lock().unwrap_or_else(PoisonError::into_inner);
    let decrypted = body["WithDecryption"] == true;
    let found = names.iter().filter_map(|name| {
        let value = secrets.get(*name)?;
        let value = if decrypted { value } else { "AQICAHh…" };
        Some(json!({"Name": name, "Type": "SecureString", "Value": value, "Version": 1}))
    });
    let missing: Vec<&&str> = names
        .iter()
        .filter(|name| !secrets.contains_key(**name))
        .collect();
    let found = json!({"Parameters": found.collect::<Vec<_>>(), "InvalidParameters": missing});
    respond(StatusCode::OK, MEDIA_TYPE, found.to_string())
}

fn refuse(kind: &str, message: &str) -> Response {
    let body = json!({"__type": kind, "message": message});
    respond(StatusCode::BAD_REQUEST, MEDIA_TYPE, body.to_string())
}
