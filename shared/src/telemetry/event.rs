//! What is logged on the way, an event in a line: its level, its fields, and those of the spans that it is in.
//!
//! It is the format that `tracing-subscriber` has for JSON, which reads the fields of all spans again for each event.

use std::fmt;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, Scope};

/// What a line takes, mostly; it only saves that the text is moved while it grows.
const ROOM_BYTES: usize = 1_024;

/// Formats events. Fields of spans must be formatted as JSON objects.
pub(super) struct Json;

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut line = Vec::with_capacity(ROOM_BYTES);
        line.extend(b"{\"level\":");
        add(&mut line, event.metadata().level().as_str())?;
        line.extend(b",\"fields\":");
        add(&mut line, &Fields(event))?;
        let mut before = b",\"spans\":[".as_slice();
        let spans = context.event_scope().into_iter();
        for span in spans.flat_map(Scope::from_root) {
            line.extend(before);
            before = b",";
            let extensions = span.extensions();
            let fields = extensions.get::<FormattedFields<N>>();
            let fields = fields.and_then(|fields| fields.strip_suffix('}'));
            let fields = fields.unwrap_or("{");
            line.extend(fields.as_bytes());
            if fields.len() > 1 {
                line.push(b',');
            }
            line.extend(b"\"name\":");
            add(&mut line, span.name())?;
            line.push(b'}');
        }
        if before == b"," {
            line.push(b']');
        }
        line.extend(b"}\n");
        writer.write_str(str::from_utf8(&line).map_err(|_| fmt::Error)?)
    }
}

fn add(line: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> fmt::Result {
    serde_json::to_writer(line, value).map_err(|_| fmt::Error)
}

/// The fields of an event, its message among them.
struct Fields<'a>(&'a Event<'a>);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut visitor = Visitor {
            map: serializer.serialize_map(None)?,
            outcome: Ok(()),
        };
        self.0.record(&mut visitor);
        visitor.outcome?;
        visitor.map.end()
    }
}

/// Writes each field that it is shown, until one fails.
struct Visitor<M: SerializeMap> {
    map: M,
    outcome: Result<(), M::Error>,
}

impl<M: SerializeMap> Visitor<M> {
    fn add(&mut self, field: &Field, value: &(impl Serialize + ?Sized)) {
        if self.outcome.is_ok() {
            self.outcome = self.map.serialize_entry(field.name(), value);
        }
    }
}

impl<M: SerializeMap> Visit for Visitor<M> {
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

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, &format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing::{error, info, info_span, subscriber};
    use tracing_subscriber::fmt::format::JsonFields;
    use tracing_subscriber::layer::SubscriberExt;
    use tracing_subscriber::{fmt, registry};

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Kept {
        fn lines(&self) -> Vec<Value> {
            let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
            let lines = text.lines();
            lines
                .map(|line| serde_json::from_str(line).unwrap())
                .collect()
        }
    }

    fn happen() {
        info!("outside of {}", "all spans");
        let outer =
            info_span!("outer", request.id = %"r\"1", count = 3, late = tracing::field::Empty);
        let _outer = outer.enter();
        info!(usage.id = %"use_1", sparks = -5_i64, size = 7_u64, good = true, "a\n\"line\"");
        outer.record("late", "ä");
        let _inner = info_span!("inner").entered();
        error!(error = "no, it's \u{1} not", ids = ?["a", "b"]);
    }

    #[test]
    fn a_line_says_what_the_format_of_the_library_says() {
        let (ours, theirs) = (Kept::default(), Kept::default());
        let (writer, other) = (ours.clone(), theirs.clone());
        let layer = fmt::layer()
            .fmt_fields(JsonFields::new())
            .event_format(Json)
            .with_writer(move || writer.clone());
        subscriber::with_default(registry().with(layer), happen);
        let layer = fmt::layer()
            .json()
            .with_target(false)
            .with_current_span(false)
            .without_time()
            .with_writer(move || other.clone());
        subscriber::with_default(registry().with(layer), happen);
        assert_eq!(ours.lines().len(), 3);
        assert_eq!(ours.lines(), theirs.lines());
    }
}
