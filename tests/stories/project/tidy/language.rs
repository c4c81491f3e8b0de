//! Rules of the language of comments and documents.

use regex_lite::Regex;

use super::files;

/// Words that hide who acts. Comments and documents name the caller, the customer, the operator or the outbox.
const HIDES_THE_ACTOR: [&str; 12] = [
    "somebody",
    "nobody",
    "anybody",
    "whoever",
    "is told",
    "are told",
    "was told",
    "were told",
    "is asked",
    "are asked",
    "was asked",
    "comes to nothing",
];

#[test]
fn comments_and_documents_name_the_actor() {
    let comments = |text: &str| -> Vec<String> {
        let lines = text.lines().map(str::trim_start);
        let lines = lines.filter(|line| line.starts_with("//"));
        lines.map(str::to_lowercase).collect()
    };
    let code = files("", &[".rs"]).into_iter();
    let code = code.map(|(name, text)| (name, comments(&text)));
    let documents = files("", &[".md"]).into_iter();
    let documents = documents.map(|(name, text)| (name, vec![text.to_lowercase()]));
    for (name, texts) in code.chain(documents) {
        for word in HIDES_THE_ACTOR {
            let found = texts.iter().find(|text| text.contains(word));
            assert_eq!(found, None, "{name} says `{word}`");
        }
    }
}

#[test]
fn doc_comments_begin_with_a_noun_or_a_verb() {
    let question = Regex::new(r"^//[/!] (What|How|Whether|Where|Why|When|Who|Whose)\b").unwrap();
    for (name, text) in files("", &[".rs"]) {
        let mut before = "";
        for line in text.lines().map(str::trim_start) {
            let begins = !before.starts_with("///") && !before.starts_with("//!");
            assert!(
                !(begins && question.is_match(line)),
                "{name} begins a doc comment with a question: {line}"
            );
            before = line;
        }
    }
}

/// Returns the first sentence of each doc comment. A full stop, a list or an empty line ends it.
fn first_sentences(text: &str) -> Vec<String> {
    let comment = Regex::new(r"(?m)(?:^ *//[/!](?: .*)?\n)+").unwrap();
    let goes_on = |line: &&str| !(line.is_empty() || line.starts_with(['-', '|']));
    let first = |comment: &str| {
        let lines = comment.lines().map(|line| line.trim_start()[3..].trim());
        let paragraph = lines.take_while(goes_on).collect::<Vec<_>>().join(" ");
        paragraph.split(". ").next().unwrap_or_default().to_owned()
    };
    let comments = comment.find_iter(text);
    comments.map(|found| first(found.as_str())).collect()
}

#[test]
fn first_sentences_have_at_most_fifteen_words() {
    let code =
        "//! One\n//! or two. And more.\n\n    /// Three:\n    /// - a list\n    fn three() {}\n";
    assert_eq!(first_sentences(code), ["One or two", "Three:"]);
    let mut counted = 0;
    for under in ["shared", "functions", "cli"] {
        for (name, text) in files(under, &[".rs"]) {
            for sentence in first_sentences(&text) {
                let words = sentence.split_whitespace().count();
                assert!(words <= 15, "{name} begins with {words} words: {sentence}");
                counted += 1;
            }
        }
    }
    assert!(counted > 2_500, "{counted} sentences");
}
