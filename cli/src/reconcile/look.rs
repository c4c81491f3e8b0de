//! Context of a day's comparison, with retries for busy providers.

use std::ops::Range;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use shared::payments::Payments;
use shared::process::deadline::Deadline;
use shared::providers::stripe::{self, List, Made};

use super::report::Report;
use crate::{Console, Error, STEP_TIME};

/// Timeout of one call to Stripe.
pub(super) const TIMEOUT: Duration = Duration::from_secs(20);

/// Maximum number of attempts while a provider is busy.
const MAX_ATTEMPTS: u32 = 5;

/// Pause before a busy provider is called again.
const PAUSE: Duration = Duration::from_secs(31);

/// Time after a send in which its absence at a provider proves nothing.
const LAG: SignedDuration = SignedDuration::from_hours(1);

/// Context of one day's comparison.
pub(super) struct Look<'l, 'd> {
    pub(super) console: &'l mut Console<'d>,
    pub(super) payments: Payments,
    /// The day.
    pub(super) during: Range<Timestamp>,
    pub(super) now: Timestamp,
    pub(super) report: Report,
}

impl Look<'_, '_> {
    /// Returns the deadline of one step.
    pub(super) fn deadline(&self) -> Deadline {
        Deadline::lasting(&self.console.clock, STEP_TIME)
    }

    /// Returns whether a provider may not show yet what was sent at `sent_at`.
    pub(super) fn is_recent(&self, sent_at: Timestamp) -> bool {
        self.now.duration_since(sent_at) < LAG
    }

    /// Prints the progress of a long comparison.
    pub(super) fn note(&mut self, progress: &str) -> Result<(), Error> {
        Ok(writeln!(self.console.notes, "{progress}")?)
    }

    /// Calls a provider, and retries after a pause if it is busy.
    pub(super) async fn asked<T, E>(
        &self,
        is_busy: impl Fn(&E) -> bool,
        call: impl AsyncFn() -> Result<T, E>,
    ) -> Result<T, E> {
        let mut attempt = 1;
        loop {
            match call().await {
                Err(error) if is_busy(&error) && attempt < MAX_ATTEMPTS => {
                    attempt += 1;
                    self.console.clock.sleep(PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Returns all pages of the objects created at Stripe in a period.
    pub(super) async fn made<T>(
        &self,
        during: &Range<Timestamp>,
        page: impl AsyncFn(Made<'_>) -> Result<List<T>, stripe::Error>,
        id: impl Fn(&T) -> String,
    ) -> Result<Vec<T>, Error> {
        let mut all: Vec<T> = Vec::new();
        loop {
            let after = all.last().map(&id);
            let made = Made {
                from: during.start,
                before: during.end,
                after: after.as_deref(),
            };
            let found = self
                .asked(stripe_is_busy, async || page(made).await)
                .await?;
            let more = found.has_more && !found.data.is_empty();
            all.extend(found.data);
            if !more {
                return Ok(all);
            }
        }
    }
}

/// Returns whether Stripe is busy, so that a later call may succeed.
pub(super) fn stripe_is_busy(error: &stripe::Error) -> bool {
    matches!(error, stripe::Error::Skipped | stripe::Error::RateLimited)
}
