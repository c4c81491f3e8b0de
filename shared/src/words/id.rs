//! Identifiers. Each kind is a type of its own, validated once when it is parsed.

use std::fmt;
use std::str::FromStr;

use ring::digest;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::words::hex;

/// The longest account or idempotency key, in characters.
pub const MAX_LENGTH: usize = 128;

/// The longest member id, in bytes.
pub const MAX_MEMBER_BYTES: usize = 200;

/// A text that is not an identifier of its kind.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("must be {rule}")]
pub struct ParseError {
    /// The rule for identifiers of this kind.
    pub rule: &'static str,
}

/// Declares an identifier: a text of 1 to 128 bytes that `$allowed` allows.
macro_rules! identifier {
    ($(#[$doc:meta])* $name:ident, $rule:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let allowed: fn(&str) -> bool = $allowed;
                if text.is_empty() || text.len() > MAX_LENGTH || !allowed(text) {
                    return Err(ParseError { rule: $rule });
                }
                Ok(Self(text.to_owned()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

identifier! {
    /// The account that pays. `#` is excluded because it separates the parts of keys and ids.
    AccountId, "1 to 128 visible ASCII characters other than `#`",
    |text| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#')
}

identifier! {
    /// The caller's key for a request, which takes effect once per key.
    IdempotencyKey, "1 to 128 visible ASCII characters", |text| text.bytes().all(|byte| byte.is_ascii_graphic())
}

identifier! {
    /// A customer at Stripe, `cus_…`.
    CustomerId, "1 to 128 visible ASCII characters", |text| text.bytes().all(|byte| byte.is_ascii_graphic())
}

identifier! {
    /// A Checkout Session at Stripe, `cs_…`. It is part of URLs, so it allows only characters that need no escape.
    SessionId, "1 to 128 ASCII letters, digits or underscores", needs_no_escape
}

identifier! {
    /// An invoice at Stripe, `in_…`. It is part of URLs, so it allows only characters that need no escape.
    InvoiceId, "1 to 128 ASCII letters, digits or underscores", needs_no_escape
}

identifier! {
    /// A subscription at Stripe, `sub_…`. It is part of URLs, so it allows only characters that need no escape.
    SubscriptionId, "1 to 128 ASCII letters, digits or underscores", needs_no_escape
}

identifier! {
    /// A PaymentIntent at Stripe, `pi_…`. It is part of URLs, so it allows only characters that need no escape.
    PaymentIntentId, "1 to 128 ASCII letters, digits or underscores", needs_no_escape
}

identifier! {
    /// A refund, a dispute or a credit note at Stripe, `re_…`, `dp_…` or `cn_…`.
    ReversalId, "1 to 128 ASCII letters, digits or underscores", needs_no_escape
}

identifier! {
    /// A fraud warning at Stripe, `issfr_…`. It is part of URLs, so it allows only characters that need no escape.
    WarningId, "1 to 128 ASCII letters, digits or underscores", needs_no_escape
}

identifier! {
    /// An order of an account: `chk_` and 32 hexadecimal digits.
    OrderId, "1 to 128 lower-case ASCII letters, digits or underscores",
    |text| text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The member who acted on behalf of an account, if the app names one. It has 1 to 200 bytes without control
/// characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct MemberId(String);

impl MemberId {
    /// Turns an app's name for a member into a valid id. None if it is empty. A bad label never fails a usage.
    ///
    /// Control characters become U+FFFD. A name that is too long keeps its beginning, and a fingerprint of the whole
    /// replaces the rest, so that different members stay different.
    pub fn mended(name: &str) -> Option<Self> {
        if let Ok(member) = name.parse() {
            return Some(member);
        }
        let mended = name.replace(char::is_control, "\u{FFFD}");
        if mended.len() <= MAX_MEMBER_BYTES {
            return mended.parse().ok();
        }
        let rest = format!("~{}", fingerprint(&["member", name]));
        let beginning = mended.floor_char_boundary(MAX_MEMBER_BYTES - rest.len());
        Some(Self(format!("{}{rest}", &mended[..beginning])))
    }

    /// The member as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for MemberId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let fits = (1..=MAX_MEMBER_BYTES).contains(&text.len());
        if fits && !text.contains(char::is_control) {
            return Ok(Self(text.to_owned()));
        }
        let rule = "1 to 200 bytes without control characters";
        Err(ParseError { rule })
    }
}

/// Hides the id: it may be an e-mail address, which must not be logged.
impl fmt::Debug for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemberId(..)")
    }
}

impl OrderId {
    /// Derives the id of the order that `account` places under `key`.
    pub fn derive(stage: &str, account: &AccountId, key: &IdempotencyKey) -> Self {
        Self(format!(
            "chk_{}",
            fingerprint(&["checkout", stage, account.as_str(), key.as_str()])
        ))
    }
}

identifier! {
    /// One recorded usage: the id of its entry and meter event at Stripe, `use_…`.
    ///
    /// It is derived from stage, account and idempotency key, so every retry of a request, in any execution environment
    /// and at any time, has the same id.
    UsageId, "`use_` and 32 lower-case hexadecimal digits", |text| is_derived("use_", text)
}

identifier! {
    /// The id of a parcel, which is usages of one customer. They are sent to Stripe's meter as one event with this
    /// identifier.
    ParcelId, "`par_` and 32 lower-case hexadecimal digits", |text| is_derived("par_", text)
}

/// Returns whether a text can be part of a URL as it is.
fn needs_no_escape(text: &str) -> bool {
    text.bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Returns whether a text is a prefix with the beginning of a hash.
fn is_derived(prefix: &str, text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    let hash = text.strip_prefix(prefix);
    hash.is_some_and(|hash| hash.len() == 32 && hash.bytes().all(is_digit))
}

/// The namespace of an idempotency key. With one namespace, a customer could use up a key of the app's backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySpace {
    /// Keys of services, and before item version 2 all keys of usages.
    Services,
    /// Keys of an account's own tokens.
    OwnTokens,
}

impl UsageId {
    /// Derives the id of the usage that is recorded for `account` under `key`.
    pub fn derive(stage: &str, account: &AccountId, space: KeySpace, key: &IdempotencyKey) -> Self {
        let kind = match space {
            KeySpace::Services => "usage",
            KeySpace::OwnTokens => "own usage",
        };
        Self(format!(
            "use_{}",
            fingerprint(&[kind, stage, account.as_str(), key.as_str()])
        ))
    }
}

impl ParcelId {
    /// Returns the reason why a member is parked. `why` is the reason of the parcel.
    pub fn reason_of_member(&self, why: &str) -> String {
        format!("parcel {self}: {why}")
    }

    /// Derives the id of the parcel of these usages.
    pub fn derive(members: &[UsageId]) -> Self {
        let mut parts = vec!["parcel"];
        parts.extend(members.iter().map(UsageId::as_str));
        Self(format!("par_{}", fingerprint(&parts)))
    }
}

/// Hashes a list of parts into 32 hexadecimal digits.
pub fn fingerprint(parts: &[&str]) -> String {
    hex::print(&sha256(parts)[..16])
}

/// SHA-256 over parts, each preceded by its length. So no two lists of parts hash the same bytes.
pub(crate) fn sha256(parts: &[&str]) -> [u8; 32] {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_ids_are_visible_ascii_without_hash() {
        for good in [
            "a",
            "acct_1",
            "auth0|5f7c",
            "org:eu.1@x-y",
            "waad|jo+ai@example.com",
            "https://issuer.example/users/7?a=%2F&b='c'",
            "!\"$%&'()*+,-./0:;<=>?@A[\\]^_`a{|}~",
            &"x".repeat(128),
        ] {
            assert_eq!(good.parse::<AccountId>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            " a",
            "a b",
            "a#b",
            "ä",
            "#",
            "a\n",
            "a\u{7f}",
            "\u{0}",
            &"x".repeat(129),
        ] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_member_name_is_mended_unless_empty() {
        let long = "é".repeat(100);
        for (name, member) in [
            ("u_7", "u_7"),
            ("jo+ai@example.com", "jo+ai@example.com"),
            ("team#1/Ana María", "team#1/Ana María"),
            (" ", " "),
            ("a\nb\0\u{85}\u{7f}", "a\u{FFFD}b\u{FFFD}\u{FFFD}\u{FFFD}"),
            (&long, &long),
        ] {
            let mended = MemberId::mended(name).unwrap();
            assert_eq!(mended.as_str(), member);
            assert_eq!(member.parse().as_ref(), Ok(&mended));
        }
        assert_eq!(MemberId::mended(""), None);
        for unmended in ["", "a\n", &"x".repeat(201)] {
            assert!(unmended.parse::<MemberId>().is_err(), "{unmended:?}");
        }
    }

    #[test]
    fn long_member_names_are_cut_and_stay_distinct() {
        let cut = |name: &str| MemberId::mended(name).unwrap();
        let names = [
            "x".repeat(201),
            format!("{}y", "x".repeat(200)),
            format!("{}\n", "x".repeat(200)),
            "é".repeat(101),
            "\n".repeat(70),
        ];
        let members: Vec<MemberId> = names.iter().map(|name| cut(name)).collect();
        for (index, member) in members.iter().enumerate() {
            assert_eq!(member.as_str().parse().as_ref(), Ok(member), "{index}");
            assert!(!members[..index].contains(member), "{index}");
        }
        assert!(members[0].as_str().starts_with(&"x".repeat(160)));
    }

    #[test]
    fn member_ids_do_not_show_in_debug_output() {
        let member: MemberId = "jo@example.com".parse().unwrap();
        assert_eq!(format!("{member:?}"), "MemberId(..)");
    }

    #[test]
    fn keys_are_visible_ascii() {
        for good in ["k", "a#b/c?", &"~".repeat(128)] {
            assert!(good.parse::<IdempotencyKey>().is_ok(), "{good:?}");
        }
        for bad in ["", " ", "a b", "é", "a\t", "\u{7f}", &"k".repeat(129)] {
            assert!(bad.parse::<IdempotencyKey>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_usage_id_belongs_to_one_stage_account_and_key() {
        let id = |stage: &str, account: &str, key: &str| {
            let (account, key) = (account.parse().unwrap(), key.parse().unwrap());
            UsageId::derive(stage, &account, KeySpace::Services, &key)
        };
        let own = UsageId::derive(
            "s",
            &"a".parse().unwrap(),
            KeySpace::OwnTokens,
            &"k".parse().unwrap(),
        );
        assert_ne!(id("s", "a", "k"), own);
        assert_eq!(id("s", "a", "k"), id("s", "a", "k"));
        assert_ne!(id("s", "a", "bk"), id("s", "ab", "k"));
        assert_ne!(id("s", "a", "k"), id("t", "a", "k"));
        let text = id("s", "a", "k").to_string();
        assert_eq!(text.parse(), Ok(id("s", "a", "k")));
        for other in [
            "use_1",
            "",
            &text[4..],
            &text.to_uppercase(),
            &format!("{text}0"),
        ] {
            assert!(other.parse::<UsageId>().is_err(), "{other}");
        }
        assert!(text.parse::<ParcelId>().is_err());
    }
}
