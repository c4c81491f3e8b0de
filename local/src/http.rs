//! A small HTTP server for the fakes. It is loopback only, and able to hang up without a reply.
//!
//! A fake is a function from a request to a [`Reply`]; [`Server`] gives it an address. A request runs to its end even
//! when its caller hangs up, as at the real service.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A whole request.
pub type Request = http::Request<Bytes>;

/// A whole response.
pub type Response = http::Response<Bytes>;

/// Any free port of this machine's loopback address.
pub const FREE_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The largest body that is read: DynamoDB's own limit.
const MAX_BODY_BYTES: usize = 16 * 1024 * 1024;

/// The outcome of a request at a fake.
#[derive(Debug)]
pub enum Reply {
    /// The fake sends a response.
    Answer(Response),
    /// The fake closes the connection without a byte.
    HangUp,
}

/// An error that keeps a server from starting.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not loopback.
    #[error("`{0}` is not on 127.0.0.1, and the local stack listens nowhere else")]
    NotLoopback(SocketAddr),
    /// The address cannot be bound, most often because the port is in use.
    #[error("cannot listen on `{0}`")]
    Listen(SocketAddr, #[source] std::io::Error),
}

/// A bound address, known before anything is served there.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens on `address`; port 0 picks a free one.
    pub async fn bind(address: SocketAddr) -> Result<Self, Error> {
        if address.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST) {
            return Err(Error::NotLoopback(address));
        }
        let failed = |error| Error::Listen(address, error);
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Returns the base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A running server; it stops when dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    running: watch::Sender<bool>,
}

impl Server {
    /// Listens on `address` and serves `handler`; port 0 picks a free one.
    pub async fn start<H, F>(address: SocketAddr, handler: H) -> Result<Self, Error>
    where
        H: Fn(Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        Ok(Self::serve(Listener::bind(address).await?, handler))
    }

    /// Serves `handler` on a bound listener.
    pub fn serve<H, F>(listener: Listener, handler: H) -> Self
    where
        H: Fn(Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let Listener { listener, address } = listener;
        let (running, stopped) = watch::channel(false);
        spawn_until(stopped.clone(), accept(listener, address, stopped, handler));
        Self { address, running }
    }

    /// Returns the address of the server.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Runs `work` in the background until the server stops.
    pub fn beside<W>(&self, work: W)
    where
        W: Future<Output: Send> + Send + 'static,
    {
        spawn_until(self.running.subscribe(), work);
    }

    /// Stops the server, and returns when the port is free and no work is left.
    pub async fn stop(self) {
        self.running.send_replace(true);
        self.running.closed().await;
    }
}

/// Runs `work` in its own task, which is cancelled when the server stops.
#[expect(
    clippy::disallowed_methods,
    reason = "a server's tasks outlive the call that starts them, and end with the server"
)]
fn spawn_until<W>(
    mut stopped: watch::Receiver<bool>,
    work: W,
) -> tokio::task::JoinHandle<Option<W::Output>>
where
    W: Future<Output: Send> + Send + 'static,
{
    tokio::spawn(async move {
        tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => None,
            output = work => Some(output),
        }
    })
}

async fn accept<H, F>(
    listener: TcpListener,
    address: SocketAddr,
    stopped: watch::Receiver<bool>,
    handler: H,
) where
    H: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // For example out of file descriptors: let the open connections go on.
            tokio::task::yield_now().await;
            continue;
        };
        let connection = connection(stream, address, stopped.clone(), handler.clone());
        spawn_until(stopped.clone(), connection);
    }
}

async fn connection<H, F>(
    stream: TcpStream,
    address: SocketAddr,
    stopped: watch::Receiver<bool>,
    handler: H,
) where
    H: Fn(Request) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    // Small replies must not wait for the client's acknowledgement of the previous one.
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request: http::Request<Incoming>| {
        let (handler, stopped) = (handler.clone(), stopped.clone());
        async move {
            let reply = match read(request).await {
                Ok(request) => match refuse_stranger(&request, address) {
                    Some(refusal) => Reply::Answer(refusal),
                    None => spawn_until(stopped, handler(request))
                        .await
                        .ok()
                        .flatten()
                        .unwrap_or(Reply::HangUp),
                },
                Err(refusal) => refusal,
            };
            match reply {
                Reply::Answer(response) => Ok(response.map(Full::new)),
                Reply::HangUp => Err(HangUp),
            }
        }
    });
    // An error means that the caller is gone or that we hung up: the connection is closed either way.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The error that makes hyper close a connection without writing a byte.
#[derive(Debug, thiserror::Error)]
#[error("hung up on request")]
struct HangUp;

async fn read(request: http::Request<Incoming>) -> Result<Request, Reply> {
    let (head, body) = request.into_parts();
    match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => Ok(Request::from_parts(head, body.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(Reply::Answer(text(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is over 16 MB",
        ))),
        Err(_) => Err(Reply::HangUp),
    }
}

/// Refuses pages of other sites. A foreign `Host` is a rebound name, a foreign `Origin` a script.
fn refuse_stranger(request: &Request, address: SocketAddr) -> Option<Response> {
    let own = [address.to_string(), format!("localhost:{}", address.port())];
    let Some(host) = single(request.headers(), header::HOST) else {
        return Some(text(StatusCode::FORBIDDEN, "exactly one Host is needed"));
    };
    if !own.iter().any(|own| own == host) {
        return Some(text(
            StatusCode::FORBIDDEN,
            "this Host is not the address of this server",
        ));
    }
    let local = request.uri().path().starts_with("/_local");
    let foreign = request.headers().get_all(header::ORIGIN).iter();
    let foreign = foreign
        .filter(|origin| !own.iter().any(|own| *origin == &format!("http://{own}")))
        .count();
    (local && foreign > 0).then(|| text(StatusCode::FORBIDDEN, "this Origin is another site's"))
}

/// Returns the value of a header that is present exactly once, as text.
pub fn single(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Returns the media type of a request, without parameters such as the character set.
pub fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = single(headers, header::CONTENT_TYPE)?;
    value.split(';').next().map(str::trim)
}

/// Returns a JSON response.
pub fn json(status: StatusCode, body: &Value) -> Response {
    respond(status, "application/json", body.to_string())
}

/// Returns a plain text response.
pub fn text(status: StatusCode, body: &str) -> Response {
    respond(status, "text/plain; charset=utf-8", body.to_owned())
}

/// Returns a response of any media type.
pub fn respond(status: StatusCode, media_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let media_type = HeaderValue::from_static(media_type);
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, media_type);
    response
}

/// Returns whether a request is `method path`.
pub fn is(request: &Request, method: &Method, path: &str) -> bool {
    request.method() == method && request.uri().path() == path
}
