//! What `sparks` ends with: 0 when all went well, 1 when not, 2 when it was called wrongly.

use std::process::Command;

fn ends_with(arguments: &[&str]) -> Option<i32> {
    let mut sparks = Command::new(env!("CARGO_BIN_EXE_sparks"));
    let output = sparks.args(arguments).env_clear().output();
    output.expect("the command runs").status.code()
}

#[test]
fn scripts_can_tell_a_wrong_call_from_a_deployment_that_is_not_in_order() {
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
