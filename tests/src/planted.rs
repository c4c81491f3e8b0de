//! The mistakes to plant, as `tests/planted/bugs.yaml` lists them.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A plausible mistake.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bug {
    /// Its name.
    pub name: String,
    /// The rule that it breaks.
    pub breaks: String,
    /// The places where it is made.
    pub places: Vec<Place>,
}

/// A place of a mistake in the project.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The file.
    pub file: String,
    /// The original text, which occurs exactly once.
    pub find: String,
    /// The text that replaces it.
    pub plant: String,
}

/// Returns a file's text with all mistakes in it.
pub fn plant(bugs: &[Bug], file: &str, text: String) -> Result<String, String> {
    let mut planted = text;
    for Bug { name, places, .. } in bugs {
        for place in places.iter().filter(|place| place.file == file) {
            let (find, plant) = (place.find.trim_end(), place.plant.trim_end());
            let found = planted.matches(find).count();
            if found != 1 {
                return Err(format!(
                    "the `find` of `{name}` occurs {found} times in {file}"
                ));
            }
            if !plant.contains(&format!("planted::is(\"{name}\")")) {
                return Err(format!(
                    "the `plant` of `{name}` in {file} does not ask for its switch"
                ));
            }
            planted = planted.replace(find, plant);
        }
    }
    Ok(planted)
}

/// Returns all mistakes.
///
/// # Panics
/// Panics if their list cannot be read.
pub fn all() -> Vec<Bug> {
    let list = project().join("tests/planted/bugs.yaml");
    let list = std::fs::read_to_string(list).expect("the list of mistakes");
    serde_yaml_ng::from_str(&list).expect("a list of mistakes")
}

/// Returns the project's folder.
pub fn project() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("a project").to_owned()
}
