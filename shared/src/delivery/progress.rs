//! One delivery of a usage as a state machine. Each attempt leads to a state and to proof. Pure.
//!
//! Each step is written twice, as a value (`after`, `claimed`) and as a change of stored attributes (`write`, `claim`).
//! The tests show that reading the changed attributes gives the value.

use jiff::Timestamp;

use crate::delivery::change::Change;
use crate::ledger::entry::{Deliveries, DeliveryState};
use crate::table::item::{self, Item, Malformed};
use crate::words::sink::{PerSink, Sink};

/// The reason why a sink certainly has not received something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// The call was skipped after repeated failures.
    Circuit,
    /// The account's customer could not be read.
    CustomerUnclear,
    /// No customer could be created.
    NoCustomer,
    /// No connection was established.
    NotConnected,
    /// The address was not found.
    NotFound,
    /// The time was up before its turn.
    NotTried,
    /// The sink limits the rate of calls.
    RateLimited,
    /// The sink refused it, and an operator redrove it.
    Refused,
    /// The sink refused several at once, for the sake of one of them.
    RefusedTogether,
    /// The sink refused it for its size.
    TooLarge,
    /// The sink refused the keys.
    Unauthorized,
    /// An operator has seen that the sink does not have it.
    Untraced,
}

impl Unsent {
    /// The name in the table.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Circuit => "circuit",
            Self::CustomerUnclear => "customer_unclear",
            Self::NoCustomer => "no_customer",
            Self::NotConnected => "not_connected",
            Self::NotFound => "not_found",
            Self::NotTried => "not_tried",
            Self::RateLimited => "rate_limited",
            Self::Refused => "refused",
            Self::RefusedTogether => "refused_together",
            Self::TooLarge => "too_large",
            Self::Unauthorized => "unauthorized",
            Self::Untraced => "untraced",
        }
    }
}

/// The result of an attempt at one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The sink has it.
    Confirmed,
    /// It failed for good, for this reason.
    Parked(String),
    /// It is still pending, and the sink certainly did not receive it, for this reason.
    Unsent(Unsent),
    /// It is still pending, and the sink did not show it at this time. It may only be late.
    Absent(Timestamp),
    /// It is still pending. Since this time the sink cannot say whether it has it.
    Unclear(Timestamp),
}

/// The results for a usage's deliveries; None where there is nothing new to write.
pub type Marks = PerSink<Option<Mark>>;

impl Marks {
    /// The states that these marks lead to.
    pub(crate) fn states_after(&self, before: Deliveries) -> Deliveries {
        let marked = self.as_ref().zip(before);
        marked.map(|(mark, before)| mark.as_ref().map_or(before, Mark::state))
    }
}

impl Mark {
    /// The state that this mark leads to.
    pub(crate) const fn state(&self) -> DeliveryState {
        match self {
            Self::Confirmed => DeliveryState::Confirmed,
            Self::Parked(_) => DeliveryState::Parked,
            Self::Unsent(_) | Self::Absent(_) | Self::Unclear(_) => DeliveryState::Pending,
        }
    }

    /// Writes the mark, with its reason or time.
    pub(super) fn write(&self, sink: Sink, change: Change) -> Change {
        let stored = Attributes::of(sink);
        let change = change.set_state(sink, self.state());
        match self {
            Self::Confirmed => change,
            Self::Parked(why) => change.set(stored.parked, item::text(why)),
            Self::Unsent(why) => change.set(stored.unsent, item::text(why.as_str())),
            Self::Absent(at) => change
                .set(stored.absent_at, item::time(*at))
                .remove([stored.unclear_since]),
            Self::Unclear(since) => change.set(stored.unclear_since, item::time(*since)),
        }
    }
}

/// Proof about a pending delivery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proof {
    /// True if the sink has certainly never received it.
    pub unsent: bool,
    /// The time at which the sink was read and did not show it.
    pub absent_at: Option<Timestamp>,
    /// The time since which the sink cannot say whether it has it.
    pub unclear_since: Option<Timestamp>,
}

/// The progress of one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It is not confirmed, and the outbox keeps trying.
    Pending(Proof),
    /// The sink said that it has it.
    Confirmed,
    /// It failed for good and waits for an operator.
    Parked {
        /// The reason.
        why: String,
        /// The time since which the sink could not say whether it has it.
        unclear_since: Option<Timestamp>,
    },
    /// The sink is not configured.
    Off,
}

impl Progress {
    /// Reads the progress of a delivery from a usage's item.
    pub(super) fn read(item: &Item, sink: Sink) -> Result<Self, Malformed> {
        let stored = Attributes::of(sink);
        let unclear_since = item::optional_time(item, stored.unclear_since)?;
        Ok(match DeliveryState::read(item, sink.as_str())? {
            DeliveryState::Pending => Self::Pending(Proof {
                unsent: item::optional_text(item, stored.unsent)?.is_some(),
                absent_at: item::optional_time(item, stored.absent_at)?,
                unclear_since,
            }),
            DeliveryState::Confirmed => Self::Confirmed,
            DeliveryState::Parked => Self::Parked {
                why: item::read_text(item, stored.parked)?.to_owned(),
                unclear_since,
            },
            DeliveryState::Off => Self::Off,
        })
    }

    /// Returns the proof about it; None if it is not pending.
    pub const fn pending(&self) -> Option<Proof> {
        match self {
            Self::Pending(proof) => Some(*proof),
            Self::Confirmed | Self::Parked { .. } | Self::Off => None,
        }
    }

    /// Returns whether the outbox keeps trying.
    pub const fn is_pending(&self) -> bool {
        matches!(self, Self::Pending(_))
    }

    /// Returns whether it is pending, and the sink has certainly never received it.
    pub const fn is_unsent(&self) -> bool {
        matches!(self, Self::Pending(Proof { unsent: true, .. }))
    }

    /// Returns the progress after a run has claimed it. It may be sent, so what was known of it no longer holds.
    #[must_use]
    pub fn claimed(&self) -> Self {
        match self {
            Self::Pending(_) => Self::Pending(Proof::default()),
            other => other.clone(),
        }
    }

    /// Returns the progress after a mark.
    #[must_use]
    pub fn after(&self, mark: &Mark) -> Self {
        let proof = self.pending().unwrap_or_default();
        match mark {
            Mark::Confirmed => Self::Confirmed,
            Mark::Parked(why) => Self::Parked {
                why: why.clone(),
                unclear_since: proof.unclear_since,
            },
            Mark::Unsent(_) => Self::Pending(Proof {
                unsent: true,
                ..proof
            }),
            Mark::Absent(at) => Self::Pending(Proof {
                absent_at: Some(*at),
                unclear_since: None,
                ..proof
            }),
            Mark::Unclear(since) => Self::Pending(Proof {
                unclear_since: Some(*since),
                ..proof
            }),
        }
    }
}

/// Removes the proof about a delivery that a run is about to attempt.
pub(super) fn claim(sink: Sink, change: Change) -> Change {
    let stored = Attributes::of(sink);
    change.remove([stored.unsent, stored.absent_at, stored.unclear_since])
}

/// Makes a parked delivery pending again. The reason, if there is one, says why the sink certainly does not have it.
pub(super) fn redrive(sink: Sink, unsent: Option<Unsent>, change: Change) -> Change {
    let stored = Attributes::of(sink);
    let change = change.set_state(sink, DeliveryState::Pending).remove([
        stored.parked,
        stored.absent_at,
        stored.unclear_since,
    ]);
    match unsent {
        Some(why) => change.set(stored.unsent, item::text(why.as_str())),
        None => change,
    }
}

/// Confirms a parked delivery, which the sink has after all.
pub(super) fn confirm(sink: Sink, change: Change) -> Change {
    change
        .set_state(sink, DeliveryState::Confirmed)
        .remove([Attributes::of(sink).parked])
}

/// The attributes of a usage that hold the proof about one delivery. The state is in the one named as the sink.
struct Attributes {
    unsent: &'static str,
    parked: &'static str,
    absent_at: &'static str,
    unclear_since: &'static str,
}

impl Attributes {
    const fn of(sink: Sink) -> Self {
        match sink {
            Sink::Langfuse => Self {
                unsent: "langfuse_unsent",
                parked: "langfuse_parked",
                absent_at: "langfuse_absent_at",
                unclear_since: "langfuse_unclear_since",
            },
            // The meter shows no single events, so no mark says that one is absent or unclear.
            Sink::StripeMeter => Self {
                unsent: "stripe_unsent",
                parked: "stripe_parked",
                absent_at: "stripe_absent_at",
                unclear_since: "stripe_unclear_since",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SINKS: [Sink; 2] = [Sink::Langfuse, Sink::StripeMeter];

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn marks() -> [Mark; 5] {
        [
            Mark::Unsent(Unsent::Circuit),
            Mark::Unclear(at(1)),
            Mark::Absent(at(2)),
            Mark::Parked("status 400".to_owned()),
            Mark::Confirmed,
        ]
    }

    /// The items of deliveries after one mark, after two, and of a new one.
    fn items(sink: Sink) -> Vec<Item> {
        let new = Change::default().set_state(sink, DeliveryState::Pending);
        let mut items = vec![Item::new()];
        new.made_in(&mut items[0]);
        for _ in 0..2 {
            for mut item in items.clone() {
                for mark in marks().iter().filter(|_| is_pending(&item, sink)) {
                    let mut item = item.clone();
                    mark.write(sink, Change::default()).made_in(&mut item);
                    items.push(item);
                }
                claim(sink, Change::default()).made_in(&mut item);
                items.push(item);
            }
        }
        items
    }

    fn is_pending(item: &Item, sink: Sink) -> bool {
        Progress::read(item, sink).unwrap().is_pending()
    }

    #[test]
    fn a_stored_mark_reads_as_the_progress_that_it_leads_to() {
        for sink in SINKS {
            for item in items(sink) {
                let before = Progress::read(&item, sink).unwrap();
                for mark in marks() {
                    let mut item = item.clone();
                    mark.write(sink, Change::default()).made_in(&mut item);
                    let after = Progress::read(&item, sink).unwrap();
                    if before.is_pending() {
                        assert_eq!(after, before.after(&mark), "{before:?} {mark:?}");
                    }
                    let state = DeliveryState::read(&item, sink.as_str()).unwrap();
                    assert_eq!(state, mark.state());
                }
            }
        }
    }

    #[test]
    fn a_claim_leaves_no_proof() {
        for sink in SINKS {
            for mut item in items(sink) {
                let before = Progress::read(&item, sink).unwrap();
                claim(sink, Change::default()).made_in(&mut item);
                let after = Progress::read(&item, sink).unwrap();
                if before.is_pending() {
                    assert_eq!(after, before.claimed());
                    assert_eq!(after.pending(), Some(Proof::default()));
                }
            }
        }
    }

    #[test]
    fn a_redriven_delivery_is_unsent_only_if_that_is_proven() {
        for sink in SINKS {
            for unsent in [None, Some(Unsent::Refused), Some(Unsent::Untraced)] {
                let parked = Mark::Parked("status 400".to_owned());
                let mut item = Item::new();
                for mark in [Mark::Unclear(at(1)), parked] {
                    mark.write(sink, Change::default()).made_in(&mut item);
                }
                redrive(sink, unsent, Change::default()).made_in(&mut item);
                let proof = Proof {
                    unsent: unsent.is_some(),
                    ..Proof::default()
                };
                let after = Progress::read(&item, sink).unwrap();
                assert_eq!(after, Progress::Pending(proof), "{unsent:?}");
            }
        }
    }
}
