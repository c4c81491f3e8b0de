//! Checks of the whole environment, for the operator to run before the functions start.

use super::{Environment, Error};

/// Variables that are always needed.
const NEEDED: [&str; 3] = ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];

/// Variables that are set together or not at all.
const LANGFUSE: [&str; 3] = [
    "LANGFUSE_HOST",
    "LANGFUSE_PUBLIC_KEY",
    "LANGFUSE_SECRET_KEY",
];

impl Environment<'_> {
    /// Returns the variables that stop a function at its start, each of them once.
    ///
    /// Langfuse may be left out as a whole. Stripe is required, since some functions need it.
    pub fn faults(self) -> Vec<Error> {
        let mut found: Vec<Error> = NEEDED
            .into_iter()
            .filter_map(|name| self.required(name).err())
            .collect();
        if !self.none_of(&LANGFUSE) {
            let missing = LANGFUSE.into_iter();
            found.extend(missing.filter_map(|name| self.required(name).err()));
        }
        let malformed = [
            self.aws().err(),
            self.table().err(),
            self.stage().err(),
            self.problems_url().err(),
            self.delivery_budget().err(),
            self.required_stripe().err(),
            self.stripe_price_ids().err(),
            self.stripe_webhook_secrets().err(),
            self.allowed_origins().err(),
            self.stripe_portal_configuration().err(),
            self.plan_terms().err(),
            self.promotion_codes().err(),
            self.automatic_tax().err(),
            self.show_provider_cost().err(),
            self.langfuse().err(),
            self.log_filter().err(),
        ];
        for error in malformed.into_iter().flatten() {
            if !found.iter().any(|known| known.name == error.name) {
                found.push(error);
            }
        }
        found
    }
}
