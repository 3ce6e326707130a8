//! What earlier runs found out, kept by content: facts of files, and whole results.
//!
//! A folder holds a few *packs*. A pack is written once, under a name that is its own, and never changed; so any number
//! of runs may read and write one folder at the same time. A key is a hash of all that an entry depends on, heaplint's
//! own build included: nothing is ever out of date, only unused. Whatever is wrong with a pack (cut short, of another
//! version, damaged) makes its entries misses; whatever is wrong with the folder (read-only, full) makes a run without
//! a cache. Neither changes a result.

mod pack;

use std::fs;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use rustc_hash::{FxHashMap, FxHashSet};
use serde::Serialize;
use serde::de::DeserializeOwned;

use pack::{Pack, Spot, Writer};

/// How many packs a folder may have before they are put together.
const MAX_PACKS: usize = 8;

/// Bytes in packs for each byte that the last run used, from which on what it did not use is dropped.
const MAX_WASTE: u64 = 4;

/// What an entry depends on, hashed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Key([u8; 16]);

impl Key {
    /// The key of these parts, in order. Every build of heaplint has keys of its own.
    #[must_use]
    pub fn of(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(env!("HEAPLINT_BUILD").as_bytes());
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
        let mut key = [0; 16];
        key.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
        Self(key)
    }

    /// The key as bytes, to be a part of another one.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

/// An open folder of packs.
#[derive(Debug)]
pub struct Cache {
    folder: PathBuf,
    packs: Vec<Pack>,
    index: FxHashMap<Key, (usize, Spot)>,
    /// `None` until something is put, and when it cannot be written.
    writer: Mutex<State>,
    used: Mutex<FxHashSet<Key>>,
}

#[derive(Debug)]
enum State {
    /// Nothing was put yet.
    Idle,
    Writing(Writer),
    /// The folder takes nothing.
    Closed,
}

impl Cache {
    /// Opens a folder, which need not exist. What in it is no pack of ours is left alone.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let mut paths: Vec<PathBuf> = fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|it| Some(it.ok()?.path()))
            .filter(|it| it.extension().is_some_and(|it| it == pack::EXTENSION))
            .collect();
        paths.sort();
        let packs: Vec<Pack> = paths.iter().filter_map(|it| Pack::open(it)).collect();
        let mut index = FxHashMap::default();
        for (at, pack) in packs.iter().enumerate() {
            index.extend(pack.entries().iter().map(|&(key, spot)| (key, (at, spot))));
        }
        Self {
            folder: folder.to_owned(),
            packs,
            index,
            writer: Mutex::new(State::Idle),
            used: Mutex::default(),
        }
    }

    /// The entry of a key, when there is a sound one.
    #[must_use]
    pub fn get<T: DeserializeOwned>(&self, key: Key) -> Option<T> {
        let &(pack, spot) = self.index.get(&key)?;
        let bytes = self.packs[pack].read(spot)?;
        let value = postcard::from_bytes(&bytes).ok()?;
        self.used.lock().ok()?.insert(key);
        Some(value)
    }

    /// Keeps an entry for later runs, when that can be done.
    pub fn put<T: Serialize>(&self, key: Key, value: &T) {
        let Ok(bytes) = postcard::to_stdvec(value) else {
            return;
        };
        let Ok(mut state) = self.writer.lock() else {
            return;
        };
        if matches!(*state, State::Idle) {
            *state = prepare(&self.folder)
                .and_then(|()| Writer::new(&self.folder))
                .map_or(State::Closed, State::Writing);
        }
        if let State::Writing(writer) = &mut *state
            && writer.add(key, &bytes).is_err()
        {
            // The disk is full: what was written is taken away again.
            *state = State::Closed;
        }
    }

    /// Makes what was put visible to later runs.
    pub fn close(&self) {
        let Ok(mut state) = self.writer.lock() else {
            return;
        };
        let State::Writing(mut writer) = mem::replace(&mut *state, State::Closed) else {
            return;
        };
        let Ok(used) = self.used.lock() else { return };
        let size = |it: &(usize, Spot)| u64::from(it.1.len);
        let all: u64 = self.index.values().map(size).sum();
        let of_use: u64 = used
            .iter()
            .filter_map(|it| self.index.get(it))
            .map(size)
            .sum();
        let is_wasteful = all > MAX_WASTE * (of_use + writer.size());
        let is_many = self.packs.len() >= MAX_PACKS;
        if is_many || is_wasteful {
            for (&key, &(pack, spot)) in &self.index {
                if (!is_wasteful || used.contains(&key))
                    && let Some(bytes) = self.packs[pack].read(spot)
                    && writer.add(key, &bytes).is_err()
                {
                    return;
                }
            }
        }
        if writer.finish().is_some() && (is_many || is_wasteful) {
            for pack in &self.packs {
                // Runs that have it open go on reading it; where the system forbids this, it stays.
                let _ = fs::remove_file(pack.path());
            }
        }
    }
}

/// Makes the folder, and tells version control and backups that it is of no worth.
fn prepare(folder: &Path) -> std::io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    fs::write(folder.join(".gitignore"), "*\n")?;
    // https://bford.info/cachedir/
    fs::write(
        folder.join("CACHEDIR.TAG"),
        "Signature: 8a477f597d28d172789f06886806bc55\n",
    )
}

/// Removes the packs of a folder, and the folder when nothing else is in it. The number of packs.
///
/// # Errors
/// When a pack cannot be removed.
pub fn clean(folder: &Path) -> std::io::Result<usize> {
    let mut removed = 0;
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == pack::EXTENSION) {
            fs::remove_file(&path)?;
            removed += 1;
        }
    }
    for name in [".gitignore", "CACHEDIR.TAG"] {
        let _ = fs::remove_file(folder.join(name));
    }
    let _ = fs::remove_dir(folder);
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> Key {
        Key::of(&[&n.to_le_bytes()])
    }

    fn filled(folder: &Path, numbers: std::ops::Range<u32>) {
        let cache = Cache::open(folder);
        for n in numbers {
            cache.put(key(n), &format!("entry {n}"));
        }
        cache.close();
    }

    fn packs(folder: &Path) -> Vec<PathBuf> {
        let mut packs: Vec<PathBuf> = fs::read_dir(folder)
            .unwrap()
            .map(|it| it.unwrap().path())
            .filter(|it| it.extension().is_some_and(|it| it == pack::EXTENSION))
            .collect();
        packs.sort();
        packs
    }

    #[test]
    fn what_is_put_is_there_in_the_next_run() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("cache");
        filled(&at, 0..100);
        let cache = Cache::open(&at);
        for n in 0..100 {
            assert_eq!(cache.get::<String>(key(n)), Some(format!("entry {n}")));
        }
        assert_eq!(cache.get::<String>(key(100)), None);
        assert!(at.join(".gitignore").exists() && at.join("CACHEDIR.TAG").exists());
    }

    #[test]
    fn parts_of_a_key_do_not_run_together() {
        assert_ne!(Key::of(&[b"ab", b"c"]), Key::of(&[b"a", b"bc"]));
    }

    #[test]
    fn packs_stay_few() {
        let folder = tempfile::tempdir().unwrap();
        for n in 0..40 {
            let cache = Cache::open(folder.path());
            // Each run uses what is there: nothing is waste.
            for m in 0..n {
                assert_eq!(cache.get::<String>(key(m)), Some(format!("entry {m}")));
            }
            cache.put(key(n), &format!("entry {n}"));
            cache.close();
            assert!(packs(folder.path()).len() <= MAX_PACKS + 1);
        }
    }

    #[test]
    fn what_no_run_uses_goes() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), 0..1000);
        filled(folder.path(), 1000..1001);
        let size: u64 = packs(folder.path())
            .iter()
            .map(|it| it.metadata().unwrap().len())
            .sum();
        assert!(size < 1000, "{size}");
    }

    #[test]
    fn every_damage_is_a_miss() {
        let folder = tempfile::tempdir().unwrap();
        filled(folder.path(), 0..20);
        let pack = packs(folder.path()).remove(0);
        let sound = fs::read(&pack).unwrap();
        for cut in 0..sound.len() {
            fs::write(&pack, &sound[..cut]).unwrap();
            let cache = Cache::open(folder.path());
            for n in 0..20 {
                assert_eq!(cache.get::<String>(key(n)), None, "cut at {cut}");
            }
        }
        for at in 0..sound.len() {
            let mut bytes = sound.clone();
            bytes[at] ^= 0x40;
            fs::write(&pack, &bytes).unwrap();
            let cache = Cache::open(folder.path());
            for n in 0..20 {
                let got = cache.get::<String>(key(n));
                assert!(
                    got.is_none() || got == Some(format!("entry {n}")),
                    "flipped at {at}: {got:?}"
                );
            }
        }
    }

    #[test]
    fn a_folder_that_takes_nothing_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        filled(&file.join("below"), 0..3);
        assert_eq!(fs::read(&file).unwrap(), b"");
    }

    #[test]
    fn clean_takes_our_files_only() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().join("cache");
        filled(&at, 0..3);
        fs::write(at.join("other"), "").unwrap();
        assert_eq!(clean(&at).unwrap(), 1);
        assert!(at.join("other").exists());
        fs::remove_file(at.join("other")).unwrap();
        assert_eq!(clean(&at).unwrap(), 0);
        assert!(!at.exists());
        assert_eq!(clean(&at).unwrap(), 0);
    }
}
