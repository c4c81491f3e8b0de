//! Fuzz targets: one function for each place that reads text from outside.
//!
//! Each takes any bytes, gives them to the production code, and compares the result with a second, plain implementation
//! of the rule. `make fuzz` generates the bytes; the stories run each target on the files under `tests/fuzz/corpus`.

#![expect(
    clippy::missing_panics_doc,
    reason = "a target reports a broken rule by a panic"
)]

mod configuration;
mod contract;
mod cursor;
mod event;
mod gateway_event;
mod return_url;
mod signature_header;
mod sparks_text;
mod stripe_answer;
mod trace_context;
mod usage_body;
mod webhook_event;
mod world;

pub use configuration::configuration;
pub use cursor::cursor;
pub use gateway_event::gateway_event;
pub use return_url::return_url;
pub use signature_header::signature_header;
pub use sparks_text::sparks_text;
pub use stripe_answer::stripe_answer;
pub use trace_context::trace_context;
pub use usage_body::usage_body;
pub use webhook_event::webhook_event;

/// A function that takes any bytes, and panics if a rule is broken.
pub type Target = fn(&[u8]);

/// Every target, by the name of its program and its corpus.
pub const TARGETS: [(&str, Target); 10] = [
    ("configuration", configuration),
    ("cursor", cursor),
    ("gateway_event", gateway_event),
    ("return_url", return_url),
    ("signature_header", signature_header),
    ("sparks_text", sparks_text),
    ("stripe_answer", stripe_answer),
    ("trace_context", trace_context),
    ("usage_body", usage_body),
    ("webhook_event", webhook_event),
];

/// Returns bytes as text; None if they are not UTF-8.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// Splits data at its first line break.
fn first_line(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    end.map_or((data, &[]), |end| (&data[..end], &data[end + 1..]))
}
