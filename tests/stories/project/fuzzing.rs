//! Replays each fuzzing target's corpus, and variants of its files, and expects no broken rule.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fuzzing::{TARGETS, Target};

/// Files of up to this many bytes have each byte changed once.
const SHORT: usize = 64;

/// Number of bytes changed in a longer file, and of lengths to cut it at.
const PLACES: usize = 8;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Runs a target on each of its files: whole, cut, and with one byte changed.
fn replay(name: &str) {
    let target: Target = TARGETS.iter().find(|(known, _)| *known == name).unwrap().1;
    let folder = corpora().join(name);
    let files = names(&folder);
    assert!(!files.is_empty(), "the corpus of {name} is empty");
    for file in files {
        let bytes = std::fs::read(folder.join(&file)).unwrap();
        let held = std::panic::catch_unwind(|| {
            target(&bytes);
            neighbours(&bytes, target);
        });
        assert!(
            held.is_ok(),
            "{name}/{file}, or a variant of it, breaks a rule"
        );
    }
}

fn neighbours(bytes: &[u8], target: Target) {
    let step = if bytes.len() <= SHORT {
        1
    } else {
        bytes.len().div_ceil(PLACES)
    };
    let mut other = bytes.to_vec();
    for place in (0..bytes.len()).step_by(step) {
        other[place] ^= 1 << (place % 8);
        target(&other);
        other[place] = bytes[place];
    }
    for length in (0..bytes.len()).step_by(bytes.len().div_ceil(PLACES).max(1)) {
        target(&bytes[..length]);
    }
}

#[test]
fn each_target_has_a_program_and_a_corpus_and_there_are_no_others() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&corpora()), targets);
    let programs = names(&corpora().join("../fuzz_targets"));
    let programs = programs
        .iter()
        .map(|file| file.trim_end_matches(".rs").to_owned());
    assert_eq!(programs.collect::<BTreeSet<_>>(), targets);
}

/// Makes each target a test of its own, so that they run in parallel.
macro_rules! replayed {
    ($($story:ident: $target:literal,)*) => {
        $(
            #[test]
            fn $story() {
                replay($target);
            }
        )*
    };
}

replayed! {
    accepted_variables_are_complete_and_unambiguous: "configuration",
    a_query_reads_exactly_the_range_it_names: "cursor",
    a_gateway_event_touches_only_the_account_of_its_claims: "gateway_event",
    buyers_return_only_to_the_app: "return_url",
    a_signature_is_valid_for_one_body: "signature_header",
    decimal_text_loses_no_digit: "sparks_text",
    a_response_of_stripe_is_read_as_it_was_written: "stripe_answer",
    a_trace_context_is_taken_unchanged_or_not_at_all: "trace_context",
    an_accepted_usage_costs_the_sum_of_its_lines: "usage_body",
    a_webhook_reads_only_its_object_at_stripe: "webhook_event",
}
