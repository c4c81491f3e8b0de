//! The HTTP client for servers on this machine.

use std::time::Duration;

/// Limit for accepting a connection on this machine.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);

/// Returns a client for plain HTTP. It trusts no certificate, so HTTPS fails.
#[expect(
    clippy::missing_panics_doc,
    reason = "nothing in it depends on the caller"
)]
pub fn plain() -> reqwest::Client {
    let provider = rustls::crypto::ring::default_provider().into();
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("`ring` supports the default versions")
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT_LIMIT)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .expect("a client without certificates or proxies has nothing to fail on")
}
