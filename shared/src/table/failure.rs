//! Classifies failed DynamoDB calls: try again, read the reasons, or give up.

use std::error::Error as StdError;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_smithy_runtime_api::http::Response;

use super::item::Item;

/// The meaning of a failed call.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It may succeed if sent again: a throttle, an outage, or no response. It may have taken effect.
    Again(Cause),
    /// Another transaction holds one of its items; nothing was written.
    Conflict(Cause),
    /// Conditions did not hold; nothing was written. One verdict per action of the transaction, with the item as it was
    /// if a condition failed.
    Refused(Vec<Verdict>),
    /// It cannot succeed: the request, the permissions or the table are wrong.
    Broken(Cause),
}

/// The source of an error.
pub(crate) type Cause = Box<dyn StdError + Send + Sync>;

/// The verdict on one action of a refused transaction.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Its condition held.
    Held,
    /// Its condition failed on this item; None if there is no item.
    Failed(Option<Item>),
}

/// A transaction was cancelled for a transient reason.
#[derive(Debug, thiserror::Error)]
#[error("the transaction was cancelled: {codes}")]
struct Cancelled {
    codes: String,
}

/// The code of a call that met an item of an ongoing transaction.
const CONFLICT: &str = "TransactionConflictException";

/// The code of a transaction whose token was used with other parameters.
const MISMATCH: &str = "IdempotentParameterMismatchException";

/// Codes of transient errors.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html>
const PASSING: [&str; 6] = [
    "InternalServerError",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "ServiceUnavailable",
    "ThrottlingException",
    "TransactionInProgressException",
];

/// The cancellation reason of an item that another transaction holds.
const CONFLICT_REASON: &str = "TransactionConflict";

/// Other cancellation reasons that are transient; any one of them means trying again.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const PASSING_REASONS: [&str; 3] = [
    "ThrottlingError",
    "ProvisionedThroughputExceeded",
    "RequestLimitExceeded",
];

/// Classifies the failure of a call that is not a transaction.
pub(crate) fn of_call<E>(error: SdkError<E, Response>) -> Failure
where
    E: ProvideErrorMetadata + StdError + Send + Sync + 'static,
{
    if error.code() == Some(CONFLICT) {
        return Failure::Conflict(error.into());
    }
    let passes = match &error {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => {
            true
        }
        SdkError::ServiceError(service) => {
            let status = service.raw().status().as_u16();
            status >= 500
                || service
                    .err()
                    .code()
                    .is_some_and(|code| PASSING.contains(&code))
        }
        _ => false,
    };
    if passes {
        Failure::Again(error.into())
    } else {
        Failure::Broken(error.into())
    }
}

/// Classifies the failure of a read of several items at once.
pub(crate) fn of_snapshot(error: SdkError<TransactGetItemsError, Response>) -> Failure {
    let Some(TransactGetItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return of_call(error);
    };
    // It has no conditions, so it met a transaction or a limit.
    let reasons = cancelled.cancellation_reasons().iter();
    let mut codes = reasons.map(|reason| reason.code().unwrap_or("None"));
    if codes
        .all(|code| code == "None" || code == CONFLICT_REASON || PASSING_REASONS.contains(&code))
    {
        Failure::Again(error.into())
    } else {
        Failure::Broken(error.into())
    }
}

/// Returns whether a failed transaction needs another token. It does if it was cancelled, or its token was used with
/// other parameters.
pub(crate) fn ends_token(error: &SdkError<TransactWriteItemsError, Response>) -> bool {
    let cancelled = matches!(
        error.as_service_error(),
        Some(TransactWriteItemsError::TransactionCanceledException(_))
    );
    cancelled || error.code() == Some(MISMATCH)
}

/// Classifies the failure of a transaction.
pub(crate) fn of_transaction(error: SdkError<TransactWriteItemsError, Response>) -> Failure {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return match error.code() {
            // Other parameters never took effect under this token; conditions guard against the same ones taking effect
            // twice.
            Some(MISMATCH) => Failure::Again(error.into()),
            _ => of_call(error),
        };
    };
    let reasons = cancelled.cancellation_reasons();
    let codes = || reasons.iter().map(|reason| reason.code().unwrap_or("None"));
    let cancelled = || -> Cause {
        let codes = codes().collect::<Vec<_>>().join(", ");
        Box::new(Cancelled { codes })
    };
    if codes().any(|code| code == CONFLICT_REASON) {
        return Failure::Conflict(cancelled());
    }
    if codes().any(|code| PASSING_REASONS.contains(&code)) {
        return Failure::Again(cancelled());
    }
    let mut verdicts = Vec::with_capacity(reasons.len());
    for reason in reasons {
        verdicts.push(match reason.code().unwrap_or("None") {
            "None" => Verdict::Held,
            "ConditionalCheckFailed" => {
                Verdict::Failed(reason.item().cloned().filter(|item| !item.is_empty()))
            }
            _ => return Failure::Broken(error.into()),
        });
    }
    Failure::Refused(verdicts)
}
