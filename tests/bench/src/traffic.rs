//! Proxies between a function and the systems that it calls. Each response takes a fixed time, and is recorded.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use local::http::{Error, FREE_PORT, Reply, Request, Server};
use tokio::time::sleep_until;

/// A request that was answered.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// Time at which the whole request had arrived.
    arrived: Instant,
    /// Time at which the response was sent.
    answered: Instant,
}

/// All proxies of one world; clones share their state.
#[derive(Clone, Default)]
pub struct Traffic(Arc<Mutex<State>>);

/// Latencies of the systems, and the recorded requests.
#[derive(Default)]
struct State {
    dynamodb: Duration,
    providers: Duration,
    /// Requests so far; None if they are not recorded.
    exchanges: Option<Vec<Exchange>>,
}

impl Traffic {
    /// Sets the total time of each response from now on, including the fake's own time.
    pub fn take(&self, dynamodb: Duration, providers: Duration) {
        let mut state = self.state();
        (state.dynamodb, state.providers) = (dynamodb, providers);
    }

    /// Starts recording requests.
    pub fn record(&self) {
        self.state().exchanges = Some(Vec::new());
    }

    /// Stops recording, and returns the requests since its start.
    pub fn recorded(&self) -> Vec<Exchange> {
        self.state().exchanges.take().unwrap_or_default()
    }

    /// Starts a proxy to DynamoDB.
    pub(crate) async fn to_dynamodb<H, F>(&self, handler: H) -> Result<Server, Error>
    where
        H: Fn(Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        self.proxy(|state| state.dynamodb, handler).await
    }

    /// Starts a proxy to Stripe or Langfuse.
    pub(crate) async fn to_provider<H, F>(&self, handler: H) -> Result<Server, Error>
    where
        H: Fn(Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        self.proxy(|state| state.providers, handler).await
    }

    async fn proxy<H, F>(
        &self,
        latency: fn(&State) -> Duration,
        handler: H,
    ) -> Result<Server, Error>
    where
        H: Fn(Request) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Reply> + Send + 'static,
    {
        let traffic = self.clone();
        Server::start(FREE_PORT, move |request| {
            let (traffic, handler) = (traffic.clone(), handler.clone());
            async move {
                let arrived = Instant::now();
                let reply = handler(request).await;
                let due = arrived + latency(&traffic.state());
                if due > Instant::now() {
                    sleep_until(due.into()).await;
                }
                let answered = Instant::now();
                if let Some(exchanges) = &mut traffic.state().exchanges {
                    exchanges.push(Exchange { arrived, answered });
                }
                reply
            }
        })
        .await
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the number of sequential hops of these requests.
///
/// It is the length of the longest chain in which each request began after the response to the one before it.
pub fn hops(mut exchanges: Vec<Exchange>) -> u64 {
    exchanges.sort_by_key(|exchange| exchange.answered);
    let (mut last, mut hops) = (None, 0);
    for Exchange { arrived, answered } in exchanges {
        if last.is_none_or(|last| arrived >= last) {
            hops += 1;
            last = Some(answered);
        }
    }
    hops
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_requests_are_one_hop() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        for (requests, expected) in [
            (vec![], 0),
            (vec![(0, 10)], 1),
            (vec![(0, 10), (1, 11)], 1),
            (vec![(0, 10), (11, 20), (12, 22), (13, 21), (23, 30)], 3),
            (vec![(11, 20), (0, 10)], 2),
            (vec![(0, 50), (1, 10), (11, 20)], 2),
        ] {
            let exchanges = requests.iter().map(|(arrived, answered)| Exchange {
                arrived: at(*arrived),
                answered: at(*answered),
            });
            assert_eq!(hops(exchanges.collect()), expected, "{requests:?}");
        }
    }
}
