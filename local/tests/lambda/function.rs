//! The function that these tests run: a script that speaks the Runtime API.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use local::lambda::{InvokeError, Lambda, Options};
use serde_json::{Value, json};

/// Longer than anything takes that is not meant to hang.
pub(crate) const LONG: Duration = Duration::from_mins(1);

/// As short as nothing is: what is given so long has no time.
pub(crate) const NO_TIME: Duration = Duration::from_millis(1);

pub(crate) fn script() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/lambda/function.py"
    ))
}

/// These variables, and where Python is on this machine.
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

/// Tells a function to do something.
pub(crate) async fn tell(lambda: &Lambda, what: &str) -> Result<Value, InvokeError> {
    lambda.invoke(&json!({ "do": what }), LONG).await
}
