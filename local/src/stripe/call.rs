//! A call to Stripe: who makes it, in which version, with which parameters.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, header};

use super::error::Error;
use super::form::Form;
use super::{API_VERSION, SECRET_KEY};
use crate::http::{Request, media_type, single};

const FORM: &str = "application/x-www-form-urlencoded";
const MAX_KEY_CHARACTERS: usize = 255;

/// A call by somebody who may make it.
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    /// The parameters not yet taken.
    pub(super) form: Form,
    /// All parameters in a fixed order: what tells a repeated call from another one.
    pub(super) fingerprint: String,
    /// The idempotency key, of a POST only: Stripe ignores it elsewhere.
    pub(super) key: Option<String>,
    /// When it came, in Unix seconds.
    pub(super) now: i64,
    /// The customer and meter it has for itself.
    pub(super) exclusive: Option<(String, String)>,
}

impl Call {
    /// Reads a request; what is wrong with it is found before anything is executed.
    pub(super) fn read(request: &Request, now: i64) -> Result<Self, Error> {
        let headers = request.headers();
        authenticate(headers)?;
        let version = single(headers, "stripe-version");
        if version != Some(API_VERSION) {
            return Err(Error::version(version.unwrap_or_default()));
        }
        let posted = request.method() == Method::POST;
        let form = if posted {
            if !request.body().is_empty() && media_type(headers) != Some(FORM) {
                let is = media_type(headers).unwrap_or_default();
                let message = format!(
                    "Invalid request (check that your POST content type is {FORM}): it is `{is}`"
                );
                return Err(Error::invalid(message));
            }
            Form::read(request.body())?
        } else {
            Form::read(request.uri().query().unwrap_or_default().as_bytes())?
        };
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        Ok(Self {
            fingerprint: format!("{method} {path} {form}"),
            method,
            path,
            form,
            key: if posted { key(headers)? } else { None },
            now,
            exclusive: None,
        })
    }
}

fn authenticate(headers: &HeaderMap) -> Result<(), Error> {
    let Some(given) = single(headers, header::AUTHORIZATION) else {
        return Err(Error::unauthenticated(
            "You did not provide an API key. You need to provide your API key in the \
             Authorization header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_KEY').",
        ));
    };
    let basic = format!("Basic {}", STANDARD.encode(format!("{SECRET_KEY}:")));
    if given == format!("Bearer {SECRET_KEY}") || given == basic {
        return Ok(());
    }
    let message = format!("Invalid API Key provided: this fake takes `{SECRET_KEY}` only");
    Err(Error::unauthenticated(&message))
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Error> {
    if !headers.contains_key("idempotency-key") {
        return Ok(None);
    }
    let key = single(headers, "idempotency-key").unwrap_or_default();
    if key.is_empty() || key.len() > MAX_KEY_CHARACTERS {
        return Err(Error::invalid(format!(
            "Idempotency-Key must be given once and have 1 to {MAX_KEY_CHARACTERS} characters."
        )));
    }
    Ok(Some(key.to_owned()))
}
