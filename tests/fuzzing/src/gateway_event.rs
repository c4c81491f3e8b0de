//! Whole events of API Gateway: caller, idempotency key, route and body.

use std::collections::{BTreeSet, HashMap};

use http::header::HeaderMap;
use lambda_http::{Body, Request};
use serde_json::Value;
use shared::edge::request;
use shared::words::id::{AccountId, KeySpace, OrderId, UsageId};

use crate::world::{self, Call, STAGE};
use crate::{contract, event};

/// The scope of a service's token.
const SERVICE: &str = "sparks:act_for_accounts";

/// The route without an account.
const OF_NOBODY: &str = "GET /v1/catalog";

/// The routes with an account in the body.
const NAMES_IN_BODY: [&str; 3] = [
    "POST /v1/usage",
    "POST /v1/usage/batch",
    "POST /v1/estimate",
];

/// Checks that only the authorizer's claims decide which account an event touches.
///
/// Every key sent to the table must belong to that account, or to one that a service names.
pub fn gateway_event(data: &[u8]) {
    let Some(event::Arrival { request, claims }) = event::arrival(data) else {
        return;
    };
    let asked = Asked::of(&request, claims.as_ref());
    let route = request::route(&request).to_owned();
    let Some((answer, calls)) = world::with(|world| world.send(request)) else {
        return;
    };
    let status = answer.status.as_u16();
    let asked_stripe = calls.iter().any(|call| matches!(call, Call::Stripe(..)));
    // Stripe has no objects here, so some operations fail.
    assert!(status < 500 || asked_stripe, "{answer:?} after {calls:?}");
    if claims.is_none() {
        assert!(calls.is_empty(), "{calls:?} without claims");
        assert!(
            [400, 401, 404, 413].contains(&status),
            "{answer:?} without claims"
        );
    }
    if answer.status.is_success() && route != OF_NOBODY {
        assert!(!asked.accounts.is_empty(), "{answer:?} without an account");
    }
    if asked.names_another {
        assert!(
            calls.is_empty() && status >= 400,
            "{answer:?} for another account"
        );
    }
    for call in &calls {
        if let Call::Ledger(_, body) = call {
            asked.covers(body);
        }
    }
}

/// The accounts and ids that a request may touch. They are derived from its event without the production code.
struct Asked {
    accounts: BTreeSet<String>,
    ids: BTreeSet<String>,
    names_another: bool,
}

impl Asked {
    fn of(request: &Request, claims: Option<&HashMap<String, String>>) -> Self {
        let body = match request.body() {
            Body::Text(text) => text.as_bytes(),
            Body::Binary(bytes) => bytes,
            _ => &[],
        };
        let body = contract::plainly_read(body).unwrap_or_default();
        let query = request.uri().query().unwrap_or_default();
        let mut named: BTreeSet<String> = form_urlencoded::parse(query.as_bytes())
            .filter(|(name, _)| name == "account_id")
            .map(|(_, account)| account.into_owned())
            .collect();
        let route = request::route(request);
        // A POST route takes the account from its body, any other route from its query.
        if route.starts_with("POST ") {
            named = body["account_id"]
                .as_str()
                .map(str::to_owned)
                .into_iter()
                .collect();
        }
        let claim = |name: &str| {
            claims
                .and_then(|claims| claims.get(name))
                .map(String::as_str)
        };
        let scope = claim("scope").or(claim("scp")).unwrap_or_default();
        let scope = scope
            .strip_prefix('[')
            .and_then(|scope| scope.strip_suffix(']'))
            .unwrap_or(scope);
        let service = scope.split(' ').any(|word| word == SERVICE);
        let own = claim("sub").filter(|sub| contract::is_account(sub));
        let accounts: BTreeSet<String> = if service {
            named
                .iter()
                .filter(|named| contract::is_account(named))
                .cloned()
                .collect()
        } else {
            own.into_iter().map(str::to_owned).collect()
        };
        let takes_a_name = route.starts_with("GET ") || NAMES_IN_BODY.contains(&route);
        let names_another = takes_a_name
            && !service
            && route != OF_NOBODY
            && named.iter().any(|named| Some(named.as_str()) != own);
        let mut ids = ids(&accounts, request.headers(), &body);
        // The credit of a Checkout Session has the session's id, and names its account.
        let page = request::path_parameter(request, "session_id");
        ids.extend(page.map(str::to_owned));
        Self {
            accounts,
            ids,
            names_another,
        }
    }

    /// Asserts that every key in a table operation belongs to these accounts.
    fn covers(&self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let keys = ["pk", "account", ":account", ":rollups"];
                    if let (true, Some(key)) = (keys.contains(&name.as_str()), member["S"].as_str())
                    {
                        assert!(self.has(key), "{key:?} is not of {:?}", self.accounts);
                    }
                    self.covers(member);
                }
            }
            Value::Array(members) => members.iter().for_each(|member| self.covers(member)),
            _ => {}
        }
    }

    fn has(&self, key: &str) -> bool {
        let account = |key: &str| self.accounts.contains(key);
        match key.split_once('#') {
            Some(("A" | "R", of)) => account(of),
            Some(("E", id)) => match id.strip_prefix("free#") {
                Some(free) => free.rsplit_once('#').is_some_and(|(of, _)| account(of)),
                None => self.ids.contains(id),
            },
            Some(("I", id)) => self.ids.contains(id),
            // The row of a Checkout Session names its account.
            Some(("S", session)) => contract::is_stripe_id(session),
            Some(_) => false,
            None => account(key),
        }
    }
}

/// Returns the ids that may be written. They are those of each account with each key in the request.
fn ids(accounts: &BTreeSet<String>, headers: &HeaderMap, body: &Value) -> BTreeSet<String> {
    let header = headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok());
    let items = body["items"].as_array().into_iter().flatten();
    let of_items = items.filter_map(|item| item["idempotency_key"].as_str());
    let mut ids = BTreeSet::new();
    for key in of_items.chain(header).filter(|key| contract::is_key(key)) {
        let key = key.parse().expect("a key");
        for account in accounts {
            let account: AccountId = account.parse().expect("an account");
            for space in [KeySpace::Services, KeySpace::OwnTokens] {
                let usage = UsageId::derive(STAGE, &account, space, &key);
                ids.insert(usage.as_str().to_owned());
            }
            ids.insert(OrderId::derive(STAGE, &account, &key).as_str().to_owned());
        }
    }
    ids
}
