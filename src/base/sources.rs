//! The analysed files, by number; their texts only where something is to be shown.

use super::{CellSpot, Cells, Idx, LineCol, LineIndex, Span};

/// Id of a source file.
pub type FileId = Idx<SourceFile>;

/// One analysed file.
#[derive(Clone, Debug, Default)]
pub struct SourceFile {
    /// Path for people: relative to the project root, with `/`.
    pub path: String,
    /// Its decoded text; empty until it is needed.
    pub text: String,
    /// Where its lines start.
    pub lines: LineIndex,
    /// Of a notebook, where its cells stand; the text is their code.
    pub cells: Option<Cells>,
}

impl SourceFile {
    /// The text as it is on disk, and its lines.
    #[must_use]
    pub fn disk(&self) -> (&str, &LineIndex) {
        match &self.cells {
            Some(cells) => (cells.disk(), cells.disk_lines()),
            None => (&self.text, &self.lines),
        }
    }

    /// Where a range of the text stands on disk.
    #[must_use]
    pub fn on_disk(&self, span: Span) -> Span {
        match &self.cells {
            Some(cells) => cells.on_disk(span),
            None => span,
        }
    }

    /// Of a notebook, the cell and the place in it.
    #[must_use]
    pub fn cell_spot(&self, offset: u32) -> Option<CellSpot> {
        self.cells
            .as_ref()
            .and_then(|it| it.spot(&self.text, &self.lines, offset))
    }

    /// The place of an offset as people name it: `12:5`, in a notebook `cell 3:12:5`.
    #[must_use]
    pub fn line_col(&self, offset: u32) -> String {
        match self.cell_spot(offset) {
            Some(CellSpot { cell, at }) => format!("cell {cell}:{}:{}", at.line, at.column),
            None => {
                let at = self.lines.line_col(&self.text, offset);
                format!("{}:{}", at.line, at.column)
            }
        }
    }

    /// The line of an offset as people name it: `12`, in a notebook `cell 3:12`.
    #[must_use]
    pub fn line(&self, offset: u32) -> String {
        match self.cell_spot(offset) {
            Some(CellSpot { cell, at }) => format!("cell {cell}:{}", at.line),
            None => self.lines.line(offset).to_string(),
        }
    }
}

/// All files of a run.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<SourceFile>,
}

impl SourceMap {
    /// A map of files whose texts are not loaded.
    #[must_use]
    pub fn new(paths: Vec<String>) -> Self {
        let files = paths
            .into_iter()
            .map(|path| SourceFile {
                path,
                text: String::new(),
                lines: LineIndex::new(""),
                cells: None,
            })
            .collect();
        Self { files }
    }

    /// Gives a file its text.
    pub fn set_text(&mut self, file: FileId, text: String) {
        let it = &mut self.files[file.index()];
        it.lines = LineIndex::new(&text);
        it.text = text;
    }

    /// Gives a notebook the code of its cells.
    pub fn set_cells(&mut self, file: FileId, cells: Cells) {
        self.files[file.index()].cells = Some(cells);
    }

    /// A file.
    #[must_use]
    pub fn file(&self, file: FileId) -> &SourceFile {
        &self.files[file.index()]
    }

    /// Number of files.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are no files.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Start and end of a span in the file on disk, as people count.
    #[must_use]
    pub fn range(&self, file: FileId, span: Span) -> (LineCol, LineCol) {
        let it = self.file(file);
        let span = it.on_disk(span);
        let (text, lines) = it.disk();
        (
            lines.line_col(text, span.start),
            lines.line_col(text, span.end),
        )
    }
}
