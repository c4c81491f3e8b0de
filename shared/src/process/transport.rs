//! The byte transport: the one seam between Sparks and the systems it calls.
//!
//! Stripe, Langfuse and the AWS SDK all send through [`Transport::send`]. Everything above it is production code in
//! every run; only the destination of the bytes differs.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{Request, Response, Uri};
use url::Url;

/// The timeout for establishing a TCP and TLS connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// The lifetime of an idle connection, which is dropped before the peer closes it. Lambda freezes between invocations,
/// and a connection that the peer closed meanwhile fails the next request.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(20);

/// The largest response body that is read.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// The maximum number of parsed addresses that are kept.
const MAX_ADDRESSES: usize = 16;

/// Sends requests, over the network or to an endpoint in this process.
#[derive(Clone, Debug)]
pub struct Transport(Route);

#[derive(Clone)]
enum Route {
    Network(Arc<Network>),
    InProcess(Arc<Endpoint>),
}

struct Network {
    client: reqwest::Client,
    addresses: Addresses,
}

/// The first addresses that were called, parsed for `reqwest`: parsing one takes 8,000 instructions. The addresses of
/// DynamoDB and of deliveries are the same each time; others, such as a Checkout Session's, are parsed on each call.
#[derive(Default)]
struct Addresses(Mutex<Vec<(Uri, Url)>>);

impl Addresses {
    fn read(&self, uri: Uri) -> Result<Url, url::ParseError> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, url)) = known.iter().find(|(known, _)| *known == uri) {
            return Ok(url.clone());
        }
        let url = Url::parse(&uri.to_string())?;
        if known.len() < MAX_ADDRESSES {
            known.push((uri, url.clone()));
        }
        Ok(url)
    }
}

/// A handler of requests that never leave the process. It gets the timeout and keeps to it by itself.
pub type Endpoint = dyn Fn(Request<Bytes>, Duration) -> Answer + Send + Sync;

/// The future response of an [`Endpoint`].
pub type Answer = Pin<Box<dyn Future<Output = Result<Response<Bytes>, Error>> + Send>>;

/// A request without a response. The variant says whether it may have had an effect.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No connection was established, so the request was not sent and had no effect.
    #[error("could not connect")]
    NotSent(#[source] Box<dyn StdError + Send + Sync>),
    /// The response did not arrive in time; the request may have had its effect.
    #[error("no response in time")]
    TimedOut,
    /// The connection broke; the request may have had its effect.
    #[error("the connection broke")]
    Broken(#[source] Box<dyn StdError + Send + Sync>),
}

impl Transport {
    /// A transport over the network: TLS by `rustls` with `ring` and Mozilla's roots. They are compiled in, so that no
    /// certificate store is read at cold start.
    ///
    /// # Panics
    /// Never: the TLS settings are constants.
    pub fn network() -> Self {
        let roots = rustls::RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let tls = rustls::ClientConfig::builder_with_provider(Arc::new(
            rustls::crypto::ring::default_provider(),
        ))
        .with_safe_default_protocol_versions()
        .expect("ring supports the default protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .http1_only()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .build()
            .expect("a client of constant settings builds");
        Self(Route::Network(Arc::new(Network {
            client,
            addresses: Addresses::default(),
        })))
    }

    /// A transport whose requests are handled by `endpoint`.
    pub fn in_process(endpoint: Arc<Endpoint>) -> Self {
        Self(Route::InProcess(endpoint))
    }

    /// Sends a request and reads the whole response within `timeout`.
    pub async fn send(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Bytes>, Error> {
        match &self.0 {
            Route::Network(network) => tokio::time::timeout(timeout, network.send(request))
                .await
                .unwrap_or(Err(Error::TimedOut)),
            Route::InProcess(endpoint) => endpoint(request, timeout).await,
        }
    }
}

impl Network {
    async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Error> {
        let (head, body) = request.into_parts();
        let url = self.addresses.read(head.uri);
        let url = url.map_err(|error| Error::NotSent(error.into()))?;
        let mut request = reqwest::Request::new(head.method, url);
        *request.headers_mut() = head.headers;
        *request.body_mut() = Some(body.into());
        let mut incoming = self.client.execute(request).await.map_err(classify)?;
        let mut answer = Response::new(Bytes::new());
        *answer.status_mut() = incoming.status();
        *answer.headers_mut() = std::mem::take(incoming.headers_mut());
        let mut body = BytesMut::new();
        while let Some(chunk) = incoming.chunk().await.map_err(classify)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(Error::Broken("the response is too large".into()));
            }
            body.extend_from_slice(&chunk);
        }
        *answer.body_mut() = body.freeze();
        Ok(answer)
    }
}

/// Classifies an error, without its address, which may carry data that must not be logged.
fn classify(error: reqwest::Error) -> Error {
    if error.is_connect() {
        not_sent(error)
    } else if error.is_timeout() {
        Error::TimedOut
    } else {
        Error::Broken(error.without_url().into())
    }
}

fn not_sent(error: reqwest::Error) -> Error {
    Error::NotSent(error.without_url().into())
}

impl fmt::Debug for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network(_) => "Network",
            Self::InProcess(_) => "InProcess",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_addresses_parse_the_same_and_stay_bounded() {
        let addresses = Addresses::default();
        for _ in 0..2 {
            for number in 0..2 * MAX_ADDRESSES {
                for text in [
                    format!("https://api.example.com/v1/things/{number}"),
                    format!("https://api.example.com/v1/things/{number}?limit={number}"),
                    format!("http://127.0.0.1:{number}/"),
                ] {
                    let read = addresses.read(text.parse().unwrap()).unwrap();
                    assert_eq!(read, Url::parse(&text).unwrap());
                }
            }
        }
        assert_eq!(addresses.0.lock().unwrap().len(), MAX_ADDRESSES);
    }

    #[tokio::test]
    async fn a_malformed_address_is_not_called() {
        let request = Request::get("/v1/things").body(Bytes::new()).unwrap();
        let answer = Transport::network().send(request, CONNECT_TIMEOUT).await;
        assert!(matches!(answer, Err(Error::NotSent(_))), "{answer:?}");
    }
}
