//! Secrets and noise that must not be in logs, errors, answers and debug output.

use local::stripe::SECRET_KEY;
use shared::process::telemetry::Lines;

use crate::logs::{AWS_SECRET, PAGES};
use crate::simulation::World;
use crate::simulation::actors::{buyers, usages};

/// The line that the AWS SDK writes for each failed call. It does so because the connection is not its own.
const SDK_NOISE: &str = "unable to mark the connection";

impl World {
    /// Checks that the lines of an invocation and the log have no secrets.
    pub(in crate::simulation) fn look_through(&self, name: &str, lines: &Lines) {
        for line in lines.kept() {
            self.look_at_text(name, &line);
        }
        self.look_at_log();
    }

    /// Checks that the log since the last call has no secrets, noise or page addresses.
    pub(in crate::simulation) fn look_at_log(&self) {
        let log = self.log.take();
        self.look_at_text("a log", &log);
        for page in PAGES {
            if log.contains(page) {
                self.network
                    .violation(format!("a log has the address of a page: {log}"));
            }
        }
        if log.contains(SDK_NOISE) {
            self.network
                .violation(format!("the AWS SDK logs a failure on its own: {log}"));
        }
    }

    /// Checks that a text has no secrets.
    pub(in crate::simulation) fn look_at_text(&self, whose: &str, text: &str) {
        let secrets = [
            SECRET_KEY,
            "sk-lf-local",
            AWS_SECRET,
            usages::PROMPT,
            buyers::RETURN,
            self.webhook_secret.as_str(),
            self.thin_secret.as_str(),
        ];
        for secret in secrets {
            if !secret.is_empty() && text.contains(secret) {
                let what = format!("{whose} shows `{secret}`: {text}");
                self.network.violation(what);
            }
        }
    }
}
