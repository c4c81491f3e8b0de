//! One customer's hour at the meter: which events explain what it has counted. Pure.

/// With more events than this that may or may not be there, no subset of them is looked for.
const MAX_SUBSETS_OF: usize = 12;

/// Whether the meter has an event, as far as the ledger knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was confirmed.
    Confirmed,
    /// It failed for good: the meter has it or not, for good.
    Parked,
    /// It is on its way, or was sent a moment ago.
    Open,
}

/// One event, of a usage or a parcel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Event {
    pub(super) standing: Standing,
    pub(super) milli: i64,
}

/// What the meter's sum says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is what it should be.
    Fits,
    /// Something is missing.
    Short,
    /// There is too much.
    Over,
    /// It can be right or wrong.
    Unclear,
    /// It tells of each event, by its place, whether it is there.
    Settles {
        /// What is parked, and not there.
        absent: Vec<usize>,
        /// What is parked, and there.
        present: Vec<usize>,
        /// What was confirmed, and is not there.
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
    // What the meter has beyond everything that was confirmed.
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
        // Too many to try: some of them most likely come to it.
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

/// Judges an hour in which something is missing that was confirmed: Stripe names only some of what it has taken and does not
/// count. Where one subset alone comes to what it has counted, that tells which.
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

/// The subsets of some events that come to a sum, two of them at most; nothing when there are too many to try.
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
    fn confirmed_events_are_all_there_and_nothing_else_is() {
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
    fn what_was_confirmed_is_told_to_be_missing_where_one_subset_fits() {
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
    fn parked_events_are_told_apart_where_one_subset_fits() {
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
