//! The analysed files, by number; their texts only where something is to be shown.

use super::{Idx, LineCol, LineIndex, Span};

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

    /// Start and end of a span as people count.
    #[must_use]
    pub fn range(&self, file: FileId, span: Span) -> (LineCol, LineCol) {
        let it = self.file(file);
        (
            it.lines.line_col(&it.text, span.start),
            it.lines.line_col(&it.text, span.end),
        )
    }
}
