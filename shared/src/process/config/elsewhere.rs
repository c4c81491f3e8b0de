//! Secrets that are not in the environment: a variable names the parameter that holds them.

use super::{Environment, Error};

/// A secret that is stored in a parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The variable that would hold the secret itself.
    pub variable: &'static str,
    /// The variable that names the parameter.
    pub named_by: &'static str,
    /// The parameter's name.
    pub parameter: String,
}

/// The variables of secrets, and the variables that may name a parameter instead.
const SECRETS: [(&str, &str); 3] = [
    ("STRIPE_SECRET_KEY", "STRIPE_SECRET_KEY_PARAMETER"),
    ("STRIPE_WEBHOOK_SECRETS", "STRIPE_WEBHOOK_SECRETS_PARAMETER"),
    ("LANGFUSE_SECRET_KEY", "LANGFUSE_SECRET_KEY_PARAMETER"),
];

impl Environment<'_> {
    /// Returns the secrets that are stored in parameters. Fails if one is also set in the environment.
    pub fn secrets_elsewhere(self) -> Result<Vec<Elsewhere>, Error> {
        let mut elsewhere = Vec::new();
        for (variable, named_by) in SECRETS {
            let Some(parameter) = self.optional(named_by) else {
                continue;
            };
            if self.optional(variable).is_some() {
                return Err(Error {
                    name: named_by,
                    problem: "is set together with the secret itself",
                });
            }
            elsewhere.push(Elsewhere {
                variable,
                named_by,
                parameter,
            });
        }
        Ok(elsewhere)
    }
}
