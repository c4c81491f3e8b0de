//! Verification of tokens, and the shape of their claims.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use local::template::Authorizer;
use local::token::{self, Keys, Refused};
use serde_json::{Value, json};

static KEYS: LazyLock<Keys> = LazyLock::new(Keys::generate);

const NOW: i64 = 1_800_000_000;

fn authorizer() -> Authorizer {
    Authorizer {
        header: "authorization".into(),
        issuer: "https://id.example".into(),
        audience: vec!["sparks".into()],
    }
}

fn verify(token: &str) -> Result<serde_json::Map<String, Value>, Refused> {
    KEYS.verify(token, &authorizer(), Timestamp::from_second(NOW).unwrap())
}

/// Valid claims with changes; `null` removes one.
fn signed(changes: &Value) -> String {
    let mut claims =
        json!({"iss": "https://id.example", "aud": "sparks", "sub": "acct_1", "exp": NOW + 1});
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        } else {
            claims[name] = value.clone();
        }
    }
    KEYS.sign(&claims)
}

#[test]
fn an_issued_token_is_valid_for_an_hour() {
    let now = Timestamp::from_second(NOW).unwrap();
    let token = KEYS.issue(&authorizer(), "svc", Some("sparks:act_for_accounts"), now);
    let claims = verify(&token).unwrap();
    assert_eq!(claims["sub"], "svc");
    assert_eq!(claims["scope"], "sparks:act_for_accounts");
    assert_eq!(claims["exp"], NOW + token::LIFETIME_S);
}

#[test]
fn claims_for_another_api_or_another_time_are_refused() {
    for (changes, refused) in [
        (json!({}), None),
        (json!({"iss": "https://id.example/"}), Some(Refused::Issuer)),
        (json!({"iss": null}), Some(Refused::Issuer)),
        (json!({"aud": "other"}), Some(Refused::Audience)),
        (json!({"aud": null}), Some(Refused::Audience)),
        (json!({"aud": ["other", "sparks"]}), None),
        (json!({"aud": null, "client_id": "sparks"}), None),
        (
            json!({"aud": "other", "client_id": "sparks"}),
            Some(Refused::Audience),
        ),
        (json!({"exp": NOW}), Some(Refused::Expired)),
        (json!({"exp": null}), Some(Refused::Expired)),
        (json!({"exp": "never"}), Some(Refused::Expired)),
        (json!({"nbf": NOW}), None),
        (json!({"nbf": NOW + 1}), Some(Refused::Early)),
        (json!({"iat": NOW + 1}), Some(Refused::Early)),
    ] {
        assert_eq!(verify(&signed(&changes)).err(), refused, "{changes}");
    }
}

#[test]
fn a_changed_or_wrongly_signed_token_is_refused() {
    let good = signed(&json!({}));
    let [header, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let encode = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let none = encode(json!({"alg": "none"}));
    let symmetric = encode(json!({"alg": "HS256"}));
    let foreign = Keys::generate().sign(&json!({"iss": "https://id.example"}));
    for (token, refused) in [
        (format!("{none}.{claims}."), Refused::Algorithm),
        (format!("{none}.{claims}.{signature}"), Refused::Algorithm),
        (
            format!("{symmetric}.{claims}.{signature}"),
            Refused::Algorithm,
        ),
        (
            format!("{header}.{}.{signature}", encode(json!({"sub": "acct_2"}))),
            Refused::Signature,
        ),
        (format!("{header}.{claims}."), Refused::Signature),
        (foreign, Refused::Signature),
        (format!("{header}.{claims}"), Refused::Malformed),
        (
            format!("{header}.{claims}.{signature}."),
            Refused::Malformed,
        ),
        (format!("{good}="), Refused::Malformed),
        (String::new(), Refused::Malformed),
    ] {
        assert_eq!(verify(&token).err(), Some(refused), "{token}");
    }
}

#[test]
fn claims_become_text_as_at_api_gateway() {
    let claims = json!({
        "sub": "acct_1", "exp": 1_800_000_000, "admin": true, "scp": ["a", "b"], "aud": [], "org": {"id": 1},
    });
    let Value::Object(claims) = claims else {
        unreachable!()
    };
    let text = token::as_text(claims);
    let expected = json!({
        "sub": "acct_1", "exp": "1800000000", "admin": "true", "scp": "[a b]", "aud": "[]", "org": "map[id:1]",
    });
    assert_eq!(Value::Object(text), expected);
}
