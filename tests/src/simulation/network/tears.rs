//! Torn transactions: the times at which their items become visible, one by one.

use std::time::Duration;

use bytes::Bytes;
use http::Request;
use serde_json::Value;

use crate::simulation::network::fault_plan::FaultPlan;

/// The longest time from a commit to its last visible item, in milliseconds. One is with a coordinator, one after it
/// failed.
pub(in crate::simulation) const LONGEST_MS: u64 = 300;
pub(in crate::simulation) const LONGEST_RECOVERY_MS: u64 = 4_000;

/// The number of items that become visible at times of their own. Further items share these times.
const TEARS: usize = 7;

/// The longest time until all items but the straggler are visible.
const AT_ONCE_MS: u64 = 5;

/// Draws the delay after the commit with which each item of a transaction becomes visible.
///
/// Either each item has a time of its own, or all but one are visible almost at once. A request reads that straggler
/// again and again until it is visible, so there is a read just before and a write just after.
pub(in crate::simulation) fn delays(
    faults: &mut FaultPlan,
    request: &Request<Bytes>,
    longest_ms: u64,
) -> Vec<Duration> {
    let longest_ms = 1 + faults.number(longest_ms);
    let mut delays_ms = [(); TEARS].map(|()| faults.number(longest_ms));
    if faults.number(4) > 0 {
        let items = items(request);
        // Never the first item, which is the account: before that is visible, nothing is new.
        let others = u64::try_from(items).unwrap_or(1).saturating_sub(1).max(1);
        let from_the_end = usize::try_from(faults.number(others)).unwrap_or_default();
        delays_ms = [(); TEARS].map(|()| faults.number(AT_ONCE_MS));
        delays_ms[items - 1 - from_the_end] = longest_ms;
    }
    delays_ms.map(Duration::from_millis).to_vec()
}

/// Returns the number of a transaction's items, at most those with their own time.
fn items(request: &Request<Bytes>) -> usize {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let items = body["TransactItems"].as_array().map_or(1, Vec::len);
    items.clamp(1, TEARS)
}
