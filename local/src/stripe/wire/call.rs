//! A call to Stripe: its authentication, API version, idempotency key and parameters.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Method, header};

use super::error::{Error, Result};
use super::form::Form;
use super::version::{API_VERSION, SECRET_KEY, is_v2};
use crate::http::{Request, media_type, single};

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";
const MAX_KEY_CHARACTERS: usize = 255;

/// An authenticated call.
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    /// The parameters that no operation has read yet.
    pub(crate) form: Form,
    /// All parameters in a fixed order: they distinguish a repeated call from another one.
    pub(crate) fingerprint: String,
    /// The idempotency key of a POST; Stripe ignores it elsewhere. Version 2 also reads that of a DELETE, and a key
    /// there belongs to one URL.
    pub(crate) key: Option<String>,
    /// The time of the call, in Unix seconds.
    pub(crate) now: i64,
    /// The customer and meter that the call has locked.
    pub(crate) exclusive: Option<(String, String)>,
}

impl Call {
    /// Reads a request; fails before anything is executed if it is malformed.
    pub(crate) fn read(request: &Request, now: i64) -> Result<Self> {
        let headers = request.headers();
        authenticate(headers)?;
        let version = single(headers, "stripe-version");
        if version != Some(API_VERSION) {
            return Err(Error::version(version.unwrap_or_default()));
        }
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let v2 = is_v2(&path);
        let mut kept_under = None;
        if method == Method::POST || v2 && method == Method::DELETE {
            kept_under = key(headers)?;
        }
        if v2 {
            kept_under = kept_under.map(|key| format!("{key} of {method} {path}"));
        }
        let form = form(request, v2)?;
        Ok(Self {
            fingerprint: format!("{method} {path} {form}"),
            method,
            path,
            form,
            key: kept_under,
            now,
            exclusive: None,
        })
    }
}

/// Reads the parameters from the query, or from the body of a POST.
fn form(request: &Request, v2: bool) -> Result<Form> {
    if request.method() != Method::POST {
        return Form::read(request.uri().query().unwrap_or_default().as_bytes());
    }
    let body = request.body();
    let wanted = if v2 { JSON } else { FORM };
    let is = media_type(request.headers()).unwrap_or_default();
    if body.is_empty() {
        return Ok(Form::default());
    }
    if is != wanted {
        return Err(Error::invalid(format!(
            "Invalid request (check that your POST content type is {wanted}): it is `{is}`"
        )));
    }
    if v2 {
        Form::of_json(body)
    } else {
        Form::read(body)
    }
}

fn authenticate(headers: &HeaderMap) -> Result<()> {
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
    let message = format!("Invalid API Key provided: this fake accepts `{SECRET_KEY}` only");
    Err(Error::unauthenticated(&message))
}

fn key(headers: &HeaderMap) -> Result<Option<String>> {
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
