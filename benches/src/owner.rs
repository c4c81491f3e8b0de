//! Maps crates to the owner of their work.

use serde::Serialize;

/// The part of a program that instructions are counted towards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Owner {
    /// Sparks: parsing, pricing, building requests and responses, logging.
    Ours,
    /// The AWS SDK: serializing, signing, parsing responses.
    Sdk,
    /// The HTTP client and server protocol.
    Http,
    /// Lambda's runtime, and the events of API Gateway.
    Lambda,
    /// The async runtime.
    Tokio,
    /// The loader, before `main`.
    Loader,
    /// No known owner.
    Unknown,
}

impl Owner {
    /// Returns its name in tables.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Sdk => "AWS SDK",
            Self::Http => "HTTP",
            Self::Lambda => "Lambda runtime",
            Self::Tokio => "tokio",
            Self::Loader => "loader",
            Self::Unknown => "unknown",
        }
    }
}

/// The functions' crates, and the core.
const OURS: [&str; 8] = [
    "create-checkout",
    "create-portal",
    "deliver-outbox",
    "read-account",
    "record-usage",
    "shared",
    "stripe-webhook",
    "verify-payment",
];

const HTTP: [&str; 10] = [
    "h2",
    "http-body",
    "http-body-util",
    "httparse",
    "hyper",
    "hyper-rustls",
    "hyper-util",
    "reqwest",
    "tower-http",
    "want",
];

/// Returns the owner of a crate; None if its work counts towards its callers.
pub(crate) fn owner_of(name: &str) -> Option<Owner> {
    match name {
        "lambda-runtime"
        | "lambda-http"
        | "lambda-runtime-api-client"
        | "aws-lambda-events"
        | "aws_lambda_events"
        | "lambda-extension" => Some(Owner::Lambda),
        "tokio" | "mio" => Some(Owner::Tokio),
        "ld.so" => Some(Owner::Loader),
        name if OURS.contains(&name) => Some(Owner::Ours),
        name if HTTP.contains(&name) => Some(Owner::Http),
        name if name.starts_with("aws-") => Some(Owner::Sdk),
        _ => None,
    }
}

/// Returns the crate of a source file.
pub(crate) fn crate_of(file: &str) -> String {
    if let Some((_, rest)) = file.split_once("/registry/src/") {
        let folder = rest.split('/').nth(1).unwrap_or_default();
        let version = folder.rmatch_indices('-').find(|(at, _)| {
            folder[at + 1..].starts_with(|first: char| first.is_ascii_digit())
                && folder[at + 1..].contains('.')
        });
        let end = version.map_or(folder.len(), |(at, _)| at);
        return folder[..end].to_owned();
    }
    // The standard library is built with some crates of its own.
    if file.contains("/library/") || file.starts_with("/rust/deps/") {
        return "std".to_owned();
    }
    if file.starts_with("./elf/") {
        return "ld.so".to_owned();
    }
    if let Some((before, _)) = file.split_once("/src/")
        && !file.starts_with("./")
    {
        let own = before.rsplit('/').next().unwrap_or_default();
        if OURS.contains(&own) {
            return own.to_owned();
        }
    }
    "libc".to_owned()
}
