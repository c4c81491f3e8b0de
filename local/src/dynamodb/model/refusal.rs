//! Refusals of the model of DynamoDB, in DynamoDB's own shapes.

use http::StatusCode;
use serde::Serialize;

use super::super::operation::MEDIA_TYPE;
use super::item::Item;
use crate::http::{Response, respond};

const AMAZON: &str = "com.amazonaws.dynamodb.v20120810#";
const CONDITION: &str = "The conditional request failed";
const CONFLICT: &str = "Transaction is ongoing for the item";

/// A request that was refused without effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request is invalid, or unsupported by the model.
    #[error("{0}")]
    Invalid(String),
    /// A key is an empty text, which refuses a whole transaction instead of one action.
    #[error("{0}")]
    EmptyKey(String),
    /// The body cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// The table does not exist.
    #[error("Requested resource not found")]
    NoTable,
    /// The table already exists.
    #[error("Table already exists: {0}")]
    TableExists(String),
    /// The condition does not hold. It has the current item if the request asked for it.
    #[error("The conditional request failed")]
    Condition(Option<Item>),
    /// A transaction holds the item.
    #[error("Transaction is ongoing for the item")]
    Conflict,
    /// A partition has no throughput left.
    #[error(
        "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically scaling your table \
         or index so please try again shortly."
    )]
    Throttled,
    /// The transaction with this token was committed, but some items are not visible yet.
    #[error("The transaction with the given request token is already in progress")]
    InProgress,
    /// Another transaction used the same token.
    #[error("the token was used by another request")]
    OtherRequest,
    /// Actions of a transaction were refused; it has one reason per action, in order.
    #[error("Transaction cancelled, please refer cancellation reasons for specific reasons")]
    Cancelled(Vec<Reason>),
    /// The commit cannot be written to the journal, for this reason.
    #[error("the journal cannot be written: {0}")]
    Unwritten(String),
}

/// The reason of one action of a cancelled transaction. An action that was not refused has the code `None`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reason {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    item: Option<Item>,
}

impl Reason {
    /// Returns the reason of an action that was not refused.
    pub(super) fn none() -> Self {
        Self {
            code: "None",
            ..Self::default()
        }
    }
}

/// The response body of a refusal.
#[derive(Serialize)]
struct Body<'a> {
    __type: &'a str,
    message: &'a str,
    #[serde(rename = "Item", skip_serializing_if = "Option::is_none")]
    item: Option<&'a Item>,
}

/// The response body of a cancelled transaction.
#[derive(Serialize)]
struct Cancelled<'a> {
    __type: &'a str,
    #[serde(rename = "Message")]
    message: &'a str,
    #[serde(rename = "CancellationReasons")]
    reasons: &'a [Reason],
}

impl Refusal {
    /// Returns the refusal of a transaction for these reasons, each with its action's index.
    pub(in super::super) fn cancelled(
        actions: usize,
        refused: impl IntoIterator<Item = (usize, Self)>,
    ) -> Self {
        let mut reasons = vec![Reason::none(); actions];
        for (place, refusal) in refused {
            if let (Some(reason), Ok(given)) = (reasons.get_mut(place), refusal.reason()) {
                *reason = given;
            }
        }
        Self::Cancelled(reasons)
    }

    /// Returns the refusal of something that the model does not support.
    pub(super) fn unknown(what: &str) -> Self {
        Self::Invalid(format!("the model of DynamoDB does not support {what}"))
    }

    /// Converts it to the reason of one action. The error is a refusal of the whole transaction.
    pub(super) fn reason(self) -> Result<Reason, Self> {
        match self {
            Self::Invalid(message) => Ok(Reason {
                code: "ValidationError",
                message: Some(message),
                item: None,
            }),
            Self::Condition(item) => Ok(Reason {
                code: "ConditionalCheckFailed",
                message: Some(CONDITION.to_owned()),
                item,
            }),
            Self::Conflict => Ok(Reason {
                code: "TransactionConflict",
                message: Some(CONFLICT.to_owned()),
                item: None,
            }),
            Self::Throttled => Ok(Reason {
                code: "ThrottlingError",
                message: Some(Self::Throttled.to_string()),
                item: None,
            }),
            all => Err(all),
        }
    }

    /// Returns it as a response.
    pub(in super::super) fn response(&self) -> Response {
        let status = match self {
            Self::Unwritten(_) => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        };
        respond(status, MEDIA_TYPE, self.body())
    }

    fn body(&self) -> String {
        let kind = match self {
            Self::Invalid(_) | Self::EmptyKey(_) => {
                "com.amazon.coral.validate#ValidationException".to_owned()
            }
            Self::Unreadable(_) => "com.amazon.coral.service#SerializationException".to_owned(),
            Self::NoTable => format!("{AMAZON}ResourceNotFoundException"),
            Self::TableExists(_) => format!("{AMAZON}ResourceInUseException"),
            Self::Condition(_) => format!("{AMAZON}ConditionalCheckFailedException"),
            Self::Conflict => format!("{AMAZON}TransactionConflictException"),
            Self::Throttled => format!("{AMAZON}ProvisionedThroughputExceededException"),
            Self::InProgress => format!("{AMAZON}TransactionInProgressException"),
            Self::OtherRequest => format!("{AMAZON}IdempotentParameterMismatchException"),
            Self::Cancelled(_) => format!("{AMAZON}TransactionCanceledException"),
            Self::Unwritten(_) => format!("{AMAZON}InternalServerError"),
        };
        let message = self.to_string();
        let body = match self {
            Self::Cancelled(reasons) => {
                let codes: Vec<&str> = reasons.iter().map(|reason| reason.code).collect();
                serde_json::to_string(&Cancelled {
                    __type: &kind,
                    message: &format!("{message} [{}]", codes.join(", ")),
                    reasons,
                })
            }
            Self::Condition(item) => serde_json::to_string(&Body {
                __type: &kind,
                message: &message,
                item: item.as_ref(),
            }),
            _ => serde_json::to_string(&Body {
                __type: &kind,
                message: &message,
                item: None,
            }),
        };
        body.expect("texts are JSON")
    }
}
