//! A busy account does not slow other accounts, and its refused usages succeed later.

use std::time::Duration;

use local::dynamodb::Pace;
use tests::simulation::load::{self, BESIDE, BUSY, Load, Report};

/// Single usages per second of the busy account, more than one account item can take.
const BUSY_RATE: u32 = 200;

/// Single usages per second of the other account.
const BESIDE_RATE: u32 = 20;

/// Duration of the load. `simulate --load 200 --seconds 60` plays a whole minute.
const LASTS: Duration = Duration::from_secs(20);

/// Allowed slowdown of the other account, in percent of its p99 without the busy one.
const SLOWER_PERCENT: u32 = 10;

/// Allowed number of concurrent invocations.
const MOST_IN_FLIGHT: usize = 400;

fn played(busy: u32) -> Report {
    load::play(&Load {
        busy,
        beside: BESIDE_RATE,
        lasts: LASTS,
        member: false,
        pace: Pace::default(),
        seed: 1,
    })
}

#[test]
fn a_busy_account_slows_no_other_and_its_refused_usages_succeed_later() {
    let (alone, beside) = (played(0), played(BUSY_RATE));
    let told = format!("alone:\n{alone}\nbeside a busy account:\n{beside}");

    let most = alone.served[BESIDE].at(99) * (100 + SLOWER_PERCENT) / 100;
    let other = &beside.served[BESIDE];
    assert!(other.at(99) <= most, "{told}");
    assert_eq!(other.recorded, alone.served[BESIDE].recorded, "{told}");
    assert!(beside.most_in_flight <= MOST_IN_FLIGHT, "{told}");

    for served in beside.served.values() {
        let unexplained = served.without_retry_after + served.shed + served.otherwise;
        assert_eq!((unexplained, served.lost), (0, 0), "{told}");
        let sent = served.recorded + served.busy;
        // The first usage is sent before the load.
        assert_eq!(served.entries, sent + 1, "{told}");
    }
    assert!(beside.served[BUSY].recorded > 0, "{told}");
    assert_eq!(beside.violations, Vec::<String>::new());
}
