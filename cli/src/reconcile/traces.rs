//! Traces: Langfuse has what it confirmed.

use jiff::{SignedDuration, Timestamp};
use shared::langfuse::{self, Langfuse, trace_id};
use shared::ledger::{DeliveryState, UsageOfDay};

use super::look::{Look, TIMEOUT};
use super::table::Table;
use crate::Error;

/// With more usages than this, a window is halved before it is asked for: Langfuse is read through up to 10,000 traces.
const MAX_IN_WINDOW: usize = 9_000;

/// No window is shorter: times are whole milliseconds.
const SHORTEST_WINDOW: SignedDuration = SignedDuration::from_millis(1);

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
    let mut windows = vec![confirmed.as_slice()];
    while let Some(window) = windows.pop() {
        let (Some(first), Some(last)) = (window.first(), window.last()) else {
            continue;
        };
        let (first, last) = (first.occurred_at, last.occurred_at);
        if window.len() <= MAX_IN_WINDOW
            && let Some(missing) = missing(look, &langfuse, window, (first, last)).await?
        {
            for usage in missing {
                let id = usage.id.as_str();
                let detail = format!("Langfuse does not have its trace {}", trace_id(id));
                look.report
                    .differ("trace_missing", id, Some(&usage.account), detail);
            }
        } else if first == last {
            let detail = format!("Langfuse has more traces of {first} than can be read through");
            look.report
                .differ("unclear", first.to_string(), None, detail);
        } else {
            let middle = first + last.duration_since(first) / 2;
            let half = window.partition_point(|usage| usage.occurred_at <= middle);
            let (earlier, later) = window.split_at(half);
            windows.extend([later, earlier]);
        }
    }
    Ok(())
}

/// Those usages of a window whose traces are not there; nothing when there are too many to say.
async fn missing<'a>(
    look: &Look<'_, '_>,
    langfuse: &Langfuse,
    window: &[&'a UsageOfDay],
    (first, last): (Timestamp, Timestamp),
) -> Result<Option<Vec<&'a UsageOfDay>>, Error> {
    let before = last.saturating_add(SHORTEST_WINDOW).unwrap_or(last);
    let traced = look
        .asked(is_busy, async || {
            langfuse.traced(first, before, TIMEOUT).await
        })
        .await?;
    let Some(traced) = traced else {
        return Ok(None);
    };
    let missing = window.iter().copied();
    let missing = missing.filter(|usage| !traced.contains(&trace_id(usage.id.as_str())));
    Ok(Some(missing.collect()))
}

fn is_busy(error: &langfuse::Error) -> bool {
    matches!(
        error,
        langfuse::Error::Skipped | langfuse::Error::RateLimited
    )
}
