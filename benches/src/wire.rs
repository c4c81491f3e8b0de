//! Proxies between a function and the systems that it calls: each adds a fixed latency and records the requests.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use local::dynamodb::Tables;
use local::http::{Error, FREE_PORT, Reply, Request, Server};
use local::langfuse::Langfuse;
use local::stripe::Stripe;
use tokio::time::sleep_until;

use crate::units::{Meter, Units};

/// Delay of a provider that hangs, longer than any function waits.
const HANGS: Duration = Duration::from_secs(30);

/// A request that was answered.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Its operation, or its method and path.
    pub(crate) what: String,
    /// Time at which the whole request had arrived.
    pub(crate) arrived: Instant,
    /// Time at which the response was sent.
    pub(crate) answered: Instant,
    /// Units that DynamoDB would have billed.
    pub(crate) units: Units,
}

/// All proxies of one world; clones share their state.
#[derive(Clone, Default)]
pub(crate) struct Traffic(Arc<Shared>);

#[derive(Default)]
struct Shared {
    dynamodb_us: AtomicU64,
    providers_us: AtomicU64,
    providers_hang: AtomicBool,
    counting: AtomicBool,
    seen: Mutex<Vec<Seen>>,
}

impl Traffic {
    /// Sets the total time of each response from now on, including the fake's own time.
    pub(crate) fn take(&self, dynamodb: Duration, providers: Duration) {
        let set = |at: &AtomicU64, latency: Duration| {
            let micros = latency.as_micros().try_into().unwrap_or(u64::MAX);
            at.store(micros, Ordering::Relaxed);
        };
        set(&self.0.dynamodb_us, dynamodb);
        set(&self.0.providers_us, providers);
    }

    /// Makes Stripe and Langfuse hang from now on, or respond again.
    pub(crate) fn hang(&self, hang: bool) {
        self.0.providers_hang.store(hang, Ordering::Relaxed);
    }

    /// Starts or stops recording requests and their units.
    pub(crate) fn count(&self, counting: bool) {
        self.0.counting.store(counting, Ordering::Relaxed);
        self.seen().clear();
    }

    /// Returns the requests recorded since the last call.
    pub(crate) fn take_seen(&self) -> Vec<Seen> {
        std::mem::take(&mut *self.seen())
    }

    fn is_counting(&self) -> bool {
        self.0.counting.load(Ordering::Relaxed)
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Vec<Seen>> {
        self.0.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forwards a request, and returns its response when the latency is over.
    async fn pass<A: Future<Output = (Reply, Units)>>(
        &self,
        latency: &AtomicU64,
        what: String,
        answer: A,
    ) -> Reply {
        let arrived = Instant::now();
        let (reply, units) = answer.await;
        let due = arrived + Duration::from_micros(latency.load(Ordering::Relaxed));
        if due > Instant::now() {
            sleep_until(due.into()).await;
        }
        if self.is_counting() {
            self.seen().push(Seen {
                what,
                arrived,
                answered: Instant::now(),
                units,
            });
        }
        reply
    }

    /// Starts a proxy to DynamoDB.
    pub(crate) async fn to_dynamodb(&self, tables: Tables, meter: Meter) -> Result<Server, Error> {
        let traffic = self.clone();
        Server::start(FREE_PORT, move |request: Request| {
            let (traffic, tables, meter) = (traffic.clone(), tables.clone(), meter.clone());
            async move {
                let what = crate::units::operation(&request);
                let counting = traffic.is_counting();
                let answer = async {
                    if counting {
                        return meter.answer(&tables, request).await;
                    }
                    (tables.handle(request).await, Units::default())
                };
                traffic.pass(&traffic.0.dynamodb_us, what, answer).await
            }
        })
        .await
    }

    /// Starts a proxy to Stripe.
    pub(crate) async fn to_stripe(&self, stripe: Stripe) -> Result<Server, Error> {
        self.to_provider(move |request| {
            let stripe = stripe.clone();
            async move { stripe.handle(request).await }
        })
        .await
    }

    /// Starts a proxy to Langfuse.
    pub(crate) async fn to_langfuse(&self, langfuse: Langfuse) -> Result<Server, Error> {
        self.to_provider(move |request| {
            let langfuse = langfuse.clone();
            async move { langfuse.handle(request).await }
        })
        .await
    }

    async fn to_provider<H, F>(&self, handler: H) -> Result<Server, Error>
    where
        H: Fn(Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let traffic = self.clone();
        Server::start(FREE_PORT, move |request: Request| {
            let (traffic, handler) = (traffic.clone(), handler.clone());
            async move {
                if traffic.0.providers_hang.load(Ordering::Relaxed) {
                    tokio::time::sleep(HANGS).await;
                }
                let what = format!("{} {}", request.method(), request.uri().path());
                let answer = async { (handler(request).await, Units::default()) };
                traffic.pass(&traffic.0.providers_us, what, answer).await
            }
        })
        .await
    }
}

/// Returns the number of sequential rounds of these requests.
///
/// It is the length of the longest chain in which each request began after the response to the one before it.
pub(crate) fn rounds(seen: &[Seen]) -> u64 {
    let mut by_end: Vec<&Seen> = seen.iter().collect();
    by_end.sort_by_key(|one| one.answered);
    let mut last: Option<Instant> = None;
    let mut rounds = 0;
    for one in by_end {
        if last.is_none_or(|last| one.arrived >= last) {
            rounds += 1;
            last = Some(one.answered);
        }
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A request between two times, in milliseconds.
    fn seen(base: Instant, (arrived, answered): (u64, u64)) -> Seen {
        Seen {
            what: String::new(),
            arrived: base + Duration::from_millis(arrived),
            answered: base + Duration::from_millis(answered),
            units: Units::default(),
        }
    }

    #[test]
    fn overlapping_requests_are_one_round() {
        let base = Instant::now();
        for (requests, expected) in [
            (vec![], 0),
            (vec![(0, 10)], 1),
            (vec![(0, 10), (1, 11)], 1),
            (vec![(0, 10), (11, 20), (12, 22), (13, 21), (23, 30)], 3),
            (vec![(11, 20), (0, 10)], 2),
            (vec![(0, 50), (1, 10), (11, 20)], 2),
        ] {
            let all: Vec<Seen> = requests.iter().map(|one| seen(base, *one)).collect();
            assert_eq!(rounds(&all), expected, "{requests:?}");
        }
    }
}
