//! A busy account beside others: they are as fast as without it, and what is refused succeeds later.

use std::time::Duration;

use local::dynamodb::Pace;
use tests::simulation::load::{self, BESIDE, BUSY, Load, Report};

/// Single usages a second of the busy account: more than one account item takes.
const BUSY_RATE: u32 = 200;

/// Single usages a second of the account beside it.
const BESIDE_RATE: u32 = 20;

/// How long the load lasts. `simulate --load 200 --seconds 60` plays a whole minute.
const LASTS: Duration = Duration::from_secs(20);

/// How much slower the other account may be, in percent of its p99 alone.
const SLOWER_PERCENT: u32 = 10;

/// How many invocations may be under way at once.
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
fn a_busy_account_slows_no_other_and_what_it_is_refused_succeeds_later() {
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
