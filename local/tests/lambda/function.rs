//! The function of these tests: a script that uses the Runtime API.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use local::lambda::{InvokeError, Lambda, Options};
use serde_json::{Value, json};

/// A timeout that no invocation exceeds unless it is meant to hang.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// A timeout that every invocation exceeds.
pub(crate) const NO_TIME: Duration = Duration::from_millis(1);

pub(crate) fn script() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/lambda/function.py"
    ))
}

/// Returns these variables, and the path of Python on this machine.
pub(crate) fn variables(given: &[(&str, &str)]) -> BTreeMap<String, String> {
    let path = std::env::var_os("PATH").unwrap();
    let path = path.into_string().unwrap();
    let given = given.iter();
    let given = given.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    given.chain([("PATH".to_owned(), path)]).collect()
}

pub(crate) fn options() -> Options {
    Options {
        name: "record-usage".to_owned(),
        init_limit: LONG,
        ..Options::default()
    }
}

pub(crate) async fn started() -> Lambda {
    let lambda = Lambda::start(script(), variables(&[]), options()).await;
    lambda.unwrap()
}

/// Invokes a function with an instruction.
pub(crate) async fn tell(lambda: &Lambda, what: &str) -> Result<Value, InvokeError> {
    lambda.invoke(&json!({ "do": what }), LONG).await
}
