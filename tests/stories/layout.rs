//! The rooms of `shared/src`: folders import downwards, and no folder's parts import each other in a circle.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex_lite::Regex;

/// Pairs of parts of one folder that still import each other, by their folder.
const CIRCLES: [(&str, &str, &str); 0] = [];

/// Most files in one folder.
const MOST_FILES: usize = 15;

/// A module's path from the crate's root, and the modules that its code names.
type Modules = BTreeMap<String, BTreeSet<String>>;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/src")
}

/// Every Rust file below a folder, tests left out.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs")
            && !path.ends_with("tests.rs")
        {
            found.push(path);
        }
    }
    found
}

/// The modules of the core, each with the modules it names by `crate::…` or `super::…`.
fn modules() -> Modules {
    let texts: BTreeMap<String, String> = files(&source())
        .into_iter()
        .map(|path| {
            let below = path.strip_prefix(source()).expect("below the source");
            let module = below
                .with_extension("")
                .to_string_lossy()
                .replace('/', "::");
            (
                module,
                code(&std::fs::read_to_string(path).expect("a file")),
            )
        })
        .filter(|(module, _)| module != "lib")
        .collect();
    let known: BTreeSet<&str> = texts.keys().map(String::as_str).collect();
    let named = texts.iter().map(|(module, text)| {
        let named = paths(module, text);
        let named = named.iter().filter_map(|path| longest(&known, path));
        (module.clone(), named.map(str::to_owned).collect())
    });
    named.collect()
}

/// Code without comments and unit tests.
fn code(text: &str) -> String {
    let production = text.split("#[cfg(test)]").next().unwrap_or_default();
    let lines = production.lines();
    let lines = lines.filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// The paths that a module's code names, from the crate's root.
fn paths(module: &str, text: &str) -> Vec<String> {
    let path =
        Regex::new(r"\b(crate|super(?:::super)*)::(\{[^;]*\}|[a-z_]+(?:::[a-z_]+)*)").unwrap();
    let first = Regex::new(r"(?:^|[{,]\s*)([a-z_]+(?:::[a-z_]+)*)").unwrap();
    let inner = Regex::new(r"::\{[^{}]*\}").unwrap();
    let mut found = Vec::new();
    for named in path.captures_iter(text) {
        let ups = named[1].matches("super").count();
        let mut base: Vec<&str> = module.split("::").collect();
        base.truncate(if ups == 0 {
            0
        } else {
            base.len().saturating_sub(ups)
        });
        let rest = inner.replace_all(&named[2], "").into_owned();
        let rest = rest.trim_end_matches('}').to_owned();
        for one in first.captures_iter(&rest) {
            let whole = base.iter().copied().chain(one[1].split("::"));
            found.push(whole.collect::<Vec<_>>().join("::"));
        }
    }
    found
}

/// The longest module that a path begins with.
fn longest<'a>(known: &BTreeSet<&'a str>, path: &str) -> Option<&'a str> {
    let mut path = path;
    loop {
        if let Some(module) = known.get(path) {
            return Some(module);
        }
        path = path.rsplit_once("::")?.0;
    }
}

/// The folders from the top, as the crate's documentation lists them.
fn floors() -> Vec<String> {
    let listed = Regex::new(r"(?m)^//! - \[`([a-z_]+)`\]").unwrap();
    let text = std::fs::read_to_string(source().join("lib.rs")).expect("lib.rs");
    let floors = listed.captures_iter(&text).map(|one| one[1].to_owned());
    floors.collect()
}

#[test]
fn folders_import_downwards() {
    let floors = floors();
    let floor = |module: &str| {
        let room = module.split("::").next().unwrap_or_default();
        let found = floors.iter().position(|floor| floor == room);
        found.unwrap_or_else(|| panic!("lib.rs lists no `{room}`"))
    };
    for (module, named) in modules() {
        for other in named {
            assert!(
                floor(&other) >= floor(&module),
                "{module} imports {other}, which is above it"
            );
        }
    }
}

#[test]
fn parts_of_a_folder_do_not_import_each_other_in_a_circle() {
    let mut arrows: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for (module, named) in modules() {
        for other in named {
            let (one, other): (Vec<&str>, Vec<&str>) =
                (module.split("::").collect(), other.split("::").collect());
            let shared = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
            // A parent and its own part may name each other.
            if let (Some(from), Some(to)) = (one.get(shared), other.get(shared)) {
                let folder = arrows.entry(one[..shared].join("::")).or_default();
                folder.insert(((*from).to_owned(), (*to).to_owned()));
            }
        }
    }
    let mut circles = Vec::new();
    for (folder, arrows) in arrows {
        let mut reach = arrows.clone();
        loop {
            let further: BTreeSet<_> = reach
                .iter()
                .flat_map(|(from, via)| {
                    let steps = arrows.iter().filter(move |(at, _)| at == via);
                    steps.map(move |(_, to)| (from.clone(), to.clone()))
                })
                .collect();
            let before = reach.len();
            reach.extend(further);
            if reach.len() == before {
                break;
            }
        }
        let both = reach
            .iter()
            .filter(|(from, to)| from < to && reach.contains(&(to.clone(), from.clone())));
        circles.extend(both.map(|(from, to)| (folder.clone(), from.clone(), to.clone())));
    }
    let listed =
        CIRCLES.map(|(folder, one, two)| (folder.to_owned(), one.to_owned(), two.to_owned()));
    assert_eq!(circles, listed);
}

#[test]
fn a_folder_is_small_enough_to_know_by_heart() {
    let mut folders: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for file in files(&source()) {
        *folders
            .entry(file.parent().expect("a folder").to_owned())
            .or_default() += 1;
    }
    for (folder, files) in folders {
        assert!(
            files <= MOST_FILES,
            "{} holds {files} files",
            folder.display()
        );
    }
}
