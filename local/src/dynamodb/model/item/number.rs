//! Numbers: decimals of at most 38 digits.

use std::cmp::Ordering;
use std::fmt;

/// The most digits of a number, and of its fraction.
const MAX_DIGITS: u32 = 38;

/// A number; equal numbers have equal fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in super::super) struct Number {
    /// All its digits, without zeros at the end of the fraction.
    digits: i128,
    /// The number of digits after the point.
    scale: u32,
}

impl Number {
    fn new(mut digits: i128, mut scale: u32) -> Option<Self> {
        while scale > 0 && digits % 10 == 0 {
            digits /= 10;
            scale -= 1;
        }
        let fits = digits.unsigned_abs() < 10_u128.pow(MAX_DIGITS) && scale <= MAX_DIGITS;
        fits.then_some(Self { digits, scale })
    }

    /// Returns the number of a size.
    pub(in super::super) fn of_size(size: usize) -> Self {
        let (digits, scale) = (size as i128, 0);
        Self { digits, scale }
    }

    /// Reads a number without an exponent; `None` if it is none or too long.
    pub(in super::super) fn read(text: &str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            None => (text, ""),
            Some((_, "")) => return None,
            Some(parts) => parts,
        };
        let unsigned = whole.strip_prefix('-').unwrap_or(whole);
        let are_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if unsigned.is_empty() || !are_digits(unsigned) || !are_digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let digits = format!("{whole}{fraction}").parse().ok()?;
        Self::new(digits, u32::try_from(fraction.len()).ok()?)
    }

    /// Returns it as an integer; `None` if it has a fraction.
    pub(in super::super) fn integer(self) -> Option<i128> {
        (self.scale == 0).then_some(self.digits)
    }

    /// Returns the sum; `None` if it has too many digits.
    pub(in super::super) fn plus(self, other: Self) -> Option<Self> {
        let scale = self.scale.max(other.scale);
        let sum = self.scaled(scale)?.checked_add(other.scaled(scale)?)?;
        Self::new(sum, scale)
    }

    /// Returns the difference; `None` if it has too many digits.
    pub(in super::super) fn minus(self, other: Self) -> Option<Self> {
        let digits = -other.digits;
        self.plus(Self { digits, ..other })
    }

    fn scaled(self, scale: u32) -> Option<i128> {
        let factor = 10_i128.checked_pow(scale - self.scale)?;
        self.digits.checked_mul(factor)
    }

    /// Returns its size in bytes. That is one, half a byte for each significant digit, and one for a sign.
    pub(in super::super) fn size(self) -> usize {
        let mut digits = self.digits.unsigned_abs();
        while digits != 0 && digits.is_multiple_of(10) {
            digits /= 10;
        }
        let significant = digits.checked_ilog10().map_or(0, |power| power + 1);
        1 + significant.div_ceil(2) as usize + usize::from(self.digits < 0)
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        let scale = self.scale.max(other.scale);
        let parts = |number: &Self| {
            let one = 10_i128.pow(number.scale);
            let fraction = number.digits.rem_euclid(one) * 10_i128.pow(scale - number.scale);
            (number.digits.div_euclid(one), fraction)
        };
        parts(self).cmp(&parts(other))
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scale == 0 {
            return write!(f, "{}", self.digits);
        }
        let sign = if self.digits < 0 { "-" } else { "" };
        let (digits, one) = (self.digits.unsigned_abs(), 10_u128.pow(self.scale));
        let width = self.scale as usize;
        write!(f, "{sign}{}.{:0width$}", digits / one, digits % one)
    }
}
