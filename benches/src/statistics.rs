//! Medians and minima.

use serde::Serialize;

/// A measurement that was repeated.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Sample {
    /// Median.
    pub(crate) median: f64,
    /// Minimum.
    pub(crate) min: f64,
    /// Number of values.
    pub(crate) count: usize,
}

impl Sample {
    /// Summarizes measurements.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let middle = values.len() / 2;
        let median = match values.len() {
            0 => 0.0,
            count if count % 2 == 0 => f64::midpoint(values[middle - 1], values[middle]),
            _ => values[middle],
        };
        Self {
            median,
            min: values.first().copied().unwrap_or_default(),
            count: values.len(),
        }
    }
}

/// Converts a count to a float.
#[expect(
    clippy::cast_precision_loss,
    reason = "the counts here are far below 2^53"
)]
pub(crate) fn number(count: u64) -> f64 {
    count as f64
}

/// Converts a length to a float.
pub(crate) fn size(length: usize) -> f64 {
    number(length.try_into().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_in_the_middle() {
        for (values, median, min) in [
            (vec![], 0.0, 0.0),
            (vec![3.0], 3.0, 3.0),
            (vec![5.0, 1.0, 3.0], 3.0, 1.0),
            (vec![4.0, 1.0, 2.0, 3.0], 2.5, 1.0),
        ] {
            let sample = Sample::of(values);
            assert!((sample.median - median).abs() < 1e-9, "{sample:?}");
            assert!((sample.min - min).abs() < 1e-9, "{sample:?}");
        }
    }
}
