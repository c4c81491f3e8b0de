//! Faults on request: each fake takes them over HTTP and from tests.
//!
//! ```text
//! POST /_local/faults {"path":"/v1/billing/meter_events","fault":"status:500","times":5}
//! GET /_local/faults
//! DELETE /_local/faults
//! ```
//! `path` is a prefix of the URL's path, of the operation's name for DynamoDB, or of `webhooks/<type>` for webhooks
//! that the fake Stripe sends; `/` and the empty text match all. `times` is the number of firings (default 1), `every`
//! makes the fault fire at each n-th matching request only (default 1), and `headers` are added to the response of a
//! `status:N` or a `code:C`: a `status:429` with `{"stripe-rate-limited-reason":"global-rate"}` is one of Stripe's rate
//! limits.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::http::{Reply, Request, Response, json, text};

/// The path at which a fake's faults are set, listed and cleared.
pub const PATH: &str = "/_local/faults";

/// The kind of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `status:N`: an error with this status, without effect.
    Status(StatusCode),
    /// `code:C`: Stripe answers 400 with this `error.code`, `rate_limit` or `lock_timeout`. No
    /// effect, and kept under no idempotency key.
    Code(&'static str),
    /// `slow:MS`: the effect is immediate, the reply late.
    Slow(Duration),
    /// `truncated`: the effect, then the first half of the reply as a complete body.
    Truncated,
    /// `lost_reply`: the effect, then the connection closes without a byte.
    LostReply,
    /// `refuse`: no effect, and the connection closes without a byte.
    Refuse,
    /// `conflict`: DynamoDB reports another transaction on the item. No effect.
    Conflict,
    /// `throttle`: DynamoDB reports that its throughput is exceeded. No effect.
    Throttle,
    /// `conflict+condition`: a cancelled transaction reports both reasons. No effect.
    ConflictAndCondition,
    /// `unprocessed`: DynamoDB reads the first item of a batch, and returns the others as unprocessed.
    Unprocessed,
    /// `duplicate:N`: a webhook is sent N more times.
    Duplicate(u32),
    /// `reorder`: a webhook is sent after the next one.
    Reorder,
    /// `hold`: a webhook is kept back until the test releases it.
    Hold,
    /// `drop`: a webhook is never sent.
    Drop,
}

/// The error for an unknown fault.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a fault: status:N, slow:MS, truncated, lost_reply, refuse, \
     for Stripe code:rate_limit and code:lock_timeout, \
     for DynamoDB conflict, throttle, conflict+condition, unprocessed, \
     and for webhooks duplicate:N, reorder, hold, drop"
)]
pub struct Unknown(String);

/// The error codes that `code:C` accepts.
const CODES: [&str; 2] = ["lock_timeout", "rate_limit"];

impl Kind {
    /// Returns whether it affects webhooks that the fake Stripe sends, rather than requests.
    pub fn is_of_webhooks(self) -> bool {
        matches!(
            self,
            Self::Duplicate(_) | Self::Reorder | Self::Hold | Self::Drop
        )
    }
}

impl FromStr for Kind {
    type Err = Unknown;

    fn from_str(text: &str) -> Result<Self, Unknown> {
        let unknown = || Unknown(text.to_owned());
        Ok(match text.split_once(':') {
            Some(("status", number)) => {
                let status = number.parse::<StatusCode>().map_err(|_| unknown())?;
                if status.as_u16() < 400 {
                    return Err(unknown());
                }
                Self::Status(status)
            }
            Some(("code", code)) => {
                let known = CODES.into_iter().find(|known| *known == code);
                Self::Code(known.ok_or_else(unknown)?)
            }
            Some(("slow", number)) => {
                let number = number.parse().map_err(|_| unknown())?;
                Self::Slow(Duration::from_millis(number))
            }
            Some(("duplicate", number)) => {
                let number = number.parse().ok();
                let number = number.filter(|number| (1..=100).contains(number));
                Self::Duplicate(number.ok_or_else(unknown)?)
            }
            Some(_) => return Err(unknown()),
            None => match text {
                "truncated" => Self::Truncated,
                "lost_reply" => Self::LostReply,
                "refuse" => Self::Refuse,
                "conflict" => Self::Conflict,
                "throttle" => Self::Throttle,
                "conflict+condition" => Self::ConflictAndCondition,
                "unprocessed" => Self::Unprocessed,
                "reorder" => Self::Reorder,
                "hold" => Self::Hold,
                "drop" => Self::Drop,
                _ => return Err(unknown()),
            },
        })
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(formatter, "status:{}", status.as_u16()),
            Self::Code(code) => write!(formatter, "code:{code}"),
            Self::Slow(delay) => write!(formatter, "slow:{}", delay.as_millis()),
            Self::Truncated => formatter.write_str("truncated"),
            Self::LostReply => formatter.write_str("lost_reply"),
            Self::Refuse => formatter.write_str("refuse"),
            Self::Conflict => formatter.write_str("conflict"),
            Self::Throttle => formatter.write_str("throttle"),
            Self::ConflictAndCondition => formatter.write_str("conflict+condition"),
            Self::Unprocessed => formatter.write_str("unprocessed"),
            Self::Duplicate(more) => write!(formatter, "duplicate:{more}"),
            Self::Reorder => formatter.write_str("reorder"),
            Self::Hold => formatter.write_str("hold"),
            Self::Drop => formatter.write_str("drop"),
        }
    }
}

/// A fault that is set on a fake.
///
/// ```
/// use local::faults::{Fault, Faults};
/// let faults = Faults::default();
/// faults.add(Fault::new("/v1/customers", "status:500")?.times(2));
/// # Ok::<(), local::faults::Unknown>(())
/// ```
#[derive(Clone, Debug)]
pub struct Fault {
    path: String,
    kind: Kind,
    times: u32,
    every: u32,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Fault {
    /// Creates a fault from the HTTP interface's spelling. It fires at the next request below `path`.
    pub fn new(path: &str, fault: &str) -> Result<Self, Unknown> {
        Ok(Self {
            path: path.to_owned(),
            kind: fault.parse()?,
            times: 1,
            every: 1,
            headers: Vec::new(),
        })
    }

    /// Sets how often it fires; once by default.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = times;
        self
    }

    /// Makes it fire at each `every`-th matching request only.
    #[must_use]
    pub fn every(mut self, every: u32) -> Self {
        self.every = every.max(1);
        self
    }

    /// Adds a header to the response of a `status:N` or a `code:C`.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &'static str) -> Self {
        let value = HeaderValue::from_static(value);
        self.headers.push((HeaderName::from_static(name), value));
        self
    }

    fn matches(&self, path: &str) -> bool {
        self.path == "/" || path.starts_with(&self.path)
    }
}

/// A fault that has just fired.
#[derive(Clone, Debug)]
pub struct Firing {
    /// The kind of the fault.
    pub kind: Kind,
    /// Headers to add to the response.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

impl Firing {
    /// Adds the fault's headers to a response.
    pub fn dress(&self, mut response: Response) -> Response {
        response.headers_mut().extend(self.headers.iter().cloned());
        response
    }
}

/// Delivers a response, altered by the fault that fired, if any.
pub async fn deliver(firing: Option<&Firing>, response: Response) -> Reply {
    match firing.map(|firing| firing.kind) {
        Some(Kind::LostReply | Kind::Refuse) => return Reply::HangUp,
        Some(Kind::Slow(delay)) => tokio::time::sleep(delay).await,
        Some(Kind::Truncated) => {
            return Reply::Answer(response.map(|body| body.slice(..body.len() / 2)));
        }
        _ => {}
    }
    Reply::Answer(response)
}

/// The faults of one fake; clones share one registry.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Entry>>>);

#[derive(Debug)]
struct Entry {
    fault: Fault,
    seen: u32,
    fired: u32,
}

impl Faults {
    /// Adds a fault behind the existing ones.
    pub fn add(&self, fault: Fault) {
        self.lock().push(Entry {
            fault,
            seen: 0,
            fired: 0,
        });
    }

    /// Removes all faults and their counts.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// Returns how often the faults of exactly this path have fired.
    pub fn fired(&self, path: &str) -> u32 {
        let entries = self.lock();
        let own = entries.iter().filter(|entry| entry.fault.path == path);
        own.map(|entry| entry.fired).sum()
    }

    /// Takes the first fault due at this request; `applies` selects the kinds that concern it.
    pub fn take(&self, path: &str, applies: impl Fn(Kind) -> bool) -> Option<Firing> {
        for entry in self.lock().iter_mut() {
            let live = entry.fired < entry.fault.times && applies(entry.fault.kind);
            if !live || !entry.fault.matches(path) {
                continue;
            }
            entry.seen += 1;
            if entry.seen.is_multiple_of(entry.fault.every) {
                entry.fired += 1;
                return Some(Firing {
                    kind: entry.fault.kind,
                    headers: entry.fault.headers.clone(),
                });
            }
        }
        None
    }

    /// Handles a request to [`PATH`]; `applies` says which kinds the fake supports.
    pub fn answer(&self, request: &Request, applies: impl Fn(Kind) -> bool) -> Response {
        match *request.method() {
            Method::GET => json(StatusCode::OK, &self.list()),
            Method::DELETE => {
                self.clear();
                json(StatusCode::OK, &self.list())
            }
            Method::POST => match read(request.body()) {
                Ok(fault) if applies(fault.kind) => {
                    self.add(fault);
                    json(StatusCode::OK, &self.list())
                }
                Ok(fault) => {
                    let refusal = format!("this server does not support `{}`", fault.kind);
                    text(StatusCode::BAD_REQUEST, &refusal)
                }
                Err(refusal) => text(StatusCode::BAD_REQUEST, &refusal),
            },
            _ => text(StatusCode::METHOD_NOT_ALLOWED, "GET, POST or DELETE"),
        }
    }

    fn list(&self) -> Value {
        let entries = self.lock();
        let faults = entries.iter().map(|entry| {
            let wire = Wire {
                path: entry.fault.path.clone(),
                fault: entry.fault.kind.to_string(),
                times: entry.fault.times,
                every: entry.fault.every,
                headers: headers_as_text(&entry.fault.headers),
            };
            let mut listed = serde_json::to_value(wire).expect("texts and numbers are JSON");
            listed["fired"] = entry.fired.into();
            listed
        });
        json!({ "faults": faults.collect::<Vec<_>>() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    path: String,
    fault: String,
    #[serde(default = "once")]
    times: u32,
    #[serde(default = "once")]
    every: u32,
    #[serde(default)]
    headers: BTreeMap<String, String>,
}

fn once() -> u32 {
    1
}

fn headers_as_text(headers: &[(HeaderName, HeaderValue)]) -> BTreeMap<String, String> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = headers.iter();
    headers
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect()
}

fn read(body: &[u8]) -> Result<Fault, String> {
    let wire: Wire = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let mut fault = Fault::new(&wire.path, &wire.fault).map_err(|error| error.to_string())?;
    for (name, value) in &wire.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
        let value = HeaderValue::from_str(value).map_err(|error| error.to_string())?;
        fault.headers.push((name, value));
    }
    Ok(fault.times(wire.times).every(wire.every))
}
