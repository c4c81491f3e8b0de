//! The headers with a request's trace context.

use shared::process::telemetry::TraceContext;

use crate::{first_line, text};

/// Checks that only headers of the exact form are accepted, and kept as they are.
///
/// The first line is `X-Amzn-Trace-Id`, the rest is `traceparent`.
pub fn trace_context(data: &[u8]) {
    let (xray, traceparent) = first_line(data);
    let (Some(xray), Some(traceparent)) = (text(xray), text(traceparent)) else {
        return;
    };
    let trace = TraceContext::new(Some(xray), Some(traceparent));
    let expected = is_traceparent(traceparent.as_bytes()).then_some(traceparent);
    assert_eq!(trace.traceparent(), expected, "{traceparent:?}");
    let root = xray
        .split(';')
        .map(str::trim)
        .find(|part| part.starts_with("Root="))
        .map(|part| &part["Root=".len()..])
        .filter(|root| is_root(root.as_bytes()));
    assert_eq!(trace.xray_trace_id(), root, "{xray:?}");
}

fn is_hex(digits: &[u8]) -> bool {
    digits
        .iter()
        .all(|digit| b"0123456789abcdef".contains(digit))
}

/// Returns whether a text is `00-` 32 digits `-` 16 digits `-` 2 digits. An id of zeros alone is invalid.
fn is_traceparent(text: &[u8]) -> bool {
    text.len() == 55
        && text.starts_with(b"00-")
        && (text[35], text[52]) == (b'-', b'-')
        && [&text[3..35], &text[36..52], &text[53..]]
            .into_iter()
            .all(is_hex)
        && text[3..35] != [b'0'; 32]
        && text[36..52] != [b'0'; 16]
}

/// Returns whether a text is `1-` 8 digits `-` 24 digits.
fn is_root(text: &[u8]) -> bool {
    text.len() == 35
        && text.starts_with(b"1-")
        && text[10] == b'-'
        && is_hex(&text[2..10])
        && is_hex(&text[11..])
}
