//! Every file that was ever worth keeping for a fuzzing target, and what is close to it, breaks no rule.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use fuzzing::{TARGETS, Target};

/// Up to this many bytes, each byte of a file is changed once.
const SHORT: usize = 64;

/// How many places of a longer file are changed, and at how many lengths it is cut.
const PLACES: usize = 8;

fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus")
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder);
    let entries = entries.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// Gives a target each of its files, whole, cut, and with one byte changed.
fn replay(name: &str) {
    let target: Target = TARGETS.iter().find(|(known, _)| *known == name).unwrap().1;
    let folder = corpora().join(name);
    let files = names(&folder);
    assert!(!files.is_empty(), "nothing is kept for {name}");
    for file in files {
        let bytes = std::fs::read(folder.join(&file)).unwrap();
        let held = std::panic::catch_unwind(|| {
            target(&bytes);
            neighbours(&bytes, target);
        });
        assert!(
            held.is_ok(),
            "{name}/{file}, or what is close to it, breaks a rule"
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
fn every_target_has_a_program_and_a_corpus_and_nothing_else_has() {
    let targets: BTreeSet<String> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names(&corpora()), targets);
    let programs = names(&corpora().join("../fuzz_targets"));
    let programs = programs
        .iter()
        .map(|file| file.trim_end_matches(".rs").to_owned());
    assert_eq!(programs.collect::<BTreeSet<_>>(), targets);
}

/// Each target is a story of its own, so that they run side by side.
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
    variables_mean_what_they_seem_to: "configuration",
    a_query_asks_the_table_for_what_it_says: "cursor",
    an_event_touches_the_account_of_its_claims_alone: "gateway_event",
    buyers_are_sent_back_to_the_app_alone: "return_url",
    a_signature_is_of_one_body: "signature_header",
    decimal_text_loses_no_digit: "sparks_text",
    an_answer_of_stripe_means_what_it_says: "stripe_answer",
    a_trace_is_taken_as_it_is_or_not_at_all: "trace_context",
    a_body_that_is_taken_costs_what_its_lines_come_to: "usage_body",
    an_event_of_stripe_leads_to_its_object_alone: "webhook_event",
}
