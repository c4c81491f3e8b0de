//! Judges an account's hour at the meter: finds the events that explain its sum. Pure.

/// Maximum number of uncertain events whose subsets are tried.
const MAX_SUBSETS_OF: usize = 12;

/// State of an event at the meter, as far as the ledger knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Stripe confirmed it.
    Confirmed,
    /// It failed for good; whether the meter has it no longer changes.
    Parked,
    /// It is pending, or was sent recently.
    Open,
}

/// One event, of a usage or a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) standing: Standing,
    pub(super) milli: i64,
}

/// Verdict on the meter's sum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The sum is as expected.
    Fits,
    /// The sum is too small.
    Short,
    /// The sum is too large.
    Over,
    /// The sum may be right or wrong.
    Unclear,
    /// The sum shows for each event, by its index, whether the meter has it.
    Settles {
        /// Parked events that the meter lacks.
        absent: Vec<usize>,
        /// Parked events that the meter has.
        present: Vec<usize>,
        /// Confirmed events that the meter lacks.
        dropped: Vec<usize>,
    },
}

/// Judges an hour by the sum that the meter has.
pub(super) fn judge(events: &[Event], counted: i128) -> Verdict {
    let sum = |standing| -> i128 {
        let some = events.iter().filter(|event| event.standing == standing);
        some.map(|event| i128::from(event.milli)).sum()
    };
    let places = |standing| -> Vec<usize> {
        let all = events.iter().enumerate();
        let some = all.filter(|(_, event)| event.standing == standing);
        some.map(|(place, _)| place).collect()
    };
    // The meter's sum beyond all confirmed events.
    let rest = counted - sum(Standing::Confirmed);
    let of_parked = sum(Standing::Parked);
    if rest < 0 {
        return short(events, counted);
    }
    if rest > of_parked + sum(Standing::Open) {
        return Verdict::Over;
    }
    let (parked, open) = (places(Standing::Parked), places(Standing::Open));
    if parked.is_empty() {
        // With too many events to try, some subset most likely adds up to the rest.
        let fits = subsets(events, &open, rest).is_none_or(|found| !found.is_empty());
        return if fits {
            Verdict::Fits
        } else {
            Verdict::Unclear
        };
    }
    if !open.is_empty() {
        return Verdict::Unclear;
    }
    if rest == 0 {
        return Verdict::Settles {
            absent: parked,
            present: Vec::new(),
            dropped: Vec::new(),
        };
    }
    if rest == of_parked {
        return Verdict::Settles {
            absent: Vec::new(),
            present: parked,
            dropped: Vec::new(),
        };
    }
    match subsets(events, &parked, rest).as_deref() {
        Some([present]) => {
            let present = present.clone();
            let absent = parked.into_iter().filter(|one| !present.contains(one));
            Verdict::Settles {
                absent: absent.collect(),
                present,
                dropped: Vec::new(),
            }
        }
        _ => Verdict::Unclear,
    }
}

/// Judges an hour that lacks a confirmed event.
///
/// Stripe reports only some of the events that it accepted and did not count. If exactly one subset adds up to the sum,
/// the other events are missing.
fn short(events: &[Event], counted: i128) -> Verdict {
    let all: Vec<usize> = (0..events.len()).collect();
    if events.iter().any(|event| event.standing == Standing::Open) {
        return Verdict::Short;
    }
    let there = if counted == 0 && events.iter().all(|event| event.milli > 0) {
        Vec::new()
    } else {
        match subsets(events, &all, counted).as_deref() {
            Some([there]) => there.clone(),
            _ => return Verdict::Short,
        }
    };
    let of = |standing, is_there| -> Vec<usize> {
        let places = all.iter().copied();
        let places = places.filter(|place| {
            events[*place].standing == standing && there.contains(place) == is_there
        });
        places.collect()
    };
    Verdict::Settles {
        absent: of(Standing::Parked, false),
        present: of(Standing::Parked, true),
        dropped: of(Standing::Confirmed, false),
    }
}

/// Returns at most two subsets of some events that add up to a sum. None if there are too many to try.
fn subsets(events: &[Event], places: &[usize], sum: i128) -> Option<Vec<Vec<usize>>> {
    if places.len() > MAX_SUBSETS_OF {
        return None;
    }
    let all = 0_u32..1 << places.len();
    let subsets = all.map(|chosen| -> Vec<usize> {
        let places = places.iter().enumerate();
        let places = places.filter(|(bit, _)| chosen >> bit & 1 == 1);
        places.map(|(_, place)| *place).collect()
    });
    let comes_to = |subset: &Vec<usize>| {
        let milli = subset.iter().map(|place| i128::from(events[*place].milli));
        milli.sum::<i128>() == sum
    };
    Some(subsets.filter(comes_to).take(2).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(confirmed: &[i64], parked: &[i64], open: &[i64]) -> Vec<Event> {
        let all = [
            (Standing::Confirmed, confirmed),
            (Standing::Parked, parked),
            (Standing::Open, open),
        ];
        let all = all.into_iter().flat_map(|(standing, values)| {
            let values = values.iter();
            values.map(move |milli| Event {
                standing,
                milli: *milli,
            })
        });
        all.collect()
    }

    #[test]
    fn without_parked_events_the_sum_is_all_confirmed_and_some_open_events() {
        for (confirmed, open, counted, verdict) in [
            (&[10, 20][..], &[][..], 30, Verdict::Fits),
            (&[10, 20], &[], 29, Verdict::Short),
            (&[10, 10], &[], 10, Verdict::Short),
            (&[10, 20], &[5], 20, Verdict::Short),
            (&[10, 20], &[], 31, Verdict::Over),
            (&[], &[], 1, Verdict::Over),
            (&[], &[], 0, Verdict::Fits),
            (&[10], &[5, 7], 10, Verdict::Fits),
            (&[10], &[5, 7], 17, Verdict::Fits),
            (&[10], &[5, 7], 22, Verdict::Fits),
            (&[10], &[5, 7], 16, Verdict::Unclear),
            (&[10], &[5, 7], 9, Verdict::Short),
            (&[10], &[5, 7], 23, Verdict::Over),
            (&[10], &[1; 13], 15, Verdict::Fits),
        ] {
            let events = events(confirmed, &[], open);
            assert_eq!(judge(&events, counted), verdict, "{events:?} {counted}");
        }
    }

    #[test]
    fn a_missing_confirmed_event_is_identified_if_one_subset_fits() {
        let settles = |absent: &[usize], present: &[usize], dropped: &[usize]| Verdict::Settles {
            absent: absent.to_vec(),
            present: present.to_vec(),
            dropped: dropped.to_vec(),
        };
        let many: Vec<i64> = (1..=13).collect();
        let places: Vec<usize> = (0..13).collect();
        for (confirmed, parked, counted, verdict) in [
            (&[10, 20][..], &[][..], 10, settles(&[], &[], &[1])),
            (&[10, 20], &[], 0, settles(&[], &[], &[0, 1])),
            (&[10, 20], &[5], 20, settles(&[2], &[], &[0])),
            (&[10, 20], &[5], 25, settles(&[], &[2], &[0])),
            (&[10, 20], &[10], 20, Verdict::Short),
            (&[0, 20], &[], 0, Verdict::Short),
            (&many, &[], 0, settles(&[], &[], &places)),
            (&many, &[], 90, Verdict::Short),
        ] {
            let events = events(confirmed, parked, &[]);
            assert_eq!(judge(&events, counted), verdict, "{events:?} {counted}");
        }
    }

    #[test]
    fn parked_events_are_settled_if_one_subset_fits() {
        let settles = |absent: &[usize], present: &[usize]| Verdict::Settles {
            absent: absent.to_vec(),
            present: present.to_vec(),
            dropped: Vec::new(),
        };
        for (parked, open, counted, verdict) in [
            (&[5, 7][..], &[][..], 100, settles(&[1, 2], &[])),
            (&[5, 7], &[], 112, settles(&[], &[1, 2])),
            (&[5, 7], &[], 105, settles(&[2], &[1])),
            (&[5, 7], &[], 107, settles(&[1], &[2])),
            (&[5, 7], &[], 106, Verdict::Unclear),
            (&[5, 5], &[], 105, Verdict::Unclear),
            (&[2, 3, 5], &[], 105, Verdict::Unclear),
            (&[5, 7], &[], 99, Verdict::Short),
            (&[5, 7], &[], 113, Verdict::Over),
            (&[5, 7], &[1], 100, Verdict::Unclear),
            (&[1; 13], &[], 101, Verdict::Unclear),
            (
                &[1; 13],
                &[],
                113,
                settles(&[], &(1..14).collect::<Vec<_>>()),
            ),
            (
                &[1; 13],
                &[],
                100,
                settles(&(1..14).collect::<Vec<_>>(), &[]),
            ),
        ] {
            let events = events(&[100], parked, open);
            assert_eq!(judge(&events, counted), verdict, "{events:?} {counted}");
        }
    }
}
