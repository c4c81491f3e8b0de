//! The event that API Gateway makes of a request: HTTP API, payload format 2.0.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{CONNECTION, COOKIE, HOST, HeaderValue, TRANSFER_ENCODING, USER_AGENT};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use crate::http::{Request, media_type};
use crate::template::Route;

const ACCOUNT_ID: &str = "000000000000";
const API_ID: &str = "local";
const STAGE: &str = "$default";
const SOURCE_IP: &str = "127.0.0.1";

/// A request whose route and caller are known.
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    pub(super) route: &'a Route,
    pub(super) path_parameters: BTreeMap<String, String>,
    /// The verified claims, each as text; `None` if the route is open.
    pub(super) claims: Option<Map<String, Value>>,
}

impl Call<'_> {
    /// Returns the event for the function.
    pub(super) fn event(self, request_id: &str, now: Timestamp) -> Value {
        let uri = self.request.uri();
        let query = uri.query().unwrap_or_default();
        let mut event = json!({
            "version": "2.0",
            "routeKey": self.route.key(),
            "rawPath": uri.path(),
            "rawQueryString": query,
            "headers": headers(self.request.headers()),
            "requestContext": self.context(request_id, now),
            "isBase64Encoded": false,
        });
        let cookies = cookies(self.request.headers());
        if !cookies.is_empty() {
            event["cookies"] = cookies.into();
        }
        if !query.is_empty() {
            event["queryStringParameters"] = query_parameters(query).into();
        }
        if !self.path_parameters.is_empty() {
            event["pathParameters"] = json!(self.path_parameters);
        }
        let body = self.request.body();
        if !body.is_empty() {
            let text = std::str::from_utf8(body).ok();
            let text = text.filter(|_| is_text(self.request.headers()));
            event["isBase64Encoded"] = text.is_none().into();
            event["body"] = text
                .map_or_else(|| STANDARD.encode(body), str::to_owned)
                .into();
        }
        event
    }

    fn context(&self, request_id: &str, now: Timestamp) -> Value {
        let header = |name| {
            self.request
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
        };
        let host = header(HOST).unwrap_or_default();
        let domain = host.rsplit_once(':').map_or(host, |(domain, _)| domain);
        let mut context = json!({
            "accountId": ACCOUNT_ID,
            "apiId": API_ID,
            "domainName": domain,
            "domainPrefix": API_ID,
            "http": {
                "method": self.request.method().as_str(),
                "path": self.request.uri().path(),
                "protocol": "HTTP/1.1",
                "sourceIp": SOURCE_IP,
                "userAgent": header(USER_AGENT).unwrap_or_default(),
            },
            "requestId": request_id,
            "routeKey": self.route.key(),
            "stage": STAGE,
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.as_millisecond(),
        });
        if let Some(claims) = &self.claims {
            context["authorizer"] = json!({"jwt": {"claims": claims, "scopes": null}});
        }
        context
    }
}

/// Returns the headers by lower-case name, repeated ones joined, without cookies and connection headers.
fn headers(all: &HeaderMap) -> Map<String, Value> {
    let mut joined = Map::new();
    for name in all.keys() {
        if [CONNECTION, COOKIE, TRANSFER_ENCODING].contains(name) {
            continue;
        }
        let values: Vec<_> = all
            .get_all(name)
            .iter()
            .map(HeaderValue::as_bytes)
            .collect();
        let value = String::from_utf8_lossy(&values.join(&b","[..])).into_owned();
        joined.insert(name.as_str().to_owned(), value.into());
    }
    joined.insert("x-forwarded-for".to_owned(), SOURCE_IP.into());
    joined.insert("x-forwarded-proto".to_owned(), "http".into());
    joined
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let values = headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    values
        .flat_map(|value| value.split(';'))
        .map(|cookie| cookie.trim().to_owned())
        .collect()
}

/// Returns the decoded parameters, repeated ones joined with a comma.
fn query_parameters(query: &str) -> Map<String, Value> {
    let mut joined: BTreeMap<String, String> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        joined
            .entry(name.into_owned())
            .and_modify(|before| *before = format!("{before},{value}"))
            .or_insert_with(|| value.into_owned());
    }
    joined
        .into_iter()
        .map(|(name, value)| (name, value.into()))
        .collect()
}

/// Returns whether a body of this type is passed on as text. All others are base64, forms too.
fn is_text(headers: &HeaderMap) -> bool {
    let essence = media_type(headers).unwrap_or_default().to_ascii_lowercase();
    let known = [
        "application/json",
        "application/javascript",
        "application/xml",
    ];
    essence.starts_with("text/") || essence.ends_with("+json") || known.contains(&&*essence)
}
