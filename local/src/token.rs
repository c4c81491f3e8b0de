//! Signs tokens as an identity provider does, and verifies them as API Gateway does.
//!
//! It supports RS256 only, with a key that is generated at start and never leaves the process.
//!
//! ```no_run
//! # use local::{template::Authorizer, token::Keys};
//! # fn example(authorizer: &Authorizer, now: jiff::Timestamp) -> Result<(), local::token::Refused> {
//! let keys = Keys::generate();
//! let token = keys.issue(authorizer, "acct_demo", None, now);
//! assert_eq!(keys.verify(&token, authorizer, now)?["sub"], "acct_demo");
//! # Ok(())
//! # }
//! ```

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rsa::RsaPrivateKey;
use rsa::pkcs1v15::{Signature, SigningKey, VerifyingKey};
use rsa::rand_core::OsRng;
use rsa::sha2::Sha256;
use rsa::signature::{Keypair, SignatureEncoding, Signer, Verifier};
use serde_json::{Map, Value, json};

use crate::template::Authorizer;

/// The lifetime of an issued token, in seconds.
pub const LIFETIME_S: i64 = 3600;

/// The key's size. The key signs for one process on loopback, and each story makes one: 2048 bits take ten times as long.
const KEY_BITS: usize = 1024;

/// The reason why a token is rejected.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refused {
    /// The token is not three parts of base64url. Or its first two parts are not JSON objects.
    #[error("the token is malformed")]
    Malformed,
    /// The token is unsigned, or its algorithm is not RS256.
    #[error("the token's algorithm is not RS256")]
    Algorithm,
    /// The token was signed with another key, or changed since.
    #[error("the token's signature is wrong")]
    Signature,
    /// The token is from another issuer.
    #[error("the token's issuer is not ours")]
    Issuer,
    /// The token is meant for another audience.
    #[error("the token is not meant for this API")]
    Audience,
    /// The token has no expiry time, or is past it.
    #[error("the token has expired")]
    Expired,
    /// The token's `nbf` or `iat` lies in the future.
    #[error("the token is not valid yet")]
    Early,
}

/// The key pair of the local identity provider.
#[derive(Clone)]
pub struct Keys(Arc<SigningKey<Sha256>>);

impl Keys {
    /// Generates a key pair, which takes some 10 ms.
    #[expect(
        clippy::missing_panics_doc,
        reason = "nothing in it depends on the caller"
    )]
    pub fn generate() -> Self {
        let key = RsaPrivateKey::new(&mut OsRng, KEY_BITS)
            .expect("1024 bits is a size RSA keys have, and the system gives random bytes");
        Self(Arc::new(SigningKey::new(key)))
    }

    /// Returns a token for this account that is valid for an hour after `issued`.
    pub fn issue(
        &self,
        authorizer: &Authorizer,
        account: &str,
        scope: Option<&str>,
        now: Timestamp,
    ) -> String {
        let issued_at = now.as_second();
        let mut claims = json!({
            "iss": authorizer.issuer,
            "aud": authorizer.audience,
            "sub": account,
            "iat": issued_at,
            "exp": issued_at + LIFETIME_S,
        });
        if let Some(scope) = scope {
            claims["scope"] = scope.into();
        }
        self.sign(&claims)
    }

    /// Returns a token with exactly these claims, right or wrong.
    pub fn sign(&self, claims: &Value) -> String {
        let header = json!({"alg": "RS256", "typ": "JWT"});
        let [header, claims] =
            [&header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{header}.{claims}");
        let signature = URL_SAFE_NO_PAD.encode(self.0.sign(signed.as_bytes()).to_bytes());
        format!("{signed}.{signature}")
    }

    /// Returns the claims of a token that this authorizer accepts now.
    pub fn verify(
        &self,
        token: &str,
        authorizer: &Authorizer,
        now: Timestamp,
    ) -> Result<Map<String, Value>, Refused> {
        let parts: Vec<&str> = token.splitn(4, '.').collect();
        let [header, claims, signature] = parts[..] else {
            return Err(Refused::Malformed);
        };
        if object(header)?.get("alg").and_then(Value::as_str) != Some("RS256") {
            return Err(Refused::Algorithm);
        }
        let signature = URL_SAFE_NO_PAD
            .decode(signature)
            .map_err(|_| Refused::Malformed)?;
        let signature = Signature::try_from(&*signature).map_err(|_| Refused::Signature)?;
        let key: VerifyingKey<Sha256> = self.0.verifying_key();
        key.verify(
            &token.as_bytes()[..header.len() + 1 + claims.len()],
            &signature,
        )
        .map_err(|_| Refused::Signature)?;
        let claims = object(claims)?;
        judge(&claims, authorizer, now.as_second())?;
        Ok(claims)
    }
}

/// Refuses claims for another API or another time, without leeway.
fn judge(claims: &Map<String, Value>, authorizer: &Authorizer, now: i64) -> Result<(), Refused> {
    if claims.get("iss").and_then(Value::as_str) != Some(&authorizer.issuer) {
        return Err(Refused::Issuer);
    }
    // `client_id` counts only in the absence of `aud`, as with Amazon Cognito's access tokens.
    let meant_for = match claims.get("aud").or_else(|| claims.get("client_id")) {
        Some(Value::Array(several)) => several.as_slice(),
        Some(one) => std::slice::from_ref(one),
        None => &[],
    };
    let ours = |name: &Value| {
        name.as_str()
            .is_some_and(|name| authorizer.audience.iter().any(|a| a == name))
    };
    if !meant_for.iter().any(ours) {
        return Err(Refused::Audience);
    }
    if claims
        .get("exp")
        .and_then(Value::as_i64)
        .is_none_or(|exp| exp <= now)
    {
        return Err(Refused::Expired);
    }
    let starts = ["nbf", "iat"]
        .into_iter()
        .filter_map(|name| claims.get(name));
    for start in starts {
        if start.as_i64().is_none_or(|start| start > now) {
            return Err(Refused::Early);
        }
    }
    Ok(())
}

/// Converts claims as API Gateway does. Every value becomes a text, a list becomes `[a b]`.
pub fn as_text(claims: Map<String, Value>) -> Map<String, Value> {
    claims
        .into_iter()
        .map(|(name, value)| (name, text(&value).into()))
        .collect()
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(text).collect();
            format!("[{}]", items.join(" "))
        }
        Value::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(name, value)| format!("{name}:{}", text(value)));
            format!("map[{}]", entries.collect::<Vec<_>>().join(" "))
        }
        plain => plain.to_string(),
    }
}

fn object(part: &str) -> Result<Map<String, Value>, Refused> {
    let bytes = URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|_| Refused::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| Refused::Malformed)
}
