//! A name finds the same model in the table as in the source's engine. Its provider is the same, too.

use proptest::prelude::*;
use proptest::string::string_regex;
use shared::pricing::price_book::models;

use crate::{EXPRESSIONS, MODELS, NAMES, ours, theirs};

#[test]
fn every_name_of_the_source_finds_what_its_engine_finds() {
    assert!(NAMES.len() > 2_000, "{}", NAMES.len());
    for name in NAMES.iter() {
        assert_eq!(ours(name), theirs(name), "{name}");
    }
}

#[test]
fn every_id_of_the_table_is_a_key() {
    assert!(MODELS.len() > 500, "{}", MODELS.len());
    for id in MODELS.keys() {
        assert!(
            id.len() <= 64
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_graphic() && byte != b'#'),
            "{id}"
        );
    }
}

#[test]
fn an_id_finds_its_own_model_or_none() {
    let mut found = 0;
    for id in MODELS.keys() {
        if let Some(model) = models::find(id) {
            assert_eq!(model.id(), id);
            found += 1;
        }
    }
    assert!(found > 380, "{found}");
}

#[test]
fn a_provider_serving_the_same_model_at_another_price_has_another_id() {
    assert_eq!(models::find("gpt-oss-120b").unwrap().id(), "gpt-oss-120b");
    let fireworks = models::find("accounts/fireworks/models/gpt-oss-120b").unwrap();
    assert_eq!(
        (fireworks.id(), fireworks.provider()),
        ("fireworks/gpt-oss-120b", "fireworks")
    );
}

#[test]
fn a_name_that_is_not_printable_ascii_finds_nothing() {
    // The source's engine would find these, by their starts.
    for name in [
        "claude-2\u{e9}",
        "claude-2\n",
        "claude-2\u{0}",
        "\u{212a}imi-k2",
    ] {
        assert!(models::find(name).is_none(), "{name:?}");
    }
}

/// A name of the source, perhaps with something before or after it, or cut.
fn altered() -> impl Strategy<Value = String> {
    let before = prop::sample::select(vec![
        "",
        "",
        "",
        "x",
        "us.",
        "labs-",
        "x-ai/",
        "openai/",
        "accounts/fireworks/models/",
    ]);
    let after = prop_oneof![
        4 => prop::sample::select(vec![
            "", "", "-20251211", "-2025-12-11", "-20250230", "-20251211:free", "@20251211", "-latest", ":free",
            "-tts", "-tts-1", "-TTS", "-ttsx", "-preview", "[fast=true]", "[fast=false]", "-001",
        ]).prop_map(str::to_owned),
        1 => "[ -~]{0,12}",
    ];
    (
        prop::sample::select(NAMES.as_slice()),
        before,
        after,
        0..4_u8,
        any::<prop::sample::Index>(),
    )
        .prop_map(|(name, before, after, change, place)| match change {
            0 => format!("{before}{}{after}", name.to_uppercase()),
            1 => format!("{before}{}{after}", &name[..place.index(name.len() + 1)]),
            _ => format!("{before}{name}{after}"),
        })
}

/// A name that one of the regular expressions accepts, perhaps with one character changed.
fn expressed() -> impl Strategy<Value = String> {
    let samples = EXPRESSIONS.iter().map(|expression| {
        // Negative lookaheads are removed; the text that is added after the sample covers them.
        let sample = expression
            .replace(r"\d", "[0-9]")
            .replace("^(?![^/]+/)", "^")
            .replace("^(?!.*-[tT][tT][sS](?:$|-))", "^");
        let sample = sample.trim_start_matches('^').trim_end_matches('$');
        string_regex(sample).unwrap().boxed()
    });
    let samples = prop::strategy::Union::new(samples);
    (
        samples,
        "[ -~]{0,3}",
        any::<prop::sample::Index>(),
        "[ -~]",
        any::<bool>(),
    )
        .prop_map(|(name, after, place, other, change)| {
            let mut name = format!("{name}{after}");
            if change && !name.is_empty() {
                let place = place.index(name.len());
                name.replace_range(place..=place, &other);
            }
            name
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn an_altered_name_finds_what_the_engine_finds(name in altered()) {
        prop_assert_eq!(ours(&name), theirs(&name));
    }

    #[test]
    fn a_name_by_an_expression_finds_what_the_engine_finds(name in expressed()) {
        prop_assert_eq!(ours(&name), theirs(&name));
    }

    #[test]
    fn any_text_finds_what_the_engine_finds(name in "[ -~]{0,24}") {
        prop_assert_eq!(ours(&name), theirs(&name));
    }
}
