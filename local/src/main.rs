//! `sparks-local`: the whole stack on one machine, see [`local::dev`].

use std::process::ExitCode;

use local::dev::{self, Options};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let environment = std::env::vars().collect();
    let arguments = std::env::args().skip(1);
    match Options::read(arguments, &environment) {
        Ok(options) => dev::run(options).await,
        Err(error) => {
            dev::report(&error);
            ExitCode::FAILURE
        }
    }
}
