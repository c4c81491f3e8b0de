//! The rooms of the sources: no circle of imports, and few files in each folder.
//!
//! The folders of `shared/src` have an order as well: they import downwards.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex_lite::Regex;

/// The sources whose folders are checked.
const SOURCES: [&str; 4] = ["shared/src", "local/src", "cli/src", "tests/src"];

/// The source whose folders have an order.
const CORE: &str = "shared/src";

/// Parts of one folder that still import each other, after their folder.
const CIRCLES: [(&str, &str); 2] = [
    ("tests/src/live_check", "account recorder script"),
    (
        "tests/src/simulation",
        "auditor banks buyers flows operator plan",
    ),
];

/// Most files in one folder.
const MOST_FILES: usize = 15;

/// Folders that still hold more.
const CROWDED: [&str; 1] = ["tests/src/simulation"];

/// A module's path from the crate's root, and the modules that its code names.
type Modules = BTreeMap<String, BTreeSet<String>>;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
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

/// The modules of a source, each with the modules it names. It names them by `crate::…` or `super::…`, through
/// re-exports as well.
fn modules(source: &str) -> Modules {
    let source = project().join(source);
    let texts: BTreeMap<String, String> = files(&source)
        .into_iter()
        .map(|path| {
            let below = path.strip_prefix(&source).expect("below the source");
            let module = below
                .with_extension("")
                .to_string_lossy()
                .replace('/', "::");
            let text = std::fs::read_to_string(path).expect("a file");
            (module, code(&text))
        })
        .filter(|(module, _)| module != "lib")
        .collect();
    let exports = exports(&texts);
    let resolved = |path: &String| {
        let path = exports.get(path).unwrap_or(path);
        longest(&texts, path)
    };
    let named = texts.iter().map(|(module, text)| {
        let named = paths(module, text);
        (module.clone(), named.iter().filter_map(resolved).collect())
    });
    named.collect()
}

/// The names that a module exports from its own parts, by their path. Each comes with the part that has it.
fn exports(texts: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let export = Regex::new(r"(?m)^pub(?:\(\w+\))? use ([a-z_]+)::(?:\{([^;]*)\}|(\w+));").unwrap();
    let mut found = BTreeMap::new();
    for (module, text) in texts {
        for exported in export.captures_iter(text) {
            let part = format!("{module}::{}", &exported[1]);
            let names = exported
                .get(2)
                .or(exported.get(3))
                .expect("a name")
                .as_str();
            for name in names
                .split(',')
                .map(str::trim)
                .filter(|name| !name.is_empty())
            {
                found.insert(format!("{module}::{name}"), part.clone());
            }
        }
    }
    found
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
    let path = Regex::new(r"\b(crate|super(?:::super)*)((?:::\w+)*)(?:::\{([^;]*?)\};)?").unwrap();
    let mut found = Vec::new();
    for named in path.captures_iter(text) {
        let ups = named[1].matches("super").count();
        let mut base: Vec<&str> = module.split("::").collect();
        let left = if ups == 0 {
            0
        } else {
            base.len().saturating_sub(ups)
        };
        base.truncate(left);
        base.extend(named[2].split("::").filter(|name| !name.is_empty()));
        let base = base.join("::");
        match named.get(3) {
            Some(group) => expand(&base, group.as_str(), &mut found),
            None => found.push(base),
        }
    }
    found
}

/// Adds the paths of a group in braces, which may have groups in it.
fn expand(base: &str, group: &str, found: &mut Vec<String>) {
    let (mut depth, mut name) = (0, String::new());
    for letter in group.chars().chain([',']) {
        match letter {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if letter != ',' || depth > 0 {
            name.push(letter);
            continue;
        }
        let whole = std::mem::take(&mut name);
        match whole.trim().split_once("::{") {
            Some((inner, rest)) => {
                let rest = rest.strip_suffix('}').unwrap_or(rest);
                expand(&format!("{base}::{inner}"), rest, found);
            }
            None if whole.trim().is_empty() => {}
            None => found.push(
                format!("{base}::{}", whole.trim())
                    .trim_start_matches("::")
                    .to_owned(),
            ),
        }
    }
}

/// The longest module that a path begins with.
fn longest(known: &BTreeMap<String, String>, path: &str) -> Option<String> {
    let mut path = path;
    loop {
        if known.contains_key(path) {
            return Some(path.to_owned());
        }
        path = path.rsplit_once("::")?.0;
    }
}

/// The folders from the top, as the crate's documentation lists them.
fn floors() -> Vec<String> {
    let listed = Regex::new(r"(?m)^//! - \[`([a-z_]+)`\]").unwrap();
    let text = std::fs::read_to_string(project().join(CORE).join("lib.rs")).expect("lib.rs");
    let floors = listed.captures_iter(&text).map(|one| one[1].to_owned());
    floors.collect()
}

/// The imports between the parts of each folder of a source.
fn arrows(source: &str) -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut arrows: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for (module, named) in modules(source) {
        for other in named {
            let (one, other): (Vec<&str>, Vec<&str>) =
                (module.split("::").collect(), other.split("::").collect());
            let shared = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
            // A parent and its own part may name each other.
            if let (Some(from), Some(to)) = (one.get(shared), other.get(shared)) {
                let folder = [&[source], &one[..shared]].concat().join("/");
                let folder = arrows.entry(folder).or_default();
                folder.insert(((*from).to_owned(), (*to).to_owned()));
            }
        }
    }
    arrows
}

/// The circles among imports, each as its parts in alphabetical order.
fn circles(arrows: &BTreeSet<(String, String)>) -> BTreeSet<String> {
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
    // A part in a circle reaches itself.
    let within = reach.iter().filter(|(from, to)| from == to);
    let circles = within.map(|(part, _)| {
        let back = |other: &str| reach.contains(&(other.to_owned(), part.clone()));
        let from_it = reach.iter().filter(|(from, to)| from == part && back(to));
        let parts: Vec<&str> = from_it.map(|(_, to)| to.as_str()).collect();
        parts.join(" ")
    });
    circles.collect()
}

#[test]
fn folders_import_downwards() {
    let (floors, mut arrows) = (floors(), 0);
    let floor = |module: &str| {
        let room = module.split("::").next().unwrap_or_default();
        let found = floors.iter().position(|floor| floor == room);
        found.unwrap_or_else(|| panic!("lib.rs lists no `{room}`"))
    };
    for (module, named) in modules(CORE) {
        for other in named {
            assert!(
                floor(&other) >= floor(&module),
                "{module} imports {other}, which is above it"
            );
            arrows += usize::from(floor(&other) > floor(&module));
        }
    }
    assert!(arrows > 200, "{arrows} imports were found");
}

#[test]
fn parts_of_a_folder_do_not_import_each_other_in_a_circle() {
    let mut found = Vec::new();
    for source in SOURCES {
        let arrows = arrows(source);
        assert!(!arrows.is_empty(), "{source} has no imports");
        for (folder, arrows) in arrows {
            let circles = circles(&arrows).into_iter();
            found.extend(circles.map(|circle| (folder.clone(), circle)));
        }
    }
    let listed = CIRCLES.map(|(folder, parts)| (folder.to_owned(), parts.to_owned()));
    assert_eq!(found, listed);
}

#[test]
fn a_folder_is_small_enough_to_know_by_heart() {
    let mut folders: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for file in SOURCES
        .iter()
        .flat_map(|source| files(&project().join(source)))
    {
        let folder = file.parent().expect("a folder");
        let folder = folder.strip_prefix(project()).expect("below the project");
        *folders.entry(folder.to_owned()).or_default() += 1;
    }
    folders.retain(|_, files| *files > MOST_FILES);
    let crowded: Vec<&Path> = folders.keys().map(PathBuf::as_path).collect();
    assert_eq!(crowded, CROWDED.map(Path::new));
}
