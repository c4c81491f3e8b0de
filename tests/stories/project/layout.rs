//! The layout of the sources: the core imports downwards, and no folder has a circle of imports or a crowd of files.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use regex_lite::Regex;

/// The sources that are checked.
const SOURCES: [&str; 4] = ["shared/src", "cli/src", "local/src", "tests/src"];

/// Most files in one folder.
const MOST_FILES: usize = 15;

/// A module's path from the crate's root, and the modules that its code names.
type Modules = BTreeMap<String, BTreeSet<String>>;

fn root() -> PathBuf {
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

/// The modules of a crate, each with the modules it names. It names them by `crate::…` or `super::…`, through
/// re-exports as well.
fn modules(source: &Path) -> Modules {
    let texts: BTreeMap<String, String> = files(source)
        .into_iter()
        .map(|path| {
            let below = path.strip_prefix(source).expect("below the source");
            let module = below
                .with_extension("")
                .to_string_lossy()
                .replace('/', "::");
            let text = std::fs::read_to_string(path).expect("a file");
            (module, code(&text))
        })
        .filter(|(module, _)| module != "lib" && module != "main" && !module.starts_with("bin::"))
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
    let text = std::fs::read_to_string(root().join("shared/src/lib.rs")).expect("lib.rs");
    let floors = listed.captures_iter(&text).map(|one| one[1].to_owned());
    floors.collect()
}

#[test]
fn folders_import_downwards() {
    let (floors, mut arrows) = (floors(), 0);
    let floor = |module: &str| {
        let room = module.split("::").next().unwrap_or_default();
        let found = floors.iter().position(|floor| floor == room);
        found.unwrap_or_else(|| panic!("lib.rs lists no `{room}`"))
    };
    for (module, named) in modules(&root().join("shared/src")) {
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
    for source in SOURCES {
        assert_eq!(circles(&modules(&root().join(source))), [], "{source}");
    }
}

/// Pairs of parts of one folder that import each other, each after their folder.
fn circles(modules: &Modules) -> Vec<(String, String, String)> {
    let mut folders: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for (module, named) in modules {
        for other in named {
            let (one, other): (Vec<&str>, Vec<&str>) =
                (module.split("::").collect(), other.split("::").collect());
            let shared = one.iter().zip(&other).take_while(|(a, b)| a == b).count();
            // A parent and its own part may name each other.
            if let (Some(from), Some(to)) = (one.get(shared), other.get(shared)) {
                let folder = folders.entry(one[..shared].join("::")).or_default();
                folder.insert(((*from).to_owned(), (*to).to_owned()));
            }
        }
    }
    let mut found = Vec::new();
    for (folder, arrows) in folders {
        let reach = reach(&arrows);
        let both = reach
            .iter()
            .filter(|(from, to)| from < to && reach.contains(&(to.clone(), from.clone())));
        found.extend(both.map(|(from, to)| (folder.clone(), from.clone(), to.clone())));
    }
    found
}

/// Each part with each one that it imports, directly or through others.
fn reach(arrows: &BTreeSet<(String, String)>) -> BTreeSet<(String, String)> {
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
            return reach;
        }
    }
}

#[test]
fn a_folder_is_small_enough_to_know_by_heart() {
    let mut folders: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for file in SOURCES
        .iter()
        .flat_map(|source| files(&root().join(source)))
    {
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
