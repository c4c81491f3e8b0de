//! Traces: Langfuse has what it confirmed.

use shared::langfuse::{self, Langfuse, trace_id};
use shared::ledger::{DeliveryState, UsageOfDay};

use super::look::{Look, TIMEOUT};
use super::table::Table;
use crate::Error;

/// Lists usages whose traces Langfuse has confirmed and does not have.
pub(super) async fn compare(look: &mut Look<'_, '_>, table: &Table) -> Result<(), Error> {
    let Some(access) = look.desk.environment.langfuse()? else {
        return Ok(());
    };
    let langfuse = Langfuse::new(
        &access,
        &look.terms.stage,
        &look.desk.transport,
        &look.desk.clock,
    );
    let confirmed = table.occurred(look).filter(|usage| {
        usage.deliveries.langfuse == DeliveryState::Confirmed && !look.is_recent(usage.sent_at)
    });
    let mut confirmed: Vec<&UsageOfDay> = confirmed.collect();
    confirmed.sort_by_key(|usage| usage.occurred_at);
    look.report.checked.traces = confirmed.len() as u64;
    let mut asked_for = confirmed;
    while let (Some(first), Some(last)) = (asked_for.first(), asked_for.last()) {
        let (first, last) = (first.occurred_at, last.occurred_at);
        let traced = look
            .asked(is_busy, async || {
                langfuse.traced(first..=last, TIMEOUT).await
            })
            .await?;
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
        if left.len() == count {
            let detail = format!("Langfuse has more traces of {last} than can be read through");
            look.report
                .differ("unclear", last.to_string(), None, detail);
            left.retain(|usage| usage.occurred_at < last);
        }
        // It had too much to tell all at once: what is left is asked for next.
        asked_for = left;
    }
    Ok(())
}

fn is_busy(error: &langfuse::Error) -> bool {
    matches!(
        error,
        langfuse::Error::Skipped | langfuse::Error::RateLimited
    )
}
