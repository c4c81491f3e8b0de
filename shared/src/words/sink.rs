//! Sinks: systems that get what the ledger has recorded, each its own part of it.

use std::fmt;

/// A system that gets what the ledger has recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// Langfuse, which gets a trace.
    Langfuse,
    /// Stripe's meter, which gets an event.
    StripeMeter,
}

impl Sink {
    /// The name in the table, in metrics and on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Langfuse => "langfuse",
            Self::StripeMeter => "stripe",
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One value for each sink of a usage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PerSink<T> {
    /// The value for the trace in Langfuse.
    pub langfuse: T,
    /// The value for the event at Stripe's meter.
    pub stripe: T,
}

impl<T> PerSink<T> {
    /// Makes the value for each sink; the first failure ends it.
    pub(crate) fn try_new<E>(mut of: impl FnMut(Sink) -> Result<T, E>) -> Result<Self, E> {
        Ok(Self {
            langfuse: of(Sink::Langfuse)?,
            stripe: of(Sink::StripeMeter)?,
        })
    }

    /// Returns the values with their sinks.
    pub fn iter(&self) -> impl Iterator<Item = (Sink, &T)> {
        let Self { langfuse, stripe } = self;
        [(Sink::Langfuse, langfuse), (Sink::StripeMeter, stripe)].into_iter()
    }

    /// Returns references to the values.
    pub(crate) const fn as_ref(&self) -> PerSink<&T> {
        PerSink {
            langfuse: &self.langfuse,
            stripe: &self.stripe,
        }
    }

    /// Applies a function to each value.
    pub(crate) fn map<U>(self, mut to: impl FnMut(T) -> U) -> PerSink<U> {
        PerSink {
            langfuse: to(self.langfuse),
            stripe: to(self.stripe),
        }
    }

    /// Pairs the values of each sink.
    pub(crate) fn zip<U>(self, other: PerSink<U>) -> PerSink<(T, U)> {
        PerSink {
            langfuse: (self.langfuse, other.langfuse),
            stripe: (self.stripe, other.stripe),
        }
    }
}
