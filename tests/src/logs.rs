//! The log lines of a World's functions, and the check that none of them has a secret.

use std::collections::BTreeMap;

use shared::process::telemetry::Lines;

/// The secret with which functions sign their calls of AWS.
pub(crate) const AWS_SECRET: &str = "canary-aws-secret";

/// Path prefixes of Stripe pages. Anyone with such an address can pay or manage a plan.
pub(crate) const PAGES: [&str; 2] = ["/c/pay/", "/p/session/"];

/// The lines of a World. They are searched for secrets when the World ends.
pub(crate) struct Logs {
    pub(crate) lines: Lines,
    secrets: Vec<String>,
}

impl Logs {
    /// Creates the logs of functions with this environment.
    pub(crate) fn of(environment: &BTreeMap<String, String>) -> Self {
        let secret = |name: &str| name.contains("SECRET") && !name.ends_with("_PARAMETER");
        let values = environment.iter().filter(|(name, _)| secret(name));
        let values = values.flat_map(|(_, value)| value.split(','));
        let values = values.map(str::trim).filter(|value| !value.is_empty());
        Self {
            lines: Lines::default(),
            secrets: values.chain(PAGES).map(str::to_owned).collect(),
        }
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        for line in self.lines.kept() {
            let shown = self.secrets.iter().find(|secret| line.contains(*secret));
            assert_eq!(shown, None, "a log line has a secret: {line}");
        }
    }
}
