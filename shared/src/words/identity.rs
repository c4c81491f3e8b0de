//! The caller, read from the claims that API Gateway's authorizer has verified. It is never read from the body.

use std::collections::HashMap;

use lambda_http::request::RequestContext;
use lambda_http::{Request, RequestExt};

use crate::words::id::AccountId;

/// The scope that makes a token a service's.
const SERVICE_SCOPE: &str = "sparks:act_for_accounts";

/// A verified caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// An account, acting for itself.
    Account(AccountId),
    /// A service, acting for accounts it names.
    Service,
}

/// The account that a request is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The account.
    pub account: AccountId,
    /// True if a service is the caller. A service never creates an account, since a typo would create one, too.
    pub by_service: bool,
}

impl Subject {
    /// Returns whether this request may create the account.
    pub const fn may_open(&self) -> bool {
        !self.by_service
    }
}

/// A request whose account cannot be resolved.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Error {
    /// The authorizer has verified no claims.
    #[error("the request carries no verified claims")]
    Unauthenticated,
    /// The claim that names the account is missing or malformed.
    #[error("the token does not name an account")]
    AccountInvalid,
    /// The token belongs to another account.
    #[error("the token belongs to another account")]
    AccountForbidden,
    /// A service named no account.
    #[error("a service must name an account")]
    AccountIdRequired,
    /// A service called an operation that only accounts may call.
    #[error("a service may not do this")]
    ServiceForbidden,
}

impl Caller {
    /// Reads the caller of a request from its claims.
    pub fn of(request: &Request, account_claim: &str) -> Result<Self, Error> {
        let claims = match request.request_context_ref() {
            Some(RequestContext::ApiGatewayV2(context)) => context
                .authorizer
                .as_ref()
                .and_then(|authorizer| authorizer.jwt.as_ref())
                .map(|jwt| &jwt.claims),
            _ => None,
        };
        Self::from_claims(claims.ok_or(Error::Unauthenticated)?, account_claim)
    }

    fn from_claims(claims: &HashMap<String, String>, account_claim: &str) -> Result<Self, Error> {
        let scopes = claims
            .get("scope")
            .or_else(|| claims.get("scp"))
            .map_or("", String::as_str);
        let scopes = scopes
            .strip_prefix('[')
            .and_then(|scopes| scopes.strip_suffix(']'))
            .unwrap_or(scopes);
        if scopes.split(' ').any(|scope| scope == SERVICE_SCOPE) {
            return Ok(Self::Service);
        }
        let account = claims
            .get(account_claim)
            .and_then(|claim| claim.parse().ok());
        account.map(Self::Account).ok_or(Error::AccountInvalid)
    }

    /// Returns the caller's own account; fails for a service.
    pub fn own_account(self) -> Result<AccountId, Error> {
        match self {
            Self::Account(account) => Ok(account),
            Self::Service => Err(Error::ServiceForbidden),
        }
    }

    /// Resolves the request's account from the caller and the account that it names, if any.
    pub fn subject(self, named: Option<AccountId>) -> Result<Subject, Error> {
        match (self, named) {
            (Self::Service, None) => Err(Error::AccountIdRequired),
            (Self::Service, Some(account)) => Ok(Subject {
                account,
                by_service: true,
            }),
            (Self::Account(own), Some(named)) if named != own => Err(Error::AccountForbidden),
            (Self::Account(account), _) => Ok(Subject {
                account,
                by_service: false,
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(claims: &[(&str, &str)]) -> Result<Caller, Error> {
        let claims = claims
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Caller::from_claims(&claims, "sub")
    }

    #[test]
    fn only_the_exact_scope_makes_a_service() {
        for (claims, service) in [
            (
                &[("sub", "a"), ("scope", "sparks:act_for_accounts")][..],
                true,
            ),
            (
                &[
                    ("sub", "a"),
                    ("scope", "openid sparks:act_for_accounts email"),
                ],
                true,
            ),
            (
                &[("sub", "a"), ("scope", "[openid sparks:act_for_accounts]")],
                true,
            ),
            (&[("sub", "a"), ("scp", "[sparks:act_for_accounts]")], true),
            (
                &[("sub", "a"), ("scope", "sparks:act_for_accounts_not")],
                false,
            ),
            (
                &[("sub", "a"), ("scope", "xsparks:act_for_accounts")],
                false,
            ),
            (&[("sub", "a"), ("scope", "SPARKS:ACT_FOR_ACCOUNTS")], false),
            (&[("sub", "a"), ("sparks:act_for_accounts", "true")], false),
            (&[("sub", "a")], false),
        ] {
            assert_eq!(
                caller(claims).unwrap() == Caller::Service,
                service,
                "{claims:?}"
            );
        }
    }

    #[test]
    fn a_missing_or_malformed_account_claim_is_refused() {
        for claims in [
            &[("sub", "a b")][..],
            &[("sub", "")],
            &[("sub", "a#b")],
            &[("email", "a")],
            &[],
        ] {
            assert_eq!(caller(claims), Err(Error::AccountInvalid), "{claims:?}");
        }
    }

    #[test]
    fn only_a_service_acts_for_another_account() {
        let account = |name: &str| name.parse::<AccountId>().unwrap();
        let own = || Caller::Account(account("own"));
        assert_eq!(
            own().subject(None).unwrap(),
            Subject {
                account: account("own"),
                by_service: false
            }
        );
        assert_eq!(
            own().subject(Some(account("own"))).unwrap().account,
            account("own")
        );
        assert_eq!(
            own().subject(Some(account("other"))),
            Err(Error::AccountForbidden)
        );
        assert_eq!(Caller::Service.subject(None), Err(Error::AccountIdRequired));
        let served = Caller::Service.subject(Some(account("other"))).unwrap();
        assert_eq!(
            served,
            Subject {
                account: account("other"),
                by_service: true
            }
        );
    }
}
