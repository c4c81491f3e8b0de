//! What must hold of every text that comes from outside, whatever it is: one function for each place that reads it.
//!
//! Each takes any bytes, gives them to the production code, and holds what comes of them against a second, plain
//! reading of the rule. `make fuzz` makes the bytes up; the stories give each the files under `fuzz/corpus`.

#![expect(
    clippy::missing_panics_doc,
    reason = "a panic is how a target says that a rule is broken"
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

/// Something that takes any bytes, and panics where a rule is broken.
pub type Target = fn(&[u8]);

/// Every target by its name, which is that of its program and of its corpus, too.
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

/// Bytes as text, and nothing where they are none.
fn text(data: &[u8]) -> Option<&str> {
    std::str::from_utf8(data).ok()
}

/// What is before the first line break, and what is behind it.
fn first_line(data: &[u8]) -> (&[u8], &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n');
    end.map_or((data, &[]), |end| (&data[..end], &data[end + 1..]))
}
