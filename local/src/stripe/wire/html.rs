//! Shared parts of the fake's pages: plain HTML, without a script.

use http::{HeaderValue, StatusCode, header};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::error::Error;
use crate::http::{Response, respond};

const STYLE: &str = "
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 32rem; margin: 3rem auto; padding: 0 1rem; }
h1 { font-size: 1.25rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } .total { font-size: 2rem; margin: 0; }
table { width: 100%; border-collapse: collapse; } td { padding: .25rem 0; } td + td { text-align: right; }
label { display: block; margin-top: 1rem; } input, select { font: inherit; width: 100%; padding: .5rem; box-sizing: border-box; }
button { font: inherit; padding: .6rem 1rem; margin: 1rem .5rem 0 0; cursor: pointer; }
.error { border-left: .25rem solid #c00; padding: .5rem 1rem; } .fake { opacity: .7; font-size: .875rem; }
";

/// Returns a page.
pub(crate) fn page(status: StatusCode, title: &str, body: &str) -> Response {
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title><style>{STYLE}</style></head>\n\
         <body><main><h1>{title}</h1>\n{body}</main></body></html>\n"
    );
    let mut response = respond(status, "text/html; charset=utf-8", html);
    let policy = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'";
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Redirects the browser.
pub(crate) fn see_other(url: &str) -> Response {
    let mut response = respond(StatusCode::SEE_OTHER, "text/plain", String::new());
    if let Ok(url) = HeaderValue::from_str(url) {
        response.headers_mut().insert(header::LOCATION, url);
    }
    response
}

/// Returns the error message as HTML, or an empty string.
pub(crate) fn alert(error: Option<&Error>) -> String {
    error.map_or_else(String::new, |error| {
        let message = escape(error.message());
        format!(r#"<p class="error" role="alert">{message}</p>"#)
    })
}

/// The fields of a submitted form.
pub(crate) struct Entered(Vec<(String, String)>);

impl Entered {
    /// Reads a body.
    pub(crate) fn read(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// Returns a field. The last one counts: a pressed button with a value comes after the fields.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter().rev();
        let found = fields.find(|(field, _)| field == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Formats an amount of money.
pub(crate) fn amount(cents: i64, currency: &str) -> String {
    let sign = if cents < 0 { "−" } else { "" };
    let (cents, currency) = (cents.abs(), escape(&currency.to_uppercase()));
    format!("{sign}{}.{:02} {currency}", cents / 100, cents % 100)
}

/// Formats the day of a moment, in UTC.
pub(crate) fn day(seconds: i64) -> String {
    let moment = Timestamp::from_second(seconds).unwrap_or_default();
    moment.to_zoned(TimeZone::UTC).date().to_string()
}

/// Escapes text for HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}
