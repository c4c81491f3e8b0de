//! Secrets that are not in the environment: a variable names the parameter that holds them.

use super::{Environment, Error};

/// A secret that a parameter holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// The variable that would give it.
    pub variable: &'static str,
    /// The variable that names the parameter.
    pub named_by: &'static str,
    /// The parameter's name.
    pub parameter: String,
}

/// What may be named by a parameter in place of being given.
const SECRETS: [(&str, &str); 3] = [
    ("STRIPE_SECRET_KEY", "STRIPE_SECRET_KEY_PARAMETER"),
    ("STRIPE_WEBHOOK_SECRETS", "STRIPE_WEBHOOK_SECRETS_PARAMETER"),
    ("LANGFUSE_SECRET_KEY", "LANGFUSE_SECRET_KEY_PARAMETER"),
];

impl Environment<'_> {
    /// The secrets that are not given, but named by the parameter that holds them: their variables, those that name them,
    /// and the parameters' names.
    pub fn secrets_elsewhere(self) -> Result<Vec<Elsewhere>, Error> {
        let mut elsewhere = Vec::new();
        for (variable, named_by) in SECRETS {
            let Some(parameter) = self.optional(named_by) else {
                continue;
            };
            if self.optional(variable).is_some() {
                return Err(Error {
                    name: named_by,
                    problem: "is set beside the secret itself",
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
