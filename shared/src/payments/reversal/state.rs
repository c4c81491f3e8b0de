//! Judges the state of a refund, a dispute or a credit note. Also decides the time of its next check. Pure.

use jiff::SignedDuration;

use crate::providers::stripe::{MoneyBack, MoneyBackStatus};

/// Intervals between checks. Daily for an undecided reversal, weekly for a refund that may still fail.
pub(super) const DAILY: SignedDuration = SignedDuration::from_hours(24);
const WEEKLY: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Time for which a refund that has succeeded is checked. A bank may return it for up to 30 days.
/// <https://docs.stripe.com/refunds#failed-refunds>
const MAY_FAIL_FOR: SignedDuration = SignedDuration::from_hours(35 * 24);

/// The state of a refund, a dispute or a credit note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReversalState {
    /// The money is gone.
    Taken,
    /// It is an inquiry; the money may still be taken.
    Inquiry,
    /// It is undone for good: the money is back, or never left.
    Undone,
}

/// Judges the state of a refund, a dispute or a credit note.
///
/// A dispute is `prevented` in two ways: blocked before it arose, which moves no money, or resolved by refunding the
/// cardholder without a refund object (Visa's Rapid Dispute Resolution).
/// <https://docs.stripe.com/changelog/basil/2025-08-27/add-preventions-to-dispute>
pub(super) fn of(found: &MoneyBack) -> ReversalState {
    // All movements are on one balance, in its currency.
    let moved = || -> i128 {
        found
            .moved
            .iter()
            .map(|moved| i128::from(moved.minor()))
            .sum()
    };
    let is_resolved = || found.is_resolved || moved() < 0;
    match found.status {
        MoneyBackStatus::Failed | MoneyBackStatus::Won | MoneyBackStatus::Void => {
            ReversalState::Undone
        }
        MoneyBackStatus::Prevented if !is_resolved() => ReversalState::Undone,
        MoneyBackStatus::Inquiry | MoneyBackStatus::InquiryClosed => ReversalState::Inquiry,
        MoneyBackStatus::Undecided
        | MoneyBackStatus::Succeeded
        | MoneyBackStatus::Lost
        | MoneyBackStatus::Prevented
        | MoneyBackStatus::Issued => ReversalState::Taken,
    }
}

/// Returns the time until the next check of a refund, dispute or credit note. It depends on its age. None if no further
/// change is expected. A later change is still acted on.
pub(super) fn next_look(status: MoneyBackStatus, age: SignedDuration) -> Option<SignedDuration> {
    match status {
        MoneyBackStatus::Failed
        | MoneyBackStatus::InquiryClosed
        | MoneyBackStatus::Won
        | MoneyBackStatus::Lost
        | MoneyBackStatus::Prevented
        | MoneyBackStatus::Issued
        | MoneyBackStatus::Void => None,
        MoneyBackStatus::Succeeded => (age < MAY_FAIL_FOR).then_some(WEEKLY),
        MoneyBackStatus::Undecided | MoneyBackStatus::Inquiry => Some(DAILY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::stripe::Paid;
    use crate::words::money::{Currency, Money};
    use crate::words::reversal_kind::ReversalKind;

    const fn usd(minor: i64) -> Money {
        Money::new(minor, Currency::USD)
    }

    fn found(status: MoneyBackStatus, is_resolved: bool, moved: &[i64]) -> MoneyBack {
        MoneyBack {
            id: "dp_1".parse().unwrap(),
            amount: usd(2_000),
            created: 0,
            of: Paid::Payment("pi_1".parse().unwrap()),
            charge: None,
            status,
            is_resolved,
            moved: moved.iter().copied().map(usd).collect(),
        }
    }

    #[test]
    fn a_reversal_is_taken_while_the_money_is_gone() {
        use ReversalKind::{CreditNote, Dispute, Refund};
        use ReversalState::{Inquiry, Taken, Undone};
        for (kind, word, expected, pause) in [
            (Refund, Some("pending"), Taken, Some(DAILY)),
            (Refund, Some("requires_action"), Taken, Some(DAILY)),
            (Refund, Some("succeeded"), Taken, Some(WEEKLY)),
            (Refund, None, Taken, Some(DAILY)),
            (Refund, Some("failed"), Undone, None),
            (Refund, Some("canceled"), Undone, None),
            (
                Dispute,
                Some("warning_needs_response"),
                Inquiry,
                Some(DAILY),
            ),
            (Dispute, Some("warning_under_review"), Inquiry, Some(DAILY)),
            (Dispute, Some("warning_closed"), Inquiry, None),
            (Dispute, Some("needs_response"), Taken, Some(DAILY)),
            (Dispute, Some("under_review"), Taken, Some(DAILY)),
            (Dispute, Some("appeal_under_review"), Taken, Some(DAILY)),
            (Dispute, Some("lost"), Taken, None),
            (Dispute, Some("won"), Undone, None),
            (CreditNote, Some("issued"), Taken, None),
            (CreditNote, Some("void"), Undone, None),
        ] {
            let status = MoneyBackStatus::read(kind, word);
            let state = of(&found(status, false, &[-2_000]));
            assert_eq!(state, expected, "{kind:?} {word:?}");
            let next = next_look(status, SignedDuration::ZERO);
            assert_eq!(next, pause, "{kind:?} {word:?}");
        }
        assert_eq!(next_look(MoneyBackStatus::Succeeded, MAY_FAIL_FOR), None);
    }

    #[test]
    fn a_prevented_dispute_is_taken_if_the_cardholder_has_the_money() {
        for (is_resolved, moved, expected) in [
            (true, &[-2_000][..], ReversalState::Taken),
            // The transaction comes later than the status.
            (true, &[], ReversalState::Taken),
            (false, &[-2_000], ReversalState::Taken),
            (false, &[-2_000, 2_000], ReversalState::Undone),
            (false, &[], ReversalState::Undone),
        ] {
            let found = found(MoneyBackStatus::Prevented, is_resolved, moved);
            assert_eq!(of(&found), expected, "{is_resolved} {moved:?}");
        }
    }
}
