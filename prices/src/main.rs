//! Writes the table of model prices, and the report of what it leaves out.

use std::fs;
use std::io::{self, Write};
use std::process::ExitCode;

use prices::Error;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut message = format!("prices: {error}");
            let mut cause = std::error::Error::source(&error);
            while let Some(next) = cause {
                message = format!("{message}: {next}");
                cause = next.source();
            }
            // If even the error cannot be written, the exit status still shows it.
            let _ = writeln!(io::stderr(), "{message}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Error> {
    for file in prices::files()? {
        let path = prices::root().join(file.path);
        if fs::read_to_string(&path).is_ok_and(|text| text == file.text) {
            continue;
        }
        fs::write(&path, &file.text).map_err(|error| Error::Write(path, error))?;
        let _ = writeln!(io::stdout(), "wrote {}, review its diff", file.path);
    }
    Ok(())
}
