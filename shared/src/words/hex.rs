//! Lower-case hexadecimal digits, as hashes are stored and signed.

/// Prints bytes, two digits each.
pub(crate) fn print(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    let digit = |value: u8| DIGITS[usize::from(value % 16)];
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend([digit(byte >> 4), digit(*byte)]);
    }
    text
}

/// Reads exactly `N` bytes. None for upper case, a sign, or another length.
pub(crate) fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    if text.len() != 2 * N || !text.bytes().all(is_digit) {
        return None;
    }
    let mut bytes = [0; N];
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_lower_case_digits_of_the_right_length_are_read() {
        assert_eq!(parse("00ff1a"), Some([0, 255, 26]));
        for text in [
            "", "00ff1", "00ff1a0", "00FF1A", "00ff+a", "00ff1g", "0×ff1",
        ] {
            assert_eq!(parse::<3>(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn printing_and_reading_are_inverse(bytes: [u8; 8]) {
            prop_assert_eq!(parse(&print(&bytes)), Some(bytes));
        }
    }
}
