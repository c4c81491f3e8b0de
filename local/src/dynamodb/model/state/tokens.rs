//! The tokens of committed transactions, for as long as DynamoDB remembers them.

use std::collections::{HashMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

/// The time for which a token is remembered.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_mins(10);

/// The transactions that were committed with a token.
#[derive(Default)]
pub(in super::super) struct Tokens {
    known: HashMap<String, Known>,
    since: VecDeque<(Timestamp, String)>,
}

/// A committed transaction.
pub(in super::super) struct Known {
    /// The hash of its actions.
    pub(in super::super) actions: u64,
    /// The time at which the last of its items is visible.
    pub(in super::super) complete_at: Timestamp,
}

impl Tokens {
    /// Forgets the tokens whose time is over.
    pub(in super::super) fn forget(&mut self, now: Timestamp) {
        while let Some((since, _)) = self.since.front() {
            if now.duration_since(*since) < REMEMBERED_FOR {
                return;
            }
            if let Some((_, token)) = self.since.pop_front() {
                self.known.remove(&token);
            }
        }
    }

    /// Returns the transaction of a token; `None` if it is not remembered.
    pub(in super::super) fn get(&self, token: &str) -> Option<&Known> {
        self.known.get(token)
    }

    pub(in super::super) fn remember(&mut self, token: String, known: Known, now: Timestamp) {
        self.since.push_back((now, token.clone()));
        self.known.insert(token, known);
    }
}
