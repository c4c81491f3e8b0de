//! A method and a path pattern such as `/v1/checkout/{session_id}/verify`.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

use super::resource::{Api, HttpEvent};
use super::{Authorizer, Error};

/// One route of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The method, in capitals.
    pub method: String,
    /// The path as in the template, with `{names}` for variable parts.
    pub path: String,
    /// The function that serves it.
    pub function: String,
    /// The authorizer; absent if the route is public.
    pub authorizer: Option<Authorizer>,
}

impl Route {
    pub(super) fn new(event: &HttpEvent, function: &str, api: &Api) -> Result<Self, Error> {
        let unclear = || Error::Route(format!("{} {}", event.method, event.path));
        let known_method = event.method.bytes().all(|byte| byte.is_ascii_uppercase());
        // Greedy parameters and catch-all methods would match unintended requests.
        let greedy = event.path.contains("+}") || event.method == "ANY";
        if event.api_id != api.name || !known_method || greedy || !event.path.starts_with('/') {
            return Err(unclear());
        }
        let authorizer = match event
            .auth
            .authorizer
            .as_ref()
            .or(api.default_authorizer.as_ref())
        {
            None => None,
            Some(none) if none == "NONE" => None,
            Some(name) => Some(api.authorizers.get(name).ok_or_else(unclear)?.clone()),
        };
        let (method, path) = (event.method.clone(), event.path.clone());
        Ok(Self {
            method,
            path,
            function: function.to_owned(),
            authorizer,
        })
    }

    /// Returns the route key as API Gateway writes it.
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    /// Returns the number of variable parts of its path; routes with fewer are matched first.
    pub(super) fn variables(&self) -> usize {
        self.path.split('/').filter_map(variable).count()
    }

    /// Returns the decoded variable parts of the path if the request matches this route.
    pub(super) fn matches(&self, method: &str, path: &str) -> Option<BTreeMap<String, String>> {
        let (ours, theirs) = (self.path.split('/'), path.split('/'));
        if self.method != method || ours.clone().count() != theirs.clone().count() {
            return None;
        }
        let mut parameters = BTreeMap::new();
        for (our, their) in ours.zip(theirs) {
            match variable(our) {
                Some(_) if their.is_empty() => return None,
                Some(name) => {
                    let value = percent_decode_str(their).decode_utf8_lossy().into_owned();
                    parameters.insert(name.to_owned(), value);
                }
                None if our != their => return None,
                None => {}
            }
        }
        Some(parameters)
    }
}

fn variable(part: &str) -> Option<&str> {
    part.strip_prefix('{')?.strip_suffix('}')
}
