//! Proof about a delivery, derived from the outcome of a call, once for each provider. Pure.

use http::StatusCode;

use crate::delivery::progress::{Mark, Unsent};
use crate::providers::{langfuse, stripe};

/// An export of traces that Langfuse certainly did not have before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Export {
    /// The number of its traces.
    pub(crate) traces: usize,
    /// True if they carry the input and output of their usages.
    pub(crate) has_content: bool,
}

/// Returns the mark that an export proves for each of its traces. None if it proves nothing.
///
/// A whole export is refused for one bad trace, so a refused batch stays pending, and its traces are sent again one by
/// one. A single trace that is too large is sent again without its input and output.
pub(crate) fn of_export(outcome: &Result<(), langfuse::Error>, export: Export) -> Option<Mark> {
    use langfuse::Error;
    let unsent = match outcome {
        Ok(()) => return Some(Mark::Confirmed),
        Err(Error::Lost(_) | Error::Failed(_) | Error::Unreadable(_)) => return None,
        Err(Error::Skipped) => Unsent::Circuit,
        Err(Error::NotSent(_)) => Unsent::NotConnected,
        Err(Error::RateLimited) => Unsent::RateLimited,
        Err(Error::Unauthorized(_)) => Unsent::Unauthorized,
        Err(Error::NotFound(_)) => Unsent::NotFound,
        Err(Error::Refused(_)) if export.traces > 1 => Unsent::RefusedTogether,
        Err(Error::Refused(StatusCode::PAYLOAD_TOO_LARGE)) if export.has_content => {
            Unsent::TooLarge
        }
        Err(Error::Refused(status)) => {
            return Some(Mark::Parked(format!("status {}", status.as_u16())));
        }
    };
    Some(Mark::Unsent(unsent))
}

/// Returns the mark that sending a meter event proves. None if it proves nothing.
///
/// Only a skipped call and a rate limit prove that Stripe did not receive this attempt. The event is proven unsent only
/// if it was so before.
pub(crate) fn of_event(outcome: &Result<(), stripe::Error>, unsent_before: bool) -> Option<Mark> {
    let unsent = match outcome {
        Ok(()) => return Some(Mark::Confirmed),
        Err(stripe::Error::Refused(refusal)) => return Some(Mark::Parked(refusal.to_string())),
        Err(stripe::Error::Unconfirmed(_) | stripe::Error::Unauthorized(_)) => return None,
        Err(stripe::Error::Skipped) => Unsent::Circuit,
        Err(stripe::Error::RateLimited) => Unsent::RateLimited,
    };
    unsent_before.then_some(Mark::Unsent(unsent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_export_parks_its_trace_only_if_it_has_one() {
        for (status, traces, has_content, mark) in [
            (400, 1, true, Mark::Parked("status 400".to_owned())),
            (400, 2, true, Mark::Unsent(Unsent::RefusedTogether)),
            (413, 1, true, Mark::Unsent(Unsent::TooLarge)),
            (413, 1, false, Mark::Parked("status 413".to_owned())),
            (413, 2, false, Mark::Unsent(Unsent::RefusedTogether)),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            let export = Export {
                traces,
                has_content,
            };
            let outcome = Err(langfuse::Error::Refused(status));
            assert_eq!(of_export(&outcome, export), Some(mark), "{export:?}");
        }
    }

    #[test]
    fn a_failed_export_proves_nothing() {
        let failed = Err(langfuse::Error::Failed(StatusCode::BAD_GATEWAY));
        let export = Export {
            traces: 1,
            has_content: true,
        };
        assert_eq!(of_export(&failed, export), None);
    }

    #[test]
    fn an_event_is_proven_unsent_only_if_it_was_so_before() {
        for error in [stripe::Error::Skipped, stripe::Error::RateLimited] {
            let outcome = Err(error);
            assert_eq!(of_event(&outcome, false), None);
            let mark = of_event(&outcome, true);
            assert!(matches!(mark, Some(Mark::Unsent(_))), "{mark:?}");
        }
        let refused_key = Err(stripe::Error::Unauthorized(StatusCode::UNAUTHORIZED));
        assert_eq!(of_event(&refused_key, true), None);
    }
}
