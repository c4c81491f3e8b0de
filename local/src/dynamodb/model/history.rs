//! What commits have changed: for whoever looks at each of them, and for reads of how it was.

use std::collections::VecDeque;
use std::sync::Arc;

use super::item::Item;
use super::key::Key;
use super::table::Before;

/// How many commits a read may lag behind.
const KEPT: usize = 64;

/// An item that a commit has changed.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its table.
    pub table: Arc<str>,
    /// As it was; nothing when it was not there.
    pub before: Option<Item>,
    /// As it is; nothing when it is not there any more.
    pub after: Option<Item>,
    pub(super) key: Key,
}

/// The commits: the last of them, and those that nobody has looked at.
#[derive(Default)]
pub(super) struct History {
    last: VecDeque<Arc<[Change]>>,
    unseen: Vec<Arc<[Change]>>,
}

impl History {
    /// Keeps a commit, unless it changed nothing.
    pub(super) fn keep(&mut self, commit: Vec<Change>) {
        if commit.is_empty() {
            return;
        }
        let commit: Arc<[Change]> = commit.into();
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(commit.clone());
        self.unseen.push(commit);
    }

    /// The commits since this was last asked.
    pub(super) fn take(&mut self) -> Vec<Arc<[Change]>> {
        std::mem::take(&mut self.unseen)
    }

    /// A table's items as they were before the last `commits`, where those have changed them.
    pub(super) fn before(&self, table: &str, commits: usize) -> Before {
        let mut before = Before::new();
        for commit in self.last.iter().rev().take(commits) {
            for change in commit.iter().filter(|change| &*change.table == table) {
                before.insert(change.key.clone(), change.before.clone());
            }
        }
        before
    }
}
