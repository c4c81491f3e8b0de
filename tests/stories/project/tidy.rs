//! Small rules that keep the repository in order. Each is held by a look at its files.

mod language;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use local::template::Template;
use regex_lite::Regex;

/// Files that are generated, fetched or not ours.
const NOT_OURS: [&str; 11] = [
    ".aws-sam",
    ".git",
    ".local",
    ".tools",
    "Cargo.lock",
    "built",
    "dist",
    "node_modules",
    "proptest-regressions",
    "samconfig.toml",
    "target",
];

/// Words of a workplace, cut in two so that this file has none of them.
const WORKPLACE: [(&str, &str); 8] = [
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("../sha", "red/reference"),
    ("DESI", "GN.md"),
    ("this ses", "sion"),
    ("sub", "agent"),
    ("crates", ".io"),
    ("pypi", ".org"),
];

/// Variables that Lambda sets by itself, or that only the local stack needs.
const NOT_OF_THE_TEMPLATE: [&str; 6] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_ENDPOINT_URL_DYNAMODB",
    "AWS_ENDPOINT_URL_SSM",
    "AWS_REGION",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
];

/// A file and a function have fewer lines than these, comments included.
const LINES_OF_A_FILE: usize = 400;
const LINES_OF_A_FUNCTION: usize = 70;

/// The generated price table, which is as long as there are models.
const GENERATED: &str = "shared/src/pricing/price_book/table.rs";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Files under a folder with one of these endings, by their path from the root.
fn files(under: &str, endings: &[&str]) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root().join(under)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            if NOT_OURS.contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if endings.iter().any(|ending| name.ends_with(ending)) {
                let shown = path
                    .strip_prefix(root())
                    .expect("under the root")
                    .to_string_lossy()
                    .into_owned();
                // What is not text has no words.
                found.insert(shown, std::fs::read_to_string(&path).unwrap_or_default());
            }
        }
    }
    assert!(
        !found.is_empty(),
        "nothing under {under:?} ends with {endings:?}"
    );
    found
}

/// Code without its comments and its tests.
fn code(text: &str) -> String {
    let production = text.split("#[cfg(test)]").next().unwrap_or_default();
    production
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn every_module_begins_by_saying_what_it_is() {
    for (name, text) in files("", &[".rs"]) {
        assert!(
            text.starts_with("//! "),
            "{name} has no `//!` in its first line"
        );
    }
}

/// Returns each function of formatted code with its number of lines. Its last brace is below its first letter.
fn functions(text: &str) -> Vec<(&str, usize)> {
    let begins = r"^( *)(?:pub(?:\([a-z: ]+\))? )?(?:const |async |unsafe )*fn (\w+)";
    let begins = Regex::new(begins).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(begin) = begins.captures(line) else {
            continue;
        };
        let last = format!("{}}}", &begin[1]);
        let is_last = |line: &&str| **line == *last;
        let lines = if line.ends_with(['}', ';']) {
            1
        } else {
            2 + lines[number + 1..]
                .iter()
                .position(is_last)
                .expect("an end")
        };
        found.push((begin.get(2).expect("a name").as_str(), lines));
    }
    found
}

#[test]
fn a_file_and_a_function_are_short() {
    let long =
        "pub(super) async fn long(\n    one: u8,\n) {\n    if one {\n    }\n}\nfn short() {}\n";
    assert_eq!(functions(long), [("long", 6), ("short", 1)]);
    let (mut too_long, mut counted) = (Vec::new(), 0);
    for (name, text) in files("", &[".rs"]) {
        let lines = text.lines().count();
        if lines >= LINES_OF_A_FILE && name != GENERATED {
            too_long.push(format!("{name} has {lines} lines"));
        }
        for (function, lines) in functions(&text) {
            counted += 1;
            if lines >= LINES_OF_A_FUNCTION {
                too_long.push(format!("`{function}` in {name} has {lines} lines"));
            }
        }
    }
    assert!(counted > 4_000, "{counted} functions");
    assert!(too_long.is_empty(), "{too_long:#?}");
}

/// A function's program starts it, and its library names its systems and routes. Neither decides anything.
#[test]
fn the_start_and_the_routes_of_each_function_fit_a_glance() {
    let mut counted = 0;
    for (name, text) in files("functions", &[".rs"]) {
        let limit = match name.rsplit('/').next() {
            Some("main.rs") => 20,
            Some("lib.rs") => 40,
            _ => continue,
        };
        counted += 1;
        let lines = text.lines().count();
        assert!(lines <= limit, "{name} has {lines} lines");
    }
    assert!(counted >= 14, "{counted} files");
}

#[test]
fn no_file_speaks_of_where_it_was_written() {
    for (name, text) in files("", &[""]) {
        for (one, two) in WORKPLACE {
            assert!(
                !text.contains(&format!("{one}{two}")),
                "{name} says {one}{two}"
            );
        }
    }
}

#[test]
fn no_float_is_near_money() {
    let float = Regex::new(r"\bf(32|64)\b").unwrap();
    for under in ["shared/src", "functions", "cli"] {
        for (name, text) in files(under, &[".rs"]) {
            let found = text.lines().find(|line| float.is_match(line));
            assert_eq!(found, None, "{name}");
        }
    }
}

/// The one sleep of a test. It waits for nothing: it picks a random moment for a kill.
const SLEEP: [&str; 1] = ["tests/stories/faults/crash.rs"];

#[test]
fn no_test_sleeps_or_is_ignored() {
    let wait = Regex::new(r"\b(tokio::time|thread)::sleep\(|#\[ignore").unwrap();
    let sources = [
        "tests",
        "local/tests",
        "prices/tests",
        "shared/src",
        "cli",
        "functions",
    ];
    let mut found: Vec<String> = Vec::new();
    for (name, text) in sources.iter().flat_map(|under| files(under, &[".rs"])) {
        let tests = if name.contains("/src/") && !name.ends_with("tests.rs") {
            text.split_once("#[cfg(test)]")
                .map_or("", |(_, tests)| tests)
        } else {
            &text
        };
        if wait.is_match(tests) && !name.ends_with("tidy.rs") {
            found.push(name);
        }
    }
    assert_eq!(found, SLEEP);
}

#[test]
fn every_event_is_of_use() {
    let mut mentions: Vec<String> = files("", &[".rs"]).into_values().collect();
    mentions.push(read("docs/local.md"));
    for name in files("events", &[".json"]).keys() {
        assert!(
            mentions.iter().any(|text| text.contains(name.as_str())),
            "nothing uses {name}"
        );
    }
}

/// The variables that the one reader of the environment reads.
fn variables() -> BTreeSet<String> {
    let variable = Regex::new(r#""([A-Z][A-Z0-9_]{2,})""#).unwrap();
    let files = [
        "shared/src/process/config.rs",
        "shared/src/process/config/table.rs",
    ];
    let code: String = files.iter().map(|file| code(&read(file))).collect();
    let found: BTreeSet<String> = variable
        .captures_iter(&code)
        .map(|found| secret(&found[1]))
        .collect();
    assert!(found.contains("TABLE_NAME"), "{found:?}");
    found
}

/// A secret is given by itself, or by its parameter's name.
fn secret(variable: &str) -> String {
    variable.trim_end_matches("_PARAMETER").to_owned()
}

#[test]
fn every_variable_is_given_by_the_template_and_every_given_one_is_read() {
    let template = Template::of_the_project(&Template::local_parameters()).unwrap();
    let given = template
        .functions
        .into_values()
        .flat_map(|function| function.variables);
    let given: BTreeSet<String> = given.map(|variable| secret(&variable)).collect();
    let mut read = variables();
    read.retain(|name| !NOT_OF_THE_TEMPLATE.contains(&name.as_str()));
    assert_eq!(read, given);
}

#[test]
fn every_variable_is_documented() {
    let page = read("docs/configuration.md");
    for name in variables() {
        assert!(
            page.contains(&format!("`{name}`")),
            "docs/configuration.md does not explain {name}"
        );
    }
}

#[test]
fn every_alarm_is_explained_where_it_leads() {
    let (template, operations) = (read("template.yaml"), read("docs/operations.md"));
    let alarm = Regex::new(r"AlarmDescription: .* docs/operations\.md#([a-z-]+)\n").unwrap();
    let alarms: Vec<&str> = alarm
        .captures_iter(&template)
        .map(|found| found.get(1).expect("an anchor").as_str())
        .collect();
    let all = template.matches("Type: AWS::CloudWatch::Alarm").count();
    assert_eq!(alarms.len(), all, "an alarm has no link");
    assert!(all > 5, "{all} alarms");
    for anchor in alarms {
        let heading = format!("\n### {anchor}\n");
        assert!(
            operations.contains(&heading),
            "docs/operations.md lacks {anchor}"
        );
    }
}

#[test]
fn every_metric_that_an_alarm_looks_at_is_one_that_is_counted() {
    let metrics = read("shared/src/process/telemetry/metric.rs");
    let looked_at = Regex::new(r"Namespace: Sparks\n\s+MetricName: (\S+)\n").unwrap();
    let template = read("template.yaml");
    let names: Vec<&str> = looked_at
        .captures_iter(&template)
        .map(|found| found.get(1).expect("a name").as_str())
        .collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        // The metrics of a sink end in its name.
        let of_sinks = name
            .replace(".langfuse", ".{sink}")
            .replace(".stripe", ".{sink}");
        assert!(metrics.contains(&format!("\"{of_sinks}\"")), "{name}");
    }
}

#[test]
fn every_file_that_a_document_names_exists() {
    let link = Regex::new(r"\]\(([^)#:]+)(?:#[^)]*)?\)").unwrap();
    let path = Regex::new(r"`([a-z_/-]+\.(?:json|md|rs|toml|txt|yaml))`").unwrap();
    // A document names a file from the root, from `shared/src` or from `tests`.
    let folders = [root(), root().join("shared/src"), root().join("tests")];
    let (mut links, mut paths) = (0, 0);
    for (name, text) in files("", &[".md"]) {
        let folder = root().join(&name).parent().expect("a folder").to_owned();
        for found in link.captures_iter(&text) {
            assert!(
                folder.join(&found[1]).exists(),
                "{name} links to {}",
                &found[1]
            );
            links += 1;
        }
        for found in path.captures_iter(&text) {
            let exists = folders.iter().any(|folder| folder.join(&found[1]).exists());
            assert!(exists, "{name} names {}", &found[1]);
            paths += 1;
        }
    }
    assert!(links > 80 && paths > 250, "{links} links, {paths} paths");
}

/// Returns the anchors that GitHub gives to the headings of a document.
fn anchors(text: &str) -> BTreeSet<String> {
    let outside_of_code = text.split("```").step_by(2).flat_map(str::lines);
    let headings = outside_of_code.filter(|line| line.starts_with('#'));
    let dropped = |letter: char| !letter.is_alphanumeric() && !"_- ".contains(letter);
    headings
        .map(|line| line.trim_start_matches('#').trim().to_lowercase())
        .map(|heading| heading.replace(dropped, "").replace(' ', "-"))
        .collect()
}

#[test]
fn every_anchor_that_a_document_links_to_is_a_heading() {
    let document = "# Two `words`, once\n```sh\n# no heading\n```\n";
    assert_eq!(
        anchors(document),
        BTreeSet::from(["two-words-once".to_owned()])
    );
    let link = Regex::new(r"\]\(([^)#:]*)#([^)]+)\)").unwrap();
    let mut links = 0;
    for (name, text) in files("", &[".md"]) {
        for found in link.captures_iter(&text) {
            let linked = match &found[1] {
                "" => text.clone(),
                other => read(&Path::new(&name).with_file_name(other).to_string_lossy()),
            };
            assert!(
                anchors(&linked).contains(&found[2]),
                "{name} links to {}",
                &found[0]
            );
            links += 1;
        }
    }
    assert!(links > 40, "{links} links");
}
