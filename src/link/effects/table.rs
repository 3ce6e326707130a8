//! Effects by the place that they are on.
//!
//! Each file has the effects on its own places, sorted by place, function and position: a large program's effects are
//! neither sorted nor copied as a whole, and a place is found by halving.

use rayon::prelude::*;
use rustc_hash::FxHashMap;

use super::{Effect, EffectKind};
use crate::link::{FuncRef, PlaceKey, Program};

/// All effects of a program.
#[derive(Debug, Default)]
pub(super) struct Table {
    files: Vec<OfFile>,
}

/// The effects on the places of one file.
#[derive(Debug, Default)]
struct OfFile {
    list: Vec<Effect>,
    /// Where each sort of place begins, and where the last ends.
    starts: [u32; SORTS + 1],
    /// Growth by each function: positions in the list.
    growth: FxHashMap<FuncRef, Vec<u32>>,
    /// Of each place its keyed removals: positions in the list.
    removals: FxHashMap<PlaceKey, Vec<u32>>,
}

/// How many sorts of place there are.
const SORTS: usize = 4;

/// The sort of a place, in the order of places.
fn sort_of(key: PlaceKey) -> usize {
    match key {
        PlaceKey::Var(_) => 0,
        PlaceKey::Class(..) => 1,
        PlaceKey::Instance(..) => 2,
        PlaceKey::Func(..) => 3,
    }
}

impl Table {
    /// A table of the effects that each file's code has.
    pub(super) fn new(program: &Program<'_>, mut by_code: Vec<Vec<Effect>>) -> Self {
        let strays: Vec<Vec<Effect>> = by_code
            .par_iter_mut()
            .enumerate()
            .map(|(file, list)| {
                let is_stray = |it: &mut Effect| program.place_file(it.place) as usize != file;
                list.extract_if(.., is_stray).collect()
            })
            .collect();
        let mut more = vec![0; by_code.len()];
        for it in strays.iter().flatten() {
            more[program.place_file(it.place) as usize] += 1;
        }
        for (list, more) in by_code.iter_mut().zip(more) {
            list.reserve_exact(more);
        }
        for it in strays.into_iter().flatten() {
            by_code[program.place_file(it.place) as usize].push(it);
        }
        let files = by_code.into_par_iter().map(OfFile::new).collect();
        Self { files }
    }

    /// Effects on a place, by function and position.
    pub(super) fn on(&self, file: u32, place: PlaceKey) -> &[Effect] {
        let Some(it) = self.files.get(file as usize) else {
            return &[];
        };
        let list = it.of_sort(sort_of(place));
        let list = &list[list.partition_point(|it| it.place < place)..];
        &list[..list.partition_point(|it| it.place == place)]
    }

    /// Growth, by a function, of places of a file.
    pub(super) fn growth(&self, file: u32, func: FuncRef) -> impl Iterator<Item = &Effect> {
        let it = &self.files[file as usize];
        let at = it.growth.get(&func).into_iter().flatten();
        at.map(|&at| &it.list[at as usize])
    }

    /// Removals from a place by key.
    pub(super) fn removals(&self, file: u32, place: PlaceKey) -> impl Iterator<Item = &Effect> {
        let it = &self.files[file as usize];
        let at = it.removals.get(&place).into_iter().flatten();
        at.map(|&at| &it.list[at as usize])
    }

    /// All effects, by place.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Effect> {
        (0..SORTS).flat_map(|sort| self.files.iter().flat_map(move |it| it.of_sort(sort)))
    }

    /// All places, in order.
    pub(super) fn places(&self) -> Vec<PlaceKey> {
        let lists = (0..SORTS).flat_map(|sort| self.files.iter().map(move |it| it.of_sort(sort)));
        lists
            .flat_map(|it| it.chunk_by(|a, b| a.place == b.place))
            .map(|it| it[0].place)
            .collect()
    }
}

impl OfFile {
    fn new(mut list: Vec<Effect>) -> Self {
        // What one function does at one position keeps its order.
        list.sort_by_key(|it| (it.place, it.func, it.at, it.kind));
        let mut starts = [0; SORTS + 1];
        for (sort, start) in starts.iter_mut().enumerate() {
            *start = list.partition_point(|it| sort_of(it.place) < sort) as u32;
        }
        let mut growth: FxHashMap<FuncRef, Vec<u32>> = FxHashMap::default();
        let mut removals: FxHashMap<PlaceKey, Vec<u32>> = FxHashMap::default();
        for (at, it) in list.iter().enumerate() {
            if it.kind.grows() {
                growth.entry(it.func).or_default().push(at as u32);
            } else if it.kind == EffectKind::Remove && it.key.is_some() && !it.is_inner {
                removals.entry(it.place).or_default().push(at as u32);
            }
        }
        Self {
            list,
            starts,
            growth,
            removals,
        }
    }

    fn of_sort(&self, sort: usize) -> &[Effect] {
        &self.list[self.starts[sort] as usize..self.starts[sort + 1] as usize]
    }
}
