//! Exit status of `sparks`: 0 success, 1 failure or problems found, 2 usage error.

use std::process::Command;

fn ends_with(arguments: &[&str]) -> Option<i32> {
    let mut sparks = Command::new(env!("CARGO_BIN_EXE_sparks"));
    let output = sparks.args(arguments).env_clear().output();
    output.expect("the command runs").status.code()
}

#[test]
fn the_exit_status_distinguishes_usage_errors_from_failures() {
    for (arguments, code) in [
        (&["--version"][..], 0),
        (&["doctor"], 1),
        (&["doctor", "--json"], 1),
        (&["verify"], 1),
        (&["reverse", "use_1", "--reason", "x"], 1),
        (&["reverse", "use_1"], 2),
        (&["grant", "acct_a", "much", "--reason", "x"], 2),
        (&["unheard-of"], 2),
        (&[], 2),
    ] {
        assert_eq!(ends_with(arguments), Some(code), "{arguments:?}");
    }
}
