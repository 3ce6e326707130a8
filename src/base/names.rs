//! Interned identifiers of one file.
//!
//! Each file has its own table, so that files are read in parallel without a shared lock; link maps them to program-wide symbols.

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

/// An interned identifier, or short string, of one [`Names`] table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Name(pub u32);

/// The identifiers of one file, each stored once.
#[derive(Clone, Default, Debug)]
pub struct Names {
    texts: Vec<Box<str>>,
    ids: FxHashMap<Box<str>, Name>,
}

impl Names {
    /// The id of `text`, added when new.
    pub fn intern(&mut self, text: &str) -> Name {
        if let Some(&id) = self.ids.get(text) {
            return id;
        }
        let id = Name(self.texts.len() as u32);
        self.texts.push(text.into());
        self.ids.insert(text.into(), id);
        id
    }

    /// The id of `text` when it is known.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Name> {
        self.ids.get(text).copied()
    }

    /// The text of an id of this table.
    #[must_use]
    pub fn text(&self, name: Name) -> &str {
        &self.texts[name.0 as usize]
    }

    /// All texts in the order of their ids.
    #[must_use]
    pub fn texts(&self) -> &[Box<str>] {
        &self.texts
    }

    /// The texts in the order of their ids, by value.
    #[must_use]
    pub fn into_texts(self) -> Vec<Box<str>> {
        self.texts
    }
}
