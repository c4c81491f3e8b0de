//! The line of a log event: flat JSON, with the id of its request.

use std::fmt::Debug;

use serde::Serializer;
use serde::ser::SerializeMap;
use serde_json::ser::{CompactFormatter, Compound};
use tracing::field::{Field, Visit};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::invocation;

/// Writes a line for each event, in one piece. Spans write none: each line of a request carries the request's id.
pub(super) struct Events<W>(pub(super) W);

impl<S, W> Layer<S> for Events<W>
where
    S: Subscriber,
    W: Fn(&[u8]) + 'static,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if metadata.is_event() {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.is_event()
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        // A failure to log cannot be logged.
        if let Ok(line) = line(event) {
            (self.0)(&line);
        }
    }
}

/// Formats an event as a line with its line break.
fn line(event: &Event<'_>) -> serde_json::Result<Vec<u8>> {
    let mut line = Vec::with_capacity(256);
    let mut serializer = serde_json::Serializer::new(&mut line);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("level", event.metadata().level().as_str())?;
    let mut fields = Fields(Ok(map));
    event.record(&mut fields);
    let mut map = fields.0?;
    if let Some(id) = invocation::request_id() {
        map.serialize_entry("request_id", &id)?;
    }
    map.end()?;
    line.push(b'\n');
    Ok(line)
}

/// The fields so far, or the error that ended them.
struct Fields<'a>(serde_json::Result<Compound<'a, &'a mut Vec<u8>, CompactFormatter>>);

impl Fields<'_> {
    fn add(&mut self, field: &Field, value: &(impl serde::Serialize + ?Sized)) {
        if let Ok(map) = &mut self.0
            && let Err(error) = map.serialize_entry(field.name(), value)
        {
            self.0 = Err(error);
        }
    }
}

impl Visit for Fields<'_> {
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, &value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, &value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, &format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests;
