//! An account of the fake Stripe, in memory or in a folder.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::faults::Faults;
use crate::http::Response;
use crate::stripe::api::catalogue::add_meter;
use crate::stripe::api::lists;
use crate::stripe::billing;
use crate::stripe::state::State;
use crate::stripe::wire::{Error, Form};

/// The default duration of a meter event, so that two of one customer can overlap.
const SERVICE_TIME: Duration = Duration::from_millis(1);

/// The name of the account's file in its folder.
const FILE: &str = "stripe.json";

/// The first line of the file, which names the format.
const HEADER: &[u8] = b"{\"sparks_stripe_account\":1}\n";

/// One Stripe account; clones are the same account.
#[derive(Clone)]
pub struct Stripe {
    pub(crate) state: Arc<Mutex<State>>,
    pub(crate) faults: Faults,
    pub(crate) clock: Clock,
    pub(crate) service_time: Duration,
    pub(crate) latency: Duration,
    file: Option<PathBuf>,
    /// Notified when there may be deliveries to send, and after each attempt.
    pub(crate) stirred: Arc<watch::Sender<()>>,
}

impl Stripe {
    /// Returns an empty account in memory.
    pub fn new(clock: Clock) -> Self {
        Self {
            state: Arc::new(Mutex::new(State::new())),
            faults: Faults::default(),
            clock,
            service_time: SERVICE_TIME,
            latency: Duration::ZERO,
            file: None,
            stirred: Arc::new(watch::Sender::new(())),
        }
    }

    /// Opens the account in a folder, or creates one there.
    ///
    /// It fails if the file is in the format of another release.
    pub fn open(directory: &Path, clock: Clock) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let file = directory.join(FILE);
        let mut account = if file.exists() {
            let text = std::fs::read(&file)?;
            let copy = text.strip_prefix(HEADER);
            Self::of_copy(copy.ok_or_else(|| other_release(&file))?, clock)?
        } else {
            Self::new(clock)
        };
        account.file = Some(file);
        Ok(account)
    }

    /// Returns an account in memory with the data of a [copy](Self::copy).
    pub fn of_copy(copy: &[u8], clock: Clock) -> serde_json::Result<Self> {
        let state = serde_json::from_slice(copy)?;
        Ok(Self {
            state: Arc::new(Mutex::new(state)),
            ..Self::new(clock)
        })
    }

    /// Returns a copy of the account's data, for [`Stripe::of_copy`].
    pub fn copy(&self) -> serde_json::Result<Vec<u8>> {
        serde_json::to_vec(&*self.lock())
    }

    /// Adds the meter for usage, as `sparks stripe-setup` does.
    ///
    /// # Panics
    /// If there is a meter already.
    #[must_use]
    pub fn with_meter(self) -> Self {
        let meter =
            "display_name=Sparks used&event_name=sparks_used&default_aggregation[formula]=sum";
        let mut form = Form::read(meter.as_bytes()).expect("parameters of a form");
        let now = self.now();
        add_meter(&mut self.lock(), &mut form, now).expect("an account without meters");
        self
    }

    /// Sets the duration of a meter event. Meanwhile, another event of its customer is refused.
    #[must_use]
    pub fn with_service_time(mut self, service_time: Duration) -> Self {
        self.service_time = service_time;
        self
    }

    /// Delays each response of the API; its effect comes first.
    #[must_use]
    pub fn with_latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Delays events in a meter's summaries, by whole seconds of the clock.
    #[must_use]
    pub fn with_summary_delay(self, delay: Duration) -> Self {
        let seconds = i64::try_from(delay.as_secs()).unwrap_or(i64::MAX / 2);
        self.lock().summary_delay_seconds = seconds;
        self
    }

    /// Returns the faults to come.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Returns the account's data, as `GET /_local/state` lists it.
    pub fn state(&self) -> Value {
        lists::state(&self.lock())
    }

    /// Does what is due by the clock: finalizes and charges drafts, retries failed charges.
    ///
    /// Each request and each round of deliveries begins with it; there is no timer.
    pub fn pass_time(&self) {
        let now = self.now();
        if billing::pass_time(&mut self.lock(), now) {
            self.stir();
        }
    }

    /// Writes the account to its folder; returns the response, or an error if that fails.
    pub(crate) fn kept(&self, response: Response) -> Response {
        match self.keep() {
            Ok(()) => response,
            Err(error) => Error::unkept(&error).response(),
        }
    }

    fn keep(&self) -> io::Result<()> {
        let Some(file) = &self.file else {
            return Ok(());
        };
        let new = file.with_extension("json.new");
        let state = self.lock();
        let mut text = HEADER.to_vec();
        serde_json::to_writer(&mut text, &*state)?;
        std::fs::write(&new, text)?;
        std::fs::rename(new, file)
    }

    /// Returns the time in Unix seconds.
    pub(crate) fn now(&self) -> i64 {
        self.clock.now().as_second()
    }

    /// Notifies the sender and waiters that there may be deliveries.
    pub(crate) fn stir(&self) {
        self.stirred.send_replace(());
    }

    /// Locks the account's data.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn other_release(file: &Path) -> io::Error {
    io::Error::other(format!(
        "`{}` is of another release: delete its folder to start with an empty stack",
        file.display()
    ))
}
