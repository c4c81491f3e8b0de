//! Webhooks: verifies that Stripe sent a body.
//!
//! <https://docs.stripe.com/webhooks/signature>

use jiff::Timestamp;
use ring::hmac;
use secrecy::{ExposeSecret, SecretString};

use crate::words::hex;

/// The largest difference between the time of a signature and ours, either way, in seconds.
const TOLERANCE_SECONDS: i64 = 300;

/// The maximum number of `v1` signatures of a header that are compared. Stripe sends one for each valid secret, which
/// is two while a secret is rolled.
const MAX_SIGNATURES: usize = 10;

/// The length of a signature, in bytes.
const DIGEST_BYTES: usize = 32;

/// A body that is not proven to be from Stripe.
#[derive(Clone, Copy, Debug, thiserror::Error, PartialEq, Eq)]
pub enum Unverified {
    /// The signature header is missing or malformed.
    #[error("the signature header is missing or malformed")]
    Header,
    /// The time of the signature is too far from ours.
    #[error("the time of the signature is more than {TOLERANCE_SECONDS} seconds off")]
    Time,
    /// None of our secrets made any of the signatures.
    #[error("no signature matches one of the secrets")]
    Signature,
}

/// Verifies that one of the secrets signed the raw bytes of a body. Its time differs by at most 300 seconds from
/// `now`.
///
/// `header` is the value of `Stripe-Signature`: `t=<unix seconds>,v1=<hex>[,v1=<hex>…]`. Other schemes are ignored, and
/// so is a blank secret, with which anyone could sign. The body is hashed once per secret, however many signatures the
/// header has, so that a forged header costs no more than one of Stripe's.
pub fn verify(
    header: &str,
    body: &[u8],
    secrets: &[SecretString],
    now: Timestamp,
) -> Result<(), Unverified> {
    let (time, signatures) = parts(header).ok_or(Unverified::Header)?;
    let seconds: i64 = time.parse().map_err(|_| Unverified::Header)?;
    let apart = now.as_second().checked_sub(seconds);
    if apart.is_none_or(|apart| apart.unsigned_abs() > TOLERANCE_SECONDS.unsigned_abs()) {
        return Err(Unverified::Time);
    }
    let sign = |key: &hmac::Key| {
        let mut signing = hmac::Context::with_key(key);
        for part in [time.as_bytes(), b".", body] {
            signing.update(part);
        }
        signing.sign()
    };
    if is_by_one_of(secrets, &signatures, sign) {
        Ok(())
    } else {
        Err(Unverified::Signature)
    }
}

/// Returns whether one of the secrets made one of the signatures; `sign` hashes the body.
fn is_by_one_of(
    secrets: &[SecretString],
    signatures: &[[u8; DIGEST_BYTES]],
    mut sign: impl FnMut(&hmac::Key) -> hmac::Tag,
) -> bool {
    secrets
        .iter()
        .map(ExposeSecret::expose_secret)
        .filter(|secret| !secret.trim().is_empty())
        .any(|secret| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            let expected = sign(&key);
            // `ring` compares in constant time only when it verifies, so hashes of both are compared.
            let expected = hmac::sign(&key, expected.as_ref());
            signatures
                .iter()
                .any(|signature| hmac::verify(&key, signature, expected.as_ref()).is_ok())
        })
}

/// Returns the time as it was signed, and the first `v1` signatures that are well-formed. A time given twice is
/// refused: libraries differ in which of the two they take.
fn parts(header: &str) -> Option<(&str, Vec<[u8; DIGEST_BYTES]>)> {
    let mut time = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=') {
            Some(("t", value)) => {
                let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
                if time.replace(value).is_some() || !digits {
                    return None;
                }
            }
            Some(("v1", value)) if signatures.len() < MAX_SIGNATURES => {
                signatures.extend(hex::parse::<DIGEST_BYTES>(value));
            }
            _ => {}
        }
    }
    let time = time?;
    (!signatures.is_empty()).then_some((time, signatures))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE: &str = "{\n  \"id\": \"evt_test_webhook\",\n  \"object\": \"event\"\n}";
    const SUITE_TIME: i64 = 1_492_774_577;
    const SUITE_V1: &str = "c2f890decbc5ede7c5060bb9a6d31e0626a4342bacb9aeae2adb1bcea72f9812";
    const ROLLED_V1: &str = "58a4723fa0114d50bc17d58cedd6d02c4769c2b1ca4bf2ebfcb369803f6d94a3";

    fn check(header: &str, body: &str, secrets: &[&str], now: i64) -> Result<(), Unverified> {
        let secrets: Vec<SecretString> = secrets.iter().map(|secret| (*secret).into()).collect();
        let now = Timestamp::from_second(now).unwrap();
        verify(header, body.as_bytes(), &secrets, now)
    }

    fn suite(header: &str, now: i64) -> Result<(), Unverified> {
        check(header, SUITE, &["whsec_test_secret"], now)
    }

    /// Signatures made with Stripe's own Node library, and again with Python's `hmac` and `openssl`.
    #[test]
    fn signatures_of_stripes_libraries_are_verified() {
        for (payload, secret, time, signature) in [
            (SUITE, "whsec_test_secret", SUITE_TIME, SUITE_V1),
            (SUITE, "whsec_test_secret_rolled_key", SUITE_TIME, ROLLED_V1),
            (
                "{\"id\":\"evt_1\",\"object\":\"event\",\"note\":\"Sparks ⚡ é\"}",
                "whsec_test_secret",
                1_700_000_000,
                "027171e0bdda7fdd06b1e9289c5395431fd6ecfdba298fa500bd83eaa1983a63",
            ),
            (
                "{\"id\":\"evt_1\",\r\n\"object\":\"event\"}\n",
                "whsec_abc",
                1_893_456_000,
                "82cdb9dbde0b5a20c4fe0a7938bf284f27b9327bf3a809c824356ed3c9ae40dc",
            ),
            (
                "{}",
                "whsec_abc",
                1,
                "07301c55760783275ad3b893a15abe1d07b70c8e96b12a204061b23840f0b05b",
            ),
        ] {
            let header = format!("t={time},v1={signature}");
            assert_eq!(check(&header, payload, &[secret], time), Ok(()), "{secret}");
            assert_eq!(
                check(&header, &format!("{payload} "), &[secret], time),
                Err(Unverified::Signature)
            );
        }
    }

    #[test]
    fn the_time_may_be_three_hundred_seconds_off_either_way() {
        let header = format!("t={SUITE_TIME},v1={SUITE_V1}");
        for (off, verdict) in [
            (0, Ok(())),
            (300, Ok(())),
            (301, Err(Unverified::Time)),
            (-300, Ok(())),
            (-301, Err(Unverified::Time)),
        ] {
            assert_eq!(suite(&header, SUITE_TIME + off), verdict, "{off}");
        }
    }

    #[test]
    fn a_header_is_read_as_stripes_libraries_read_it() {
        let (t, good) = (format!("t={SUITE_TIME}"), format!("v1={SUITE_V1}"));
        let upper = format!("v1={}", SUITE_V1.to_uppercase());
        let v0 = format!("v0={SUITE_V1}");
        let zeros = format!("v1={}", "0".repeat(64));
        for (header, verdict) in [
            (format!("{t},{good}"), Ok(())),
            (format!("{t}, {good}"), Ok(())),
            (format!("{good},{t}"), Ok(())),
            (format!("{t},{good},v1=potato"), Ok(())),
            (format!("{t},v1=bad_signature,{good}"), Ok(())),
            (format!("{t},v1={ROLLED_V1},{good}"), Ok(())),
            (format!("{t},{good},v0=anything,x,y=z"), Ok(())),
            (format!("{t},{v0}"), Err(Unverified::Header)),
            (format!("{t},{upper}"), Err(Unverified::Header)),
            (format!("{t},v1="), Err(Unverified::Header)),
            (format!("{t},{zeros}"), Err(Unverified::Signature)),
            (t.clone(), Err(Unverified::Header)),
            (good.clone(), Err(Unverified::Header)),
            (format!("{t},{t},{good}"), Err(Unverified::Header)),
            (format!("t=,{good}"), Err(Unverified::Header)),
            (format!("t=+{SUITE_TIME},{good}"), Err(Unverified::Header)),
            (format!("t=soon,{good}"), Err(Unverified::Header)),
            (
                format!("t=99999999999999999999,{good}"),
                Err(Unverified::Header),
            ),
            ("bad_header".into(), Err(Unverified::Header)),
            (String::new(), Err(Unverified::Header)),
        ] {
            assert_eq!(suite(&header, SUITE_TIME), verdict, "{header}");
        }
    }

    #[test]
    fn the_body_is_hashed_once_per_secret() {
        let secrets = ["whsec_1", " ", "whsec_2"].map(SecretString::from);
        for count in [1, 10, 140] {
            let mut hashed = 0;
            let known = is_by_one_of(&secrets, &vec![[7; DIGEST_BYTES]; count], |key| {
                hashed += 1;
                hmac::sign(key, b"body")
            });
            assert_eq!((known, hashed), (false, 2), "{count}");
        }
    }

    #[test]
    fn only_the_first_ten_signatures_are_compared() {
        let other = format!("v1={ROLLED_V1}");
        let header = |before: usize| {
            let others = vec![other.as_str(); before].join(",");
            format!("t={SUITE_TIME},{others},v1={SUITE_V1}")
        };
        assert_eq!(suite(&header(9), SUITE_TIME), Ok(()));
        assert_eq!(suite(&header(10), SUITE_TIME), Err(Unverified::Signature));
    }

    #[test]
    fn any_secret_verifies_and_a_blank_one_never_does() {
        let header = format!("t={SUITE_TIME},v1={SUITE_V1}");
        let judge = |secrets: &[&str]| check(&header, SUITE, secrets, SUITE_TIME);
        assert_eq!(judge(&["whsec_other", "whsec_test_secret"]), Ok(()));
        assert_eq!(judge(&["whsec_other"]), Err(Unverified::Signature));
        assert_eq!(judge(&[]), Err(Unverified::Signature));
        // Anyone can sign with an empty key.
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"");
        let signed = format!("{SUITE_TIME}.{SUITE}");
        let signature = hex::print(hmac::sign(&key, signed.as_bytes()).as_ref());
        let header = format!("t={SUITE_TIME},v1={signature}");
        for blank in ["", " "] {
            assert_eq!(
                check(&header, SUITE, &[blank], SUITE_TIME),
                Err(Unverified::Signature)
            );
        }
    }
}
