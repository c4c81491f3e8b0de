//! Exact sums of fractions, rounded once and shared out without losing a unit.

/// A non-negative fraction.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fraction {
    numerator: u128,
    denominator: u128,
}

impl Fraction {
    /// The fraction in lowest terms; None if the denominator is zero.
    pub(super) fn new(numerator: u128, denominator: u128) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let divisor = greatest_common_divisor(numerator, denominator);
        Some(Self {
            numerator: numerator / divisor,
            denominator: denominator / divisor,
        })
    }
}

/// Returns the sum, rounded up to a whole number. The shares are whole, and add up to it.
///
/// Shares are rounded down; what is left goes to the largest remainders, ties to the earlier one.
/// None on overflow.
pub(super) fn round_up_once(fractions: &[Fraction]) -> Option<(u128, Vec<u128>)> {
    let common = fractions.iter().try_fold(1_u128, |common, fraction| {
        (common / greatest_common_divisor(common, fraction.denominator))
            .checked_mul(fraction.denominator)
    })?;
    let numerators = fractions
        .iter()
        .map(|fraction| {
            fraction
                .numerator
                .checked_mul(common / fraction.denominator)
        })
        .collect::<Option<Vec<_>>>()?;
    let total = numerators
        .iter()
        .try_fold(0_u128, |sum, numerator| sum.checked_add(*numerator))?
        .div_ceil(common);
    let mut shares: Vec<u128> = numerators
        .iter()
        .map(|numerator| numerator / common)
        .collect();
    let mut left = total - shares.iter().sum::<u128>();

    let mut by_remainder: Vec<usize> = (0..shares.len()).collect();
    by_remainder.sort_by_key(|&index| std::cmp::Reverse(numerators[index] % common));
    for index in by_remainder {
        if left == 0 {
            break;
        }
        shares[index] += 1;
        left -= 1;
    }
    Some((total, shares))
}

fn greatest_common_divisor(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn fractions(parts: &[(u128, u128)]) -> Vec<Fraction> {
        parts
            .iter()
            .map(|&(numerator, denominator)| Fraction::new(numerator, denominator).unwrap())
            .collect()
    }

    #[test]
    fn left_over_units_go_to_the_largest_remainders_and_the_earlier_of_equals() {
        for (parts, total, shares) in [
            (vec![(1, 3), (1, 3), (1, 3)], 1, vec![1, 0, 0]),
            (vec![(1, 2), (3, 4), (1, 4)], 2, vec![1, 1, 0]),
            (vec![(7, 1), (1, 1_000_000)], 8, vec![7, 1]),
            (vec![(0, 5)], 0, vec![0]),
            (vec![], 0, vec![]),
        ] {
            assert_eq!(
                round_up_once(&fractions(&parts)),
                Some((total, shares)),
                "{parts:?}"
            );
        }
    }

    #[test]
    fn numbers_that_do_not_fit_are_refused() {
        assert_eq!(round_up_once(&fractions(&[(u128::MAX, 1), (1, 1)])), None);
        assert!(Fraction::new(1, 0).is_none());
    }

    proptest! {
        #[test]
        fn shares_add_up_and_none_is_off_by_a_whole_unit(
            // The common denominator of all of these fits beside every sum.
            parts in prop::collection::vec((0_u128..10_u128.pow(15), 1_u128..=30), 1..20),
        ) {
            let fractions = fractions(&parts);
            let (total, shares) = round_up_once(&fractions).unwrap();
            prop_assert_eq!(shares.iter().sum::<u128>(), total);
            for (share, fraction) in shares.iter().zip(&fractions) {
                let floor = fraction.numerator / fraction.denominator;
                prop_assert!(*share == floor || *share == floor + 1);
            }
        }

        #[test]
        fn rounding_up_costs_less_than_one_unit(numerator in 0_u128..10_u128.pow(20), denominator in 1_u128..10_u128.pow(6)) {
            let (total, _) = round_up_once(&fractions(&[(numerator, denominator)])).unwrap();
            prop_assert!(total * denominator >= numerator);
            prop_assert!(total * denominator < numerator + denominator);
        }
    }
}
