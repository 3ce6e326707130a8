//! Vectors that are indexed by their own id type, so that ids of different arenas cannot be mixed up.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::num::NonZeroU32;
use std::ops::{Index, IndexMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An index into an [`IndexVec`] of `T`; 32 bits wide, and so is an `Option` of it.
pub struct Idx<T> {
    /// The number plus one, so that `Option` needs no tag.
    next: NonZeroU32,
    of: PhantomData<fn() -> T>,
}

impl<T> Idx<T> {
    /// The id with this number.
    #[must_use]
    ///
    /// # Panics
    /// For 2³² − 1, which no arena reaches.
    pub const fn new(raw: u32) -> Self {
        match NonZeroU32::new(raw.wrapping_add(1)) {
            Some(next) => Self {
                next,
                of: PhantomData,
            },
            None => panic!("an arena holds fewer than 2^32 - 1 elements"),
        }
    }

    /// The number as an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.raw() as usize
    }

    /// The bare number.
    #[must_use]
    pub const fn raw(self) -> u32 {
        self.next.get() - 1
    }
}

impl<T> Serialize for Idx<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.raw().serialize(to)
    }
}

impl<'de, T> Deserialize<'de> for Idx<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let raw = u32::deserialize(from)?;
        if raw == u32::MAX {
            return Err(serde::de::Error::custom("index out of range"));
        }
        Ok(Self::new(raw))
    }
}

impl<T> Clone for Idx<T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<T> Copy for Idx<T> {}
impl<T> PartialEq for Idx<T> {
    fn eq(&self, other: &Self) -> bool {
        self.next == other.next
    }
}
impl<T> Eq for Idx<T> {}
impl<T> PartialOrd for Idx<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Idx<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.next.cmp(&other.next)
    }
}
impl<T> Hash for Idx<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.next.hash(state);
    }
}
impl<T> fmt::Debug for Idx<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.raw())
    }
}

/// A `Vec` whose elements are named by [`Idx`] of the same element type.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IndexVec<T> {
    raw: Vec<T>,
}

impl<T> Default for IndexVec<T> {
    fn default() -> Self {
        Self { raw: Vec::new() }
    }
}

impl<T> IndexVec<T> {
    /// An empty vector.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends an element and returns its id.
    ///
    /// # Panics
    /// When there are more than 2³² elements; a source file of at most 4 GiB cannot make that many.
    pub fn push(&mut self, value: T) -> Idx<T> {
        let id = Idx::new(u32::try_from(self.raw.len()).expect("fewer than 2^32 elements"));
        self.raw.push(value);
        id
    }

    /// Makes room for `additional` more elements.
    pub fn reserve(&mut self, additional: usize) {
        self.raw.reserve(additional);
    }

    /// Takes all elements out, but keeps the room for others.
    pub fn clear(&mut self) {
        self.raw.clear();
    }

    /// Number of elements that there is room for.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.raw.capacity()
    }

    /// Moves the elements to memory of just their size, and leaves this empty with the room that it has.
    pub fn take_exact(&mut self) -> Self {
        Self {
            raw: take_exact(&mut self.raw),
        }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.raw.len()
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.raw.is_empty()
    }

    /// Elements in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.raw.iter()
    }

    /// Elements in order, mutable.
    pub fn iter_mut(&mut self) -> std::slice::IterMut<'_, T> {
        self.raw.iter_mut()
    }

    /// Ids and elements in order.
    pub fn iter_ids(&self) -> impl DoubleEndedIterator<Item = (Idx<T>, &T)> {
        self.raw
            .iter()
            .enumerate()
            .map(|(i, it)| (Idx::new(i as u32), it))
    }

    /// All ids in order.
    pub fn ids(&self) -> impl DoubleEndedIterator<Item = Idx<T>> + use<T> {
        (0..self.raw.len() as u32).map(Idx::new)
    }

    /// The element, if the id is in range.
    #[must_use]
    pub fn get(&self, id: Idx<T>) -> Option<&T> {
        self.raw.get(id.index())
    }

    /// The elements as a slice.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.raw
    }
}

/// Moves the elements of a list to memory of just their size, and leaves the list empty with the room that it has.
pub fn take_exact<T>(list: &mut Vec<T>) -> Vec<T> {
    let mut exact = Vec::with_capacity(list.len());
    exact.append(list);
    exact
}

impl<T> FromIterator<T> for IndexVec<T> {
    fn from_iter<I: IntoIterator<Item = T>>(iter: I) -> Self {
        Self {
            raw: iter.into_iter().collect(),
        }
    }
}

impl<T> Index<Idx<T>> for IndexVec<T> {
    type Output = T;
    fn index(&self, id: Idx<T>) -> &T {
        &self.raw[id.index()]
    }
}

impl<T> IndexMut<Idx<T>> for IndexVec<T> {
    fn index_mut(&mut self, id: Idx<T>) -> &mut T {
        &mut self.raw[id.index()]
    }
}
