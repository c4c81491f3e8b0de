//! A fake Langfuse, which refuses what the real one silently drops or garbles.
//!
//! It also has the timeline of the real one: spans become readable some time after they are taken, reads have a limit
//! of their own, and a self-hosted version 3 takes exports but cannot be read.
//!
//! It accepts the keys [`PUBLIC_KEY`] and [`SECRET_KEY`]. Spans are stored as sent, and repeated spans are not
//! deduplicated, as in Langfuse since version 4.
//!
//! | path | effect |
//! |---|---|
//! | `POST /api/public/otel/v1/traces` | takes an export as a whole, or refuses it as a whole |
//! | `GET /api/public/v2/observations` | returns observations, in Langfuse's shape |
//! | `GET /api/public/health` | returns the status and version |
//! | `GET /_local/state` | returns `spans` as stored, and `requests` |
//! | `POST /_local/settings` | `{"mode":"v3"}` (also `v4_legacy`, `v4`), `{"visible_after_ms":15000}`, `{"reads_per_minute":30}` (or `null`); omitted settings keep their values |
//! | `GET /_local/settings` | returns the settings |
//! | `POST /_local/observations` | `{"start_time":"…","environment":"…"}` adds an observation without a trace, whose `traceId` is null |
//! | `DELETE /_local/observations/{trace_id}` | removes the spans of a trace |
//! | `/_local/faults` | see [`crate::faults`] |

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::clock::Clock;
use crate::faults::{self, Faults, Kind};
use crate::http::{self as server, Reply, Request, Response, Server, media_type, single};

mod attributes;
mod controls;
mod filter;
mod limits;
mod observations;
mod otlp;
mod query;
mod settings;
mod span;
mod storage;
mod traps;

use limits::Window;
use query::Query;
use storage::Storage;

pub use settings::{Mode, Settings};

/// The public key it accepts.
pub const PUBLIC_KEY: &str = "pk-lf-local";

/// The secret key it accepts.
pub const SECRET_KEY: &str = "sk-lf-local";

const TRACES: &str = "/api/public/otel/v1/traces";
const OBSERVATIONS: &str = "/api/public/v2/observations";
const HEALTH: &str = "/api/public/health";

/// A running fake Langfuse; it stops when dropped.
pub struct FakeLangfuse {
    server: Server,
    langfuse: Langfuse,
}

impl FakeLangfuse {
    /// Starts on `address` with an empty project in memory, and the machine's clock.
    pub async fn start(address: SocketAddr) -> Result<Self, server::Error> {
        Self::serve(address, Langfuse::default()).await
    }

    /// Serves a project on `address`.
    pub async fn serve(address: SocketAddr, langfuse: Langfuse) -> Result<Self, server::Error> {
        let handler = langfuse.clone();
        let server = Server::start(address, move |request| {
            let langfuse = handler.clone();
            async move { langfuse.handle(request).await }
        })
        .await?;
        Ok(Self { server, langfuse })
    }

    /// Returns the URL that stands in for `https://cloud.langfuse.com`.
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Returns its faults.
    pub fn faults(&self) -> &Faults {
        &self.langfuse.faults
    }

    /// Returns its clock, which a test may move forward.
    pub fn clock(&self) -> &Clock {
        &self.langfuse.clock
    }

    /// Returns its state, as `GET /_local/state` does.
    pub fn state(&self) -> Value {
        self.langfuse.state()
    }

    /// Returns the project, for a simulation that calls it in process.
    pub fn langfuse(&self) -> &Langfuse {
        &self.langfuse
    }

    /// Stops the server, and returns when its port is free.
    pub async fn stop(self) {
        self.server.stop().await;
    }
}

/// One Langfuse project; clones share it.
#[derive(Clone, Debug)]
pub struct Langfuse {
    stored: Arc<Mutex<Stored>>,
    faults: Faults,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Stored {
    spans: Storage,
    requests: Vec<Value>,
    settings: Settings,
    reads: Window,
}

impl Default for Langfuse {
    /// An empty project in memory, and the machine's clock.
    fn default() -> Self {
        Self::new(Clock::system())
    }
}

impl Langfuse {
    /// Returns an empty project in memory.
    pub fn new(clock: Clock) -> Self {
        Self {
            stored: Arc::default(),
            faults: Faults::default(),
            clock,
        }
    }

    /// Opens the project of a folder, or creates one there.
    pub fn open(directory: &Path, clock: Clock) -> std::io::Result<Self> {
        let project = Self::new(clock);
        project.lock().spans = Storage::open(directory)?;
        Ok(project)
    }

    /// Makes spans readable only after this delay.
    #[must_use]
    pub fn with_ingestion_delay(self, delay: Duration) -> Self {
        let settings = Settings {
            visible_after_ms: u32::try_from(delay.as_millis()).unwrap_or(u32::MAX),
            ..self.settings()
        };
        self.set(settings);
        self
    }

    /// Returns its settings.
    pub fn settings(&self) -> Settings {
        self.lock().settings
    }

    /// Changes its settings.
    pub fn set(&self, settings: Settings) {
        self.lock().settings = settings;
    }

    /// Returns its faults.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Returns its state, as `GET /_local/state` does.
    pub fn state(&self) -> Value {
        let stored = self.lock();
        json!({ "spans": stored.spans.all(), "requests": stored.requests })
    }

    /// Handles one request, as the server does.
    pub async fn handle(&self, request: Request) -> Reply {
        let path = request.uri().path();
        if path == faults::PATH {
            return Reply::Answer(self.faults.answer(&request, is_ours));
        }
        if path.starts_with("/_local/") {
            return Reply::Answer(self.control(&request));
        }
        let firing = self.faults.take(path, is_ours);
        let response = match firing.as_ref().map(|firing| firing.kind) {
            Some(Kind::Refuse) => None,
            Some(Kind::Status(status)) => {
                let response = self.fault(status, path);
                firing.as_ref().map(|firing| firing.dress(response))
            }
            _ => Some(self.answer(&request)),
        };
        let mut logged = json!({
            "method": request.method().as_str(),
            "path": path,
            "status": response.as_ref().map(|response| response.status().as_u16()),
        });
        if let Some(query) = request.uri().query() {
            logged["query"] = query.into();
        }
        self.lock().requests.push(logged);
        match response {
            Some(response) => faults::deliver(firing.as_ref(), response).await,
            None => Reply::HangUp,
        }
    }

    fn answer(&self, request: &Request) -> Response {
        let path = request.uri().path();
        if path == HEALTH {
            let version = self.settings().mode.version();
            let body = json!({ "status": "OK", "version": version });
            return server::json(StatusCode::OK, &body);
        }
        if !matches!(path, TRACES | OBSERVATIONS) {
            let message = format!("this fake has no `{path}`");
            return refuse(StatusCode::NOT_FOUND, "message", &message);
        }
        if let Some(refusal) = refuse_stranger(request) {
            return refusal;
        }
        match (path, request.method().as_str()) {
            (TRACES, "POST") => self.take(request),
            (OBSERVATIONS, "GET") => self.list(request.uri().query().unwrap_or_default()),
            _ => refuse(
                StatusCode::METHOD_NOT_ALLOWED,
                "message",
                "Method not allowed",
            ),
        }
    }

    /// Returns a page of observations.
    fn list(&self, query: &str) -> Response {
        let now = self.clock.now();
        let mut stored = self.lock();
        let settings = stored.settings;
        if let Some(limit) = settings.reads_per_minute
            && let Err(left) = stored.reads.count(now, limit)
        {
            return limits::refusal_for(limit, left, now);
        }
        if let Some((status, body)) = settings.mode.unreadable() {
            return server::json(status, &body);
        }
        let query = match Query::read(query) {
            Ok(query) => query,
            Err(refusal) => return server::json(StatusCode::BAD_REQUEST, &refusal.body()),
        };
        let delay = settings.visible_after();
        let readable = stored.spans.readable(query.places(), now, delay);
        server::json(StatusCode::OK, &observations::page(&query, readable))
    }

    /// Takes an export as a whole, or refuses it as a whole.
    fn take(&self, request: &Request) -> Response {
        let spans = check_headers(request).and_then(|()| otlp::spans(request.body()));
        let mut spans = match spans {
            Ok(spans) => spans,
            Err(message) => return refuse(StatusCode::BAD_REQUEST, "error", &message),
        };
        let now = self.clock.now();
        for span in &mut spans {
            span.taken_at = Some(now);
        }
        if let Err(error) = self.lock().spans.add(spans) {
            return unkept(&error);
        }
        // Langfuse returns the queued job, which does not mention the spans.
        let body = json!({ "name": "otel-ingestion-job", "data": {} });
        server::json(StatusCode::OK, &body)
    }

    /// Returns the response of a `status:N` fault.
    fn fault(&self, status: StatusCode, path: &str) -> Response {
        if status != StatusCode::TOO_MANY_REQUESTS {
            let reason = status.canonical_reason().unwrap_or("Error");
            return refuse(status, "message", reason);
        }
        let limit = match path {
            TRACES => limits::EXPORTS,
            _ => limits::READS,
        };
        limits::refusal(limit, self.clock.now())
    }

    fn lock(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether this fake supports a fault.
fn is_ours(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Status(_) | Kind::Slow(_) | Kind::Truncated | Kind::LostReply | Kind::Refuse
    )
}

fn refuse_stranger(request: &Request) -> Option<Response> {
    let given = single(request.headers(), header::AUTHORIZATION).unwrap_or_default();
    let basic = format!(
        "Basic {}",
        STANDARD.encode(format!("{PUBLIC_KEY}:{SECRET_KEY}"))
    );
    if given == basic {
        return None;
    }
    if given == format!("Bearer {PUBLIC_KEY}") {
        let message = "Access denied - need to use basic auth with secret key";
        return Some(refuse(StatusCode::FORBIDDEN, "message", message));
    }
    let message = "Invalid credentials. Confirm that you've configured the correct host.";
    Some(refuse(StatusCode::UNAUTHORIZED, "message", message))
}

fn check_headers(request: &Request) -> Result<(), String> {
    let headers = request.headers();
    match media_type(headers) {
        Some("application/json") => {}
        Some("application/x-protobuf") => {
            return Err(
                "Invalid content type: Langfuse also accepts protobuf, this fake only JSON"
                    .to_owned(),
            );
        }
        other => {
            let other = other.unwrap_or_default();
            return Err(format!("Invalid content type: `{other}`"));
        }
    }
    if headers.contains_key(header::CONTENT_ENCODING) {
        return Err("Content-Encoding: Langfuse accepts gzip, this fake no encoding".to_owned());
    }
    match single(headers, "x-langfuse-ingestion-version") {
        Some("4") => Ok(()),
        Some(other) => Err(format!(
            "Unsupported x-langfuse-ingestion-version: `{other}`"
        )),
        None => Err(
            "x-langfuse-ingestion-version: 4 is missing: Langfuse would accept the export and show \
             it up to 15 minutes late"
                .to_owned(),
        ),
    }
}

fn unkept(error: &std::io::Error) -> Response {
    let message = format!("the folder of this fake cannot be written: {error}");
    refuse(StatusCode::INTERNAL_SERVER_ERROR, "error", &message)
}

fn refuse(status: StatusCode, name: &str, message: &str) -> Response {
    server::json(status, &json!({ name: message }))
}
