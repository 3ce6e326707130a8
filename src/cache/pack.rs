//! One file of entries: head, entries end to end, index, tail. Written once.
//!
//! ```text
//! MAGIC · entry · entry · … · index (postcard) · index offset (u64) · index hash (32) · MAGIC
//! ```

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rustc_hash::FxHashSet;

use super::Key;

/// What names of packs end with.
pub(super) const EXTENSION: &str = "pack";

const MAGIC: &[u8; 16] = b"heaplint pack 1\n";
const TAIL: u64 = 8 + 32 + 16;

/// Where an entry stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    offset: u64,
    pub(super) len: u32,
    /// The start of the entry's hash.
    check: [u8; 8],
}

type Row = ([u8; 16], u64, u32, [u8; 8]);

/// A pack to be read.
#[derive(Debug)]
pub(super) struct Pack {
    path: PathBuf,
    file: Mutex<File>,
    entries: Vec<(Key, Spot)>,
    size: u64,
}

impl Pack {
    /// Reads a pack's index; `None` when anything is wrong with it.
    pub(super) fn open(path: &Path) -> Option<Self> {
        let mut file = File::open(path).ok()?;
        let size = file.metadata().ok()?.len();
        let tail_at = size.checked_sub(TAIL)?;
        file.seek(SeekFrom::Start(tail_at)).ok()?;
        let mut tail = [0; TAIL as usize];
        file.read_exact(&mut tail).ok()?;
        if &tail[40..] != MAGIC {
            return None;
        }
        let offset = u64::from_le_bytes(tail[..8].try_into().ok()?);
        let len = tail_at.checked_sub(offset)?;
        file.seek(SeekFrom::Start(offset)).ok()?;
        let mut index = Vec::new();
        (&mut file).take(len).read_to_end(&mut index).ok()?;
        if blake3::hash(&index).as_bytes() != &tail[8..40] {
            return None;
        }
        let rows: Vec<Row> = postcard::from_bytes(&index).ok()?;
        let entries = rows
            .into_iter()
            .map(|(key, offset, len, check)| (Key(key), Spot { offset, len, check }))
            .collect();
        Some(Self {
            path: path.to_owned(),
            file: Mutex::new(file),
            entries,
            size,
        })
    }

    pub(super) fn entries(&self) -> &[(Key, Spot)] {
        &self.entries
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The bytes of an entry; `None` when they are not what was written.
    pub(super) fn read(&self, spot: Spot) -> Option<Vec<u8>> {
        let end = spot.offset.checked_add(u64::from(spot.len))?;
        if end > self.size {
            return None;
        }
        let mut bytes = vec![0; spot.len as usize];
        {
            let mut file = self.file.lock().ok()?;
            file.seek(SeekFrom::Start(spot.offset)).ok()?;
            file.read_exact(&mut bytes).ok()?;
        }
        (check(&bytes) == spot.check).then_some(bytes)
    }
}

fn check(bytes: &[u8]) -> [u8; 8] {
    let mut check = [0; 8];
    check.copy_from_slice(&blake3::hash(bytes).as_bytes()[..8]);
    check
}

/// A pack that is being written, under a name that nobody reads.
#[derive(Debug)]
pub(super) struct Writer {
    temporary: PathBuf,
    path: PathBuf,
    file: BufWriter<File>,
    offset: u64,
    rows: Vec<Row>,
    keys: FxHashSet<Key>,
    is_done: bool,
}

impl Writer {
    pub(super) fn new(folder: &Path) -> io::Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |it| it.as_nanos());
        // Names sort by age: of two entries of one key the newer one is taken.
        let name = format!(
            "{now:024x}-{:x}-{:x}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let temporary = folder.join(format!("{name}.part"));
        let file = File::options()
            .write(true)
            .create_new(true)
            .open(&temporary)?;
        let mut writer = Self {
            path: folder.join(format!("{name}.{EXTENSION}")),
            temporary,
            file: BufWriter::with_capacity(1 << 16, file),
            offset: MAGIC.len() as u64,
            rows: Vec::new(),
            keys: FxHashSet::default(),
            is_done: false,
        };
        writer.file.write_all(MAGIC)?;
        Ok(writer)
    }

    /// Adds an entry; of one key the first stays.
    pub(super) fn add(&mut self, key: Key, bytes: &[u8]) -> io::Result<()> {
        let len = u32::try_from(bytes.len()).map_err(io::Error::other)?;
        if !self.keys.insert(key) {
            return Ok(());
        }
        self.file.write_all(bytes)?;
        self.rows.push((key.0, self.offset, len, check(bytes)));
        self.offset += u64::from(len);
        Ok(())
    }

    /// Bytes of all entries.
    pub(super) fn size(&self) -> u64 {
        self.offset - MAGIC.len() as u64
    }

    /// Gives the pack its name; `None` when it could not be written.
    pub(super) fn finish(mut self) -> Option<()> {
        // The order in which threads put their entries is nobody's business.
        self.rows.sort_unstable();
        let index = postcard::to_stdvec(&self.rows).ok()?;
        self.file.write_all(&index).ok()?;
        self.file.write_all(&self.offset.to_le_bytes()).ok()?;
        self.file.write_all(blake3::hash(&index).as_bytes()).ok()?;
        self.file.write_all(MAGIC).ok()?;
        self.file.flush().ok()?;
        fs::rename(&self.temporary, &self.path).ok()?;
        self.is_done = true;
        Some(())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.is_done {
            let _ = fs::remove_file(&self.temporary);
        }
    }
}
