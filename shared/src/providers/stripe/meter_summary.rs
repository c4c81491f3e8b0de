//! Hourly sums of Stripe's meter, which Stripe shows with some delay.
//! <https://docs.stripe.com/api/billing/meter-event_summary/list>

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

use super::{Error, List, Stripe};
use crate::words::id::CustomerId;
use crate::words::sparks::Sparks;

/// A customer's usage in one UTC hour, as the meter has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct MeteredHour {
    /// The start of the hour, in seconds since 1970.
    pub start_time: i64,
    /// The sum of its events.
    #[serde(rename = "aggregated_value", deserialize_with = "whole")]
    pub value: Sparks,
}

impl Stripe {
    /// Reads a customer's usage by hour in `[from, before)`, at most four days. Hours without usage are left out. None
    /// if Stripe does not know the customer.
    pub async fn metered_hours(
        &self,
        meter: &str,
        customer: &CustomerId,
        from: Timestamp,
        before: Timestamp,
        timeout: Duration,
    ) -> Result<Option<Vec<MeteredHour>>, Error> {
        let (from, before) = (from.as_second(), before.as_second());
        let path = format!(
            "/v1/billing/meters/{meter}/event_summaries?customer={customer}&start_time={from}&end_time={before}\
             &value_grouping_window=hour&limit=100"
        );
        match self.read::<List<MeteredHour>>(&path, timeout).await {
            Ok(found) => Ok(found.map(|list| list.data)),
            Err(Error::Refused(refusal))
                if refusal.status == StatusCode::BAD_REQUEST
                    && refusal.code == "resource_missing" =>
            {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}

/// Parses a whole number of milli-Sparks, which may have a fraction of zeros (`1200.0`).
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Sparks, D::Error> {
    let text = serde_json::Number::deserialize(deserializer)?.to_string();
    let whole = match text.split_once('.') {
        Some((whole, rest)) if rest.bytes().all(|digit| digit == b'0') => whole,
        Some(_) => return Err(D::Error::custom("the meter's sum is not a whole number")),
        None => &text,
    };
    let milli = whole.parse();
    milli
        .map(Sparks::from_milli)
        .map_err(|_| D::Error::custom("the meter's sum is out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<i64> {
        let hour = format!(r#"{{"start_time": 3600, "aggregated_value": {value}}}"#);
        let hour: Result<MeteredHour, _> = serde_json::from_str(&hour);
        hour.ok().map(|hour| hour.value.milli())
    }

    #[test]
    fn only_whole_sums_are_read() {
        for (value, milli) in [
            ("0", Some(0)),
            ("137200", Some(137_200)),
            ("137200.0", Some(137_200)),
            ("-5", Some(-5)),
            ("999999999999999", Some(999_999_999_999_999)),
            ("999999999999999.0", Some(999_999_999_999_999)),
            ("9223372036854775807", Some(i64::MAX)),
            ("0.5", None),
            ("1e300", None),
            ("\"5\"", None),
            ("null", None),
        ] {
            assert_eq!(read(value), milli, "{value}");
        }
    }
}
