//! Amounts of Sparks and of storage, as decimal text.

use shared::words::decimal;
use shared::words::meter::{GigabyteHours, MAX_QUANTITY};
use shared::words::sparks::Sparks;

use crate::text;

/// The decimal places of an amount of Sparks.
const SPARKS_PLACES: usize = 3;

/// The decimal places of a quantity of storage.
const STORAGE_PLACES: usize = 6;

/// Checks that an amount is parsed like the plain implementation does. It is printed so that it is parsed back.
pub fn sparks_text(data: &[u8]) {
    let Some(text) = text(data) else { return };
    sparks(text);
    storage(text);
    for places in 0..=STORAGE_PLACES {
        let expected = plainly(text, places).and_then(|count| u64::try_from(count).ok());
        assert_eq!(decimal::parse(text, places), expected, "{text:?} {places}");
    }
}

fn sparks(text: &str) {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let signed = plainly(unsigned, SPARKS_PLACES).map(|count| {
        let negative = unsigned.len() < text.len();
        if negative { -count } else { count }
    });
    let expected = signed.filter(|milli| milli.abs() <= i128::from(i64::MAX));
    let taken = text.parse::<Sparks>().ok();
    assert_eq!(taken.map(|it| it.milli().into()), expected, "{text:?}");

    let quoted = serde_json::Value::from(text);
    assert_eq!(serde_json::from_value(quoted).ok(), taken, "{text:?}");
    let Some(amount) = taken else { return };
    let printed = amount.to_string();
    assert_eq!(printed.parse(), Ok(amount), "{text:?} prints as {printed}");
    let places = printed.split_once('.').map(|(_, places)| places.len());
    assert_eq!(places, Some(SPARKS_PLACES), "{printed}");
    // Printing only adds or removes zeros.
    assert_eq!(bare(&printed), bare(text), "{text:?} prints as {printed}");
}

fn storage(text: &str) {
    let most = i128::from(MAX_QUANTITY) * 1_000_000;
    let expected = plainly(text, STORAGE_PLACES).filter(|count| *count <= most);
    let taken = GigabyteHours::parse(text);
    assert_eq!(taken.map(|it| it.micro().into()), expected, "{text:?}");
    if let Some(taken) = taken {
        let printed = taken.to_string();
        assert_eq!(GigabyteHours::parse(&printed), Some(taken), "{printed}");
        assert_eq!(bare(&printed), bare(text), "{text:?} prints as {printed}");
    }
}

/// Parses a decimal, digit by digit, as a count of its last place.
fn plainly(text: &str, places: usize) -> Option<i128> {
    let mut count: i128 = 0;
    let mut behind_point = None;
    for (position, byte) in text.bytes().enumerate() {
        match byte {
            b'0'..=b'9' => {
                count = count.checked_mul(10)?.checked_add((byte - b'0').into())?;
                behind_point = behind_point.map(|places| places + 1);
            }
            b'.' if position > 0 && behind_point.is_none() => behind_point = Some(0),
            _ => return None,
        }
    }
    let missing = places.checked_sub(behind_point.unwrap_or(0))?;
    let complete = !text.is_empty() && behind_point != Some(0);
    let unit = 10_i128.pow(u32::try_from(missing).ok()?);
    count.checked_mul(unit).filter(|_| complete)
}

/// Removes the zeros and the sign that have no meaning from a decimal.
fn bare(text: &str) -> String {
    let (whole, places) = text.split_once('.').unwrap_or((text, ""));
    let (whole, places) = (
        whole.trim_start_matches('-').trim_start_matches('0'),
        places.trim_end_matches('0'),
    );
    let sign = if text.starts_with('-') && !(whole.is_empty() && places.is_empty()) {
        "-"
    } else {
        ""
    };
    format!("{sign}{whole}.{places}")
}
