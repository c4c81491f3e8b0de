//! CORS headers as API Gateway sends them.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HeaderName, HeaderValue, VARY,
};
use http::{HeaderMap, StatusCode};

use crate::http::Response;
use crate::template::Cors;

/// Returns the response to a preflight; an origin that is not allowed gets no permissions.
pub(super) fn preflight(cors: &Cors, origin: Option<&HeaderValue>) -> Response {
    let mut response = Response::new(bytes::Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    if label(cors, origin, headers) {
        set(
            headers,
            ACCESS_CONTROL_ALLOW_METHODS,
            &cors.allow_methods.join(","),
        );
        set(
            headers,
            ACCESS_CONTROL_ALLOW_HEADERS,
            &cors.allow_headers.join(","),
        );
        if let Some(seconds) = cors.max_age {
            set(headers, ACCESS_CONTROL_MAX_AGE, &seconds.to_string());
        }
    }
    response
}

/// Adds the CORS headers of an allowed origin; returns whether it is allowed.
pub(super) fn label(cors: &Cors, origin: Option<&HeaderValue>, headers: &mut HeaderMap) -> bool {
    headers.append(VARY, HeaderValue::from_static("origin"));
    let Some(origin) = origin else {
        return false;
    };
    let allowed = cors
        .allow_origins
        .iter()
        .any(|allowed| allowed == "*" || origin == allowed);
    if allowed {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if !cors.expose_headers.is_empty() {
            set(
                headers,
                ACCESS_CONTROL_EXPOSE_HEADERS,
                &cors.expose_headers.join(","),
            );
        }
    }
    allowed
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    // API Gateway would have refused a template with a line break in a header name.
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
