//! The operator of the deployment: grants Sparks, reconciles and runs commands.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::operator::sparks_over;
use crate::simulation::World;
use crate::simulation::fleet::process::Process;
use crate::simulation::items::list;

/// The amount of one grant, in milli-Sparks.
pub(in crate::simulation) const GRANTED: i64 = 25_500;

/// The most attempts of a command.
const ATTEMPTS: u32 = 6;

/// Grants Sparks to an account now and then, each time under another key.
pub(in crate::simulation) async fn grant(world: Arc<World>, account: String) {
    let mut random = world.random(&format!("operator {account}"));
    for number in 0..random.u8(0..3) {
        world.pause(&mut random, 30_000).await;
        let key = format!("grant{number}");
        let arguments = [
            "grant",
            &account,
            "25.5",
            "--reason",
            "simulated",
            "--key",
            &key,
        ];
        world.expectations.grant(&account, &key, false);
        for _ in 0..ATTEMPTS {
            if world.sparks(&arguments).await.is_ok() {
                world.expectations.grant(&account, &key, true);
                break;
            }
            world.pause(&mut random, 5_000).await;
        }
    }
}

impl World {
    /// Reconciles the days with refunds, disputes and credit notes. Runs the repairs that are listed.
    pub(in crate::simulation) async fn reconcile_backs(&self) {
        let state = self.stripe.state();
        let objects = ["refunds", "disputes", "credit_notes"].map(|name| list(&state[name]));
        let made = objects
            .into_iter()
            .flatten()
            .filter_map(|it| it["created"].as_i64());
        let days: BTreeSet<_> = made
            .filter_map(|made| Timestamp::from_second(made).ok())
            .map(|made| made.to_zoned(TimeZone::UTC).date())
            .collect();
        // A day is reconciled once it is over.
        self.clock.sleep(Duration::from_hours(50)).await;
        let repairs = ["--refund", "--dispute", "--credit-note"];
        for day in days {
            // It fails if it finds a difference.
            let found = self.sparks(&["reconcile", "--day", &day.to_string()]).await;
            let (Ok(printed) | Err(printed)) = found;
            for command in printed
                .split('`')
                .filter_map(|it| it.strip_prefix("sparks "))
            {
                let arguments: Vec<&str> = command.split(' ').collect();
                if repairs.contains(&arguments[1]) {
                    let _repaired = self.sparks(&arguments).await;
                } else {
                    self.network
                        .violation(format!("reconcile of {day} advises {command}"));
                }
            }
        }
    }

    /// Runs the operator's command in a process of its own. Returns its output or its error.
    pub(in crate::simulation) async fn sparks(&self, arguments: &[&str]) -> Result<String, String> {
        let process = Process::of("sparks");
        let transport = self.network.transport(&process);
        let running = sparks_over(&self.environment, &transport, &self.clock, arguments);
        let (printed, outcome) = tokio::select! {
            biased;
            () = process.ends() => (String::new(), Err("died".to_owned())),
            (printed, notes, outcome) = running => {
                self.look_at_text("sparks", &printed);
                self.look_at_text("sparks", &notes);
                (printed, outcome.map_err(|error| format!("{error:?}")))
            }
            () = self.clock.sleep(Duration::from_hours(1)) => {
                (String::new(), Err("does not end".to_owned()))
            }
        };
        self.network.note(&format!(
            "sparks {}: {}",
            arguments.join(" "),
            outcome.is_ok()
        ));
        match outcome {
            Ok(()) => Ok(printed),
            Err(error) => {
                self.look_at_text("sparks", &error);
                Err(format!("{error} {printed}"))
            }
        }
    }
}
