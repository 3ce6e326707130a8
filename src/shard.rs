//! The map and the reduce: facts of a part of a program in one file, and such files linked to one program.
//!
//! A shard has all that linking needs of its files: their places, their facts, and their text for the excerpts of
//! reports; the machine that links needs no source tree. After [`MAGIC`] it is one LZ4 frame with a checksum: the head,
//! then a record for each file, each with its length before it.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use lz4_flex::block;
use lz4_flex::frame::{FrameDecoder, FrameEncoder, FrameInfo};
use rustc_hash::FxHashMap;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::discover::{Discovered, FileKind, ProgramKind, SourcePath};
use crate::facts::model::FileFacts;
use crate::limits::MAX_NOTEBOOK;
use crate::report::Notice;

const MAGIC: &[u8; 16] = b"heaplint facts 1";

/// Bytes that one record may have: more than the facts of the longest file.
const MAX_RECORD: u64 = 16 * MAX_NOTEBOOK;

/// Why a file of facts cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ShardError {
    /// The system does not give or take it.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: String,
        /// What went wrong.
        error: io::Error,
    },
    /// It is something else, or damaged.
    #[error("{0}: not a whole file of `heaplint facts`")]
    Damaged(String),
    /// Facts change with heaplint.
    #[error("{0}: written by another build of heaplint; write it anew with this one")]
    OtherBuild(String),
    /// Two shards tell of one file.
    #[error("{path}: two different versions of it, in {first} and {second}")]
    Twice {
        /// The file.
        path: String,
        /// One shard.
        first: String,
        /// The other.
        second: String,
    },
}

/// What is said once in a shard.
#[derive(Serialize, Deserialize)]
struct Head {
    build: String,
    is_library: bool,
    excluded_named: Vec<String>,
    not_python: Vec<String>,
    unreadable: Vec<(String, String)>,
    files: u32,
}

/// One file of a program: where it stands, what it says, its bytes.
#[derive(Serialize, Deserialize)]
pub struct Record {
    kind: FileKind,
    display: String,
    size: u64,
    is_vendored: bool,
    is_test: bool,
    is_link: bool,
    is_package: bool,
    package_root: String,
    module: String,
    dotted_from_root: String,
    source_folder: String,
    /// What the file says alone.
    pub facts: FileFacts,
    /// What was to be told of it.
    pub notices: Vec<Notice>,
    /// Its bytes, compressed; none when it could not be read.
    pub bytes: Vec<u8>,
}

/// Writes shards, a file at a time.
pub struct Writer {
    path: PathBuf,
    out: FrameEncoder<BufWriter<File>>,
}

impl Writer {
    /// Starts a shard of what was discovered.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn new(
        path: &Path,
        discovered: &Discovered,
        kind: ProgramKind,
    ) -> Result<Self, ShardError> {
        let open = || -> io::Result<FrameEncoder<BufWriter<File>>> {
            let mut file = BufWriter::new(File::create(path)?);
            file.write_all(MAGIC)?;
            let info = FrameInfo::new().content_checksum(true);
            Ok(FrameEncoder::with_frame_info(info, file))
        };
        let mut writer = Self {
            path: path.to_owned(),
            out: open().map_err(|error| failed(path, error))?,
        };
        let unreadable = discovered.notices.iter();
        writer.write(&Head {
            build: env!("HEAPLINT_BUILD").to_owned(),
            is_library: kind == ProgramKind::Library,
            excluded_named: discovered.excluded_named.clone(),
            not_python: discovered.not_python.clone(),
            unreadable: unreadable
                .map(|it| (it.path.clone(), it.message.clone()))
                .collect(),
            files: discovered.files.len() as u32,
        })?;
        Ok(writer)
    }

    /// Adds a file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(
        &mut self,
        discovered: &Discovered,
        file: &SourcePath,
        facts: FileFacts,
        notices: Vec<Notice>,
        bytes: &[u8],
    ) -> Result<(), ShardError> {
        let root = discovered
            .package_roots
            .get(file.package_root as usize)
            .map_or(Path::new(""), PathBuf::as_path);
        let root = root.strip_prefix(&discovered.project_root).unwrap_or(root);
        self.write(&Record {
            kind: file.kind,
            display: file.display.clone(),
            size: file.size,
            is_vendored: file.is_vendored,
            is_test: file.is_test,
            is_link: file.is_link,
            is_package: file.path.file_name().is_some_and(|it| it == "__init__.py"),
            package_root: root.to_string_lossy().into_owned(),
            module: file.module.clone(),
            dotted_from_root: file.dotted_from_root.clone(),
            source_folder: file.source_folder.to_owned(),
            facts,
            notices,
            bytes: block::compress_prepend_size(bytes),
        })
    }

    fn write<T: Serialize>(&mut self, value: &T) -> Result<(), ShardError> {
        let mut put = || -> io::Result<()> {
            let bytes = postcard::to_stdvec(value).map_err(io::Error::other)?;
            self.out.write_all(&(bytes.len() as u64).to_le_bytes())?;
            self.out.write_all(&bytes)
        };
        put().map_err(|error| failed(&self.path, error))
    }

    /// Ends the shard.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(self) -> Result<(), ShardError> {
        let Self { path, out } = self;
        let end = || -> io::Result<()> { out.finish().map_err(io::Error::other)?.flush() };
        end().map_err(|error| failed(&path, error))
    }
}

fn failed(path: &Path, error: io::Error) -> ShardError {
    ShardError::Io {
        path: path.display().to_string(),
        error,
    }
}

/// A program put together from shards.
pub struct Merged {
    /// As if all files had been found in one walk.
    pub discovered: Discovered,
    /// Of each file of [`Discovered::files`] its facts, notices and bytes.
    pub files: Vec<Contents>,
    /// A library when any of the shards is of one.
    pub kind: ProgramKind,
}

/// What a shard says of a file.
pub struct Contents {
    /// What the file says alone.
    pub facts: FileFacts,
    /// What was to be told of it.
    pub notices: Vec<Notice>,
    /// Its bytes.
    pub bytes: Packed,
}

/// A file's bytes, compressed.
pub struct Packed(Vec<u8>);

impl Packed {
    /// The bytes, unless they are damaged.
    #[must_use]
    pub fn bytes(&self) -> Option<Vec<u8>> {
        block::decompress_size_prepended(&self.0).ok()
    }
}

/// Reads shards and puts them together, in the order in which one walk would give the files.
///
/// # Errors
/// When one of them cannot be read, is damaged, of another build, or contradicts another.
pub fn read(paths: &[PathBuf]) -> Result<Merged, ShardError> {
    let mut all: Vec<(Record, usize)> = Vec::new();
    let mut discovered = Discovered::default();
    let mut is_library = false;
    for (at, path) in paths.iter().enumerate() {
        let mut reader = Reader::open(path)?;
        let head: Head = reader.head()?;
        is_library |= head.is_library;
        discovered.excluded_named.extend(head.excluded_named);
        discovered.not_python.extend(head.not_python);
        for (path, message) in head.unreadable {
            let notice = crate::discover::Notice { path, message };
            discovered.notices.push(notice);
        }
        for _ in 0..head.files {
            all.push((reader.next()?, at));
        }
        reader.end()?;
    }
    all.sort_by(|a, b| (&a.0.display, a.1).cmp(&(&b.0.display, b.1)));
    let mut roots: FxHashMap<String, u32> = FxHashMap::default();
    let mut files: Vec<Contents> = Vec::with_capacity(all.len());
    let mut shards: Vec<usize> = Vec::with_capacity(all.len());
    for (record, shard) in all {
        if let (Some(last), Some(kept), Some(&first)) =
            (discovered.files.last(), files.last(), shards.last())
            && last.display == record.display
        {
            if kept.bytes.0 == record.bytes {
                continue;
            }
            let name = |at: usize| paths[at].display().to_string();
            return Err(ShardError::Twice {
                path: record.display,
                first: name(first),
                second: name(shard),
            });
        }
        let next = roots.len() as u32;
        let package_root = *roots.entry(record.package_root.clone()).or_insert(next);
        if package_root == next {
            discovered.package_roots.push(record.package_root.into());
        }
        discovered.files.push(SourcePath {
            kind: record.kind,
            path: if record.is_package {
                PathBuf::from("__init__.py")
            } else {
                PathBuf::from(&record.display)
            },
            display: record.display,
            size: record.size,
            is_vendored: record.is_vendored,
            is_test: record.is_test,
            is_link: record.is_link,
            package_root,
            module: record.module,
            dotted_from_root: record.dotted_from_root,
            source_folder: match record.source_folder.as_str() {
                "src" => "src",
                "lib" => "lib",
                _ => "",
            },
        });
        files.push(Contents {
            facts: record.facts,
            notices: record.notices,
            bytes: Packed(record.bytes),
        });
        shards.push(shard);
    }
    Ok(Merged {
        discovered,
        files,
        kind: if is_library {
            ProgramKind::Library
        } else {
            ProgramKind::Application
        },
    })
}

struct Reader {
    path: String,
    input: FrameDecoder<BufReader<File>>,
}

impl Reader {
    fn open(path: &Path) -> Result<Self, ShardError> {
        let mut file = BufReader::new(File::open(path).map_err(|error| failed(path, error))?);
        let path = path.display().to_string();
        let mut magic = [0; MAGIC.len()];
        if file.read_exact(&mut magic).is_err() || &magic != MAGIC {
            return Err(ShardError::Damaged(path));
        }
        Ok(Self {
            path,
            input: FrameDecoder::new(file),
        })
    }

    fn head(&mut self) -> Result<Head, ShardError> {
        // Of a head only the first field is sure to be the same in all builds.
        let bytes = self.bytes()?;
        let (build, _) = postcard::take_from_bytes::<String>(&bytes)
            .map_err(|_| ShardError::Damaged(self.path.clone()))?;
        if build != env!("HEAPLINT_BUILD") {
            return Err(ShardError::OtherBuild(self.path.clone()));
        }
        postcard::from_bytes(&bytes).map_err(|_| ShardError::Damaged(self.path.clone()))
    }

    fn next<T: DeserializeOwned>(&mut self) -> Result<T, ShardError> {
        let bytes = self.bytes()?;
        postcard::from_bytes(&bytes).map_err(|_| ShardError::Damaged(self.path.clone()))
    }

    fn bytes(&mut self) -> Result<Vec<u8>, ShardError> {
        let damaged = |_| ShardError::Damaged(self.path.clone());
        let mut len = [0; 8];
        self.input.read_exact(&mut len).map_err(damaged)?;
        let len = u64::from_le_bytes(len);
        let mut bytes = Vec::new();
        let read = (&mut self.input)
            .take(len.min(MAX_RECORD))
            .read_to_end(&mut bytes)
            .map_err(damaged)?;
        if read as u64 != len {
            return Err(ShardError::Damaged(self.path.clone()));
        }
        Ok(bytes)
    }

    /// Reads on to the checksum.
    fn end(&mut self) -> Result<(), ShardError> {
        let mut rest = Vec::new();
        match (&mut self.input).take(1).read_to_end(&mut rest) {
            Ok(0) => Ok(()),
            _ => Err(ShardError::Damaged(self.path.clone())),
        }
    }
}
