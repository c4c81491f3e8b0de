//! Checks that Langfuse has the traces that it confirmed.
//!
//! A Langfuse that cannot list its traces is a note, not a difference. One that fails or has too many reads leaves the
//! day unclear; the comparison with Stripe is listed all the same.

use shared::ledger::DeliveryState;
use shared::process::telemetry::chain;
use shared::providers::langfuse::{self, Langfuse, Reads, is_shown, trace_id};
use shared::reports::audit::UsageOfDay;

use super::look::{Look, TIMEOUT};
use super::table::Table;
use crate::Error;

/// Lists usages whose traces Langfuse confirmed but does not have.
pub(super) async fn compare(look: &mut Look<'_, '_>, table: &Table) -> Result<(), Error> {
    let Some(access) = look.console.environment.langfuse()? else {
        return Ok(());
    };
    let langfuse = Langfuse::new(
        &access,
        &look.payments.terms.stage,
        &look.console.transport,
        &look.console.clock,
    );
    let confirmed = table.occurred(look).filter(|usage| {
        usage.deliveries.langfuse == DeliveryState::Confirmed && !look.is_recent(usage.sent_at)
    });
    let (mut asked_for, hidden): (Vec<&UsageOfDay>, Vec<&UsageOfDay>) =
        confirmed.partition(|usage| is_shown(usage.occurred_at, look.now));
    asked_for.sort_by_key(|usage| usage.occurred_at);
    if !hidden.is_empty() {
        let count = hidden.len();
        let detail = format!(
            "{count} traces were not compared: not every plan shows traces that are so old"
        );
        note(look, detail);
    }
    while let (Some(first), Some(last)) = (asked_for.first(), asked_for.last()) {
        let (first, last) = (first.occurred_at, last.occurred_at);
        let traced = look
            .asked(is_busy, async || {
                let reads = Reads::at_most(u32::MAX);
                langfuse.traced(first..=last, &reads, TIMEOUT).await
            })
            .await;
        let traced = match traced {
            Ok(traced) => traced,
            Err(error) => {
                unclear(look, asked_for.len(), &error);
                return Ok(());
            }
        };
        let count = asked_for.len();
        let mut left = Vec::new();
        for usage in asked_for {
            match traced.has(&usage.id, usage.occurred_at) {
                Some(true) => {}
                Some(false) => {
                    let id = usage.id.as_str();
                    let detail = format!("Langfuse does not have its trace {}", trace_id(id));
                    look.report
                        .differ("trace_missing", id, Some(&usage.account), detail);
                }
                None => left.push(usage),
            }
        }
        look.report.checked.traces += (count - left.len()) as u64;
        if left.len() == count {
            let detail = format!("Langfuse has more traces of {last} than can be read");
            look.report
                .differ("unclear", last.to_string(), None, detail);
            left.retain(|usage| usage.occurred_at < last);
        }
        // The answer was incomplete: the remaining traces are queried next.
        asked_for = left;
    }
    Ok(())
}

/// Reports how many traces were not compared, and the reason.
fn unclear(look: &mut Look<'_, '_>, count: usize, error: &langfuse::Error) {
    let detail = format!("{count} traces were not compared: {}", chain(error));
    match error {
        langfuse::Error::Unreadable(_) => note(look, detail),
        _ => look.report.differ("unclear", "langfuse", None, detail),
    }
}

fn note(look: &mut Look<'_, '_>, detail: String) {
    look.report.note("unclear", "langfuse", None, detail);
}

fn is_busy(error: &langfuse::Error) -> bool {
    matches!(
        error,
        langfuse::Error::Skipped | langfuse::Error::RateLimited
    )
}
