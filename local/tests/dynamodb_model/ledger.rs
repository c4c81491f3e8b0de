//! Tests that the compared expressions include those of the ledger.

use std::path::Path;

use regex_lite::Regex;

/// The sources of the compared expressions.
const COMPARED: &str = concat!(
    include_str!("expressions.rs"),
    include_str!("queries.rs"),
    include_str!("sequences.rs")
);

/// The fewest expressions that the sources of `shared` have.
const FEWEST: usize = 60;

/// A text in a source, perhaps as the argument of a request's expression.
const TEXT: &str = r#"(_expression\(\s*)?(?:format!\(\s*)?"((?:[^"\\]|\\[\s\S])*)""#;

/// A text that can only be an expression, or a part of one.
const EXPRESSION: &str =
    r"^(SET|ADD|REMOVE) |attribute_(not_)?exists\(|begins_with\(|[=<>] :\w|BETWEEN :";

#[test]
fn every_expression_of_the_ledger_is_compared() {
    let [text, expression, comment] = [TEXT, EXPRESSION, r"(?m)^\s*//.*$"].map(regex);
    let (wrapped, placeholder) = (regex(r"\\\n\s*"), regex(r"\{[^}]*\}"));
    let mut found = 0;
    let mut missing = Vec::new();
    for source in sources(Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../shared/src"
    ))) {
        let source = comment.replace_all(&source, "");
        for captures in text.captures_iter(&source) {
            let literal = wrapped.replace_all(&captures[2], "");
            let is_whole = captures.get(1).is_some();
            if !is_whole && !expression.is_match(&literal) {
                continue;
            }
            found += 1;
            // The parts of a composed expression are somewhere in the list, since their order varies.
            let is_listed = if is_whole && !placeholder.is_match(&literal) {
                COMPARED.contains(&format!("\"{literal}\""))
            } else {
                placeholder
                    .split(&literal)
                    .all(|part| COMPARED.contains(part))
            };
            if !is_listed {
                missing.push(literal.into_owned());
            }
        }
    }
    assert!(missing.is_empty(), "not compared: {missing:#?}");
    assert!(found >= FEWEST, "only {found} expressions were found");
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap()
}

/// Returns the texts of all sources in a folder.
fn sources(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            texts.push(std::fs::read_to_string(path).unwrap());
        }
    }
    texts
}
