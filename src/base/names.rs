//! Interned identifiers.
//!
//! Each file has a table of its own, so that files are read in parallel without a shared lock; link maps them to
//! program-wide symbols, by one more table.

use std::hash::BuildHasher;
use std::ops::Index;

use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;
use serde::{Deserialize, Serialize};

use super::Idx;

/// An interned identifier, or short string, of one [`Names`] table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Name(pub u32);

impl From<Idx<Name>> for Name {
    fn from(id: Idx<Self>) -> Self {
        Self(id.raw())
    }
}

impl From<Name> for Idx<Name> {
    fn from(name: Name) -> Self {
        Self::new(name.0)
    }
}

/// Many short texts end to end, by number.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub struct Texts {
    text: String,
    /// Where each of them ends.
    ends: Vec<u32>,
}

impl Texts {
    /// Adds a text; its number is the length before.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.ends.push(self.text.len() as u32);
    }

    /// Number of texts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All texts in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|it| &self[it])
    }

    /// Gives back memory that nothing stands in.
    pub fn shrink_to_fit(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
    }

    /// Takes all texts out, but keeps the room for others.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
}

impl Index<usize> for Texts {
    type Output = str;

    fn index(&self, at: usize) -> &str {
        let start = at.checked_sub(1).map_or(0, |it| self.ends[it]);
        &self.text[start as usize..self.ends[at] as usize]
    }
}

/// Identifiers, each stored once.
#[derive(Clone, Default, Debug)]
pub struct Names {
    texts: Texts,
    ids: HashTable<Name>,
}

impl Names {
    /// The id of `text`, added when new.
    pub fn intern(&mut self, text: &str) -> Name {
        let Self { texts, ids } = self;
        let entry = ids.entry(
            hash(text),
            |it| &texts[it.0 as usize] == text,
            |it| hash(&texts[it.0 as usize]),
        );
        let id = *entry.or_insert(Name(texts.len() as u32)).get();
        if id.0 as usize == texts.len() {
            texts.push(text);
        }
        id
    }

    /// Makes room for `additional` more texts.
    pub fn reserve(&mut self, additional: usize) {
        let texts = &self.texts;
        self.ids
            .reserve(additional, |it| hash(&texts[it.0 as usize]));
    }

    /// The id of `text` when it is known.
    #[must_use]
    pub fn find(&self, text: &str) -> Option<Name> {
        self.ids
            .find(hash(text), |it| &self.texts[it.0 as usize] == text)
            .copied()
    }

    /// The text of an id of this table.
    #[must_use]
    pub fn text(&self, name: Name) -> &str {
        &self.texts[name.0 as usize]
    }

    /// Takes all texts out, but keeps the room for others.
    pub fn clear(&mut self) {
        self.texts.clear();
        self.ids.clear();
    }

    /// All texts in the order of their ids.
    #[must_use]
    pub fn texts(&self) -> &Texts {
        &self.texts
    }
}

fn hash(text: &str) -> u64 {
    FxBuildHasher.hash_one(text)
}
