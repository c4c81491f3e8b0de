//! Mistakes to be planted, as `tests/planted/bugs.yaml` lists them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A mistake that somebody could make.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bug {
    /// What it is called.
    pub name: String,
    /// The rule that it breaks.
    pub breaks: String,
    /// Where it is made.
    pub places: Vec<Place>,
}

/// A place in the project at which a mistake is made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The file.
    pub file: String,
    /// What is there, exactly once.
    pub find: String,
    /// What takes its place.
    pub plant: String,
}

/// A file's text with all mistakes in it.
pub fn plant(bugs: &[Bug], file: &str, text: String) -> Result<String, String> {
    let mut planted = text;
    for Bug { name, places, .. } in bugs {
        for place in places.iter().filter(|place| place.file == file) {
            let (find, plant) = (place.find.trim_end(), place.plant.trim_end());
            let found = planted.matches(find).count();
            if found != 1 {
                return Err(format!(
                    "`{name}` looks for what is in {file} {found} times"
                ));
            }
            if !plant.contains(&format!("planted::is(\"{name}\")")) {
                return Err(format!(
                    "`{name}` does not ask in {file} whether it is made"
                ));
            }
            planted = planted.replace(find, plant);
        }
    }
    Ok(planted)
}

/// All mistakes.
///
/// # Panics
/// When their list cannot be read.
pub fn all() -> Vec<Bug> {
    let list = project().join("tests/planted/bugs.yaml");
    let list = std::fs::read_to_string(list).expect("the list of mistakes");
    serde_yaml_ng::from_str(&list).expect("a list of mistakes")
}

/// Where the project is.
pub fn project() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("a project").to_owned()
}
