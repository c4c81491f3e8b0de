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
    pub file: String,
    /// What is there, exactly once.
    pub find: String,
    /// What takes its place.
    pub plant: String,
}

impl Bug {
    /// A file's text with the mistake in it.
    pub fn plant(&self, text: &str) -> Result<String, String> {
        let (find, name) = (self.find.trim_end(), &self.name);
        match text.matches(find).count() {
            1 => Ok(text.replace(find, self.plant.trim_end())),
            found => Err(format!(
                "`{name}` looks for what is in {} {found} times",
                self.file
            )),
        }
    }
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
