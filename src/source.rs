//! A file's bytes to code: the text of a module, or of a notebook's cells.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::PathBuf;

use crate::base::{CellSpot, Cells, LineCol, LineIndex, Span};
use crate::decode::{DecodeError, decode};
use crate::discover::{FileKind, SourcePath};
use crate::limits::{MAX_FILE, MAX_NOTEBOOK};
use crate::lower::{Door, Lowered, lower, lower_cells, lower_stub};
use crate::notebook::{self, NotebookError};

/// Bytes of files that stand for what is on the disk.
pub type Overlay = HashMap<PathBuf, Vec<u8>>;

/// What is to be analysed of a file.
#[derive(Clone, Debug)]
pub struct Source {
    /// The code.
    pub text: String,
    /// Of a notebook, where its cells stand.
    pub cells: Option<Cells>,
    /// What sort of file it stands in.
    pub kind: FileKind,
}

/// Why there is no code.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The system does not give it.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is longer than any program.
    #[error("not read: {size} bytes are more than the {limit} that are read")]
    TooLong {
        /// Its length.
        size: u64,
        /// The most that is read.
        limit: u64,
    },
    /// Its bytes are no text.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// It is no notebook.
    #[error(transparent)]
    Notebook(#[from] NotebookError),
}

impl SourceError {
    /// Where in the file, when that is known.
    #[must_use]
    pub fn line_col(&self) -> Option<LineCol> {
        match self {
            Self::Io(_) | Self::TooLong { .. } => None,
            Self::Decode(it) => Some(LineCol {
                line: it.line,
                column: 1,
            }),
            Self::Notebook(NotebookError::Malformed { line, column, .. }) => Some(LineCol {
                line: *line,
                column: *column,
            }),
            Self::Notebook(NotebookError::Language(_)) => None,
        }
    }
}

/// Reads a file.
///
/// # Errors
/// When it cannot be read, is too long, or holds no code.
pub fn read(file: &SourcePath, overlay: &Overlay) -> Result<Source, SourceError> {
    code(bytes(file, overlay)?, file.kind)
}

/// Reads a file's bytes.
///
/// # Errors
/// When it cannot be read, or is too long.
pub fn bytes(file: &SourcePath, overlay: &Overlay) -> Result<Vec<u8>, SourceError> {
    let limit = match file.kind {
        FileKind::Notebook => MAX_NOTEBOOK,
        FileKind::Source | FileKind::Stub => MAX_FILE,
    };
    let too_long = |size| SourceError::TooLong { size, limit };
    if file.size > limit {
        return Err(too_long(file.size));
    }
    let bytes = match overlay.get(&file.path) {
        Some(bytes) => bytes.clone(),
        None => fs::read(&file.path)?,
    };
    if bytes.len() as u64 > limit {
        return Err(too_long(bytes.len() as u64));
    }
    Ok(bytes)
}

/// The code that a file's bytes hold.
///
/// # Errors
/// When they hold none.
pub fn code(bytes: Vec<u8>, kind: FileKind) -> Result<Source, SourceError> {
    let text = decode(bytes)?;
    if kind != FileKind::Notebook {
        let cells = None;
        return Ok(Source { text, cells, kind });
    }
    let notebook = notebook::read(text)?;
    if notebook.text.len() as u64 > MAX_FILE {
        let size = notebook.text.len() as u64;
        let limit = MAX_FILE;
        return Err(SourceError::TooLong { size, limit });
    }
    Ok(Source {
        text: notebook.text,
        cells: Some(notebook.cells),
        kind,
    })
}

impl Source {
    /// The tree of the code.
    #[must_use]
    pub fn lower(&self, door: Door) -> Lowered {
        match &self.cells {
            Some(cells) => lower_cells(&self.text, cells.ranges(self.text.len() as u32), door),
            None if self.kind == FileKind::Stub => lower_stub(&self.text, door),
            None => lower(&self.text, door),
        }
    }

    /// Where offsets of the code stand: on disk, and in a notebook's cell.
    pub fn places(
        &self,
        offsets: impl IntoIterator<Item = u32>,
    ) -> Vec<(LineCol, Option<CellSpot>)> {
        let mut offsets = offsets.into_iter().peekable();
        if offsets.peek().is_none() {
            return Vec::new();
        }
        let lines = LineIndex::new(&self.text);
        offsets
            .map(|offset| match &self.cells {
                None => (lines.line_col(&self.text, offset), None),
                Some(cells) => {
                    let at = cells.on_disk(Span::new(offset, offset)).start;
                    let on_disk = cells.disk_lines().line_col(cells.disk(), at);
                    (on_disk, cells.spot(&self.text, &lines, offset))
                }
            })
            .collect()
    }
}
