//! The changes of commits, for observers of each change and for reads of older states.

use std::collections::VecDeque;
use std::sync::Arc;

use super::super::item::Item;
use super::super::key::Key;
use super::super::table::Before;

/// The largest number of commits by which a read may lag behind.
const KEPT: usize = 64;

/// An item that a commit has changed.
#[derive(Clone, Debug)]
pub struct Change {
    /// Its table.
    pub table: Arc<str>,
    /// The item before; `None` if it did not exist.
    pub before: Option<Item>,
    /// The item after; `None` if it was deleted.
    pub after: Option<Item>,
    pub(in super::super) key: Key,
}

/// The last commits, and those that were not taken yet.
#[derive(Default)]
pub(in super::super) struct History {
    last: VecDeque<Arc<[Change]>>,
    /// `None` if nothing takes them.
    unseen: Option<Vec<Arc<[Change]>>>,
}

impl History {
    /// Records a commit, unless it changed nothing.
    pub(in super::super) fn keep(&mut self, commit: Vec<Change>) {
        if commit.is_empty() {
            return;
        }
        let commit: Arc<[Change]> = commit.into();
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(commit.clone());
        if let Some(unseen) = &mut self.unseen {
            unseen.push(commit);
        }
    }

    /// Keeps commits from now on until they are taken.
    pub(in super::super) fn keep_unseen(&mut self) {
        self.unseen.get_or_insert_default();
    }

    /// Takes the commits since the last call.
    pub(in super::super) fn take(&mut self) -> Vec<Arc<[Change]>> {
        self.unseen.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Returns those of a table's items that the last `commits` changed, as they were before.
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
