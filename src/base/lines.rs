//! From byte offsets to lines and columns, as CPython counts lines: LF, CR LF and lone CR end a line, nothing else does.

use memchr::memchr2_iter;
use serde::{Deserialize, Serialize};

/// A place as people count: both numbers start at 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct LineCol {
    /// Line number, from 1.
    pub line: u32,
    /// Column in Unicode code points, from 1; a tab is one column.
    pub column: u32,
}

/// Start offsets of all lines of a text.
#[derive(Clone, Debug, Default)]
pub struct LineIndex {
    starts: Vec<u32>,
}

impl LineIndex {
    /// Reads the line ends of `text`.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for at in memchr2_iter(b'\n', b'\r', bytes) {
            if bytes[at] == b'\r' && bytes.get(at + 1) == Some(&b'\n') {
                continue;
            }
            starts.push(at as u32 + 1);
        }
        Self { starts }
    }

    /// Number of lines; a text that ends in a line end has an empty last one.
    #[must_use]
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Never true: even an empty text has one line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The line, from 1, that holds the byte at `offset`.
    #[must_use]
    pub fn line(&self, offset: u32) -> u32 {
        self.starts.partition_point(|&start| start <= offset) as u32
    }

    /// Offset of the first byte of a line counted from 1; the last line's when there are fewer.
    #[must_use]
    pub fn start_of(&self, line: u32) -> u32 {
        let at = (line.max(1) as usize - 1).min(self.starts.len() - 1);
        self.starts[at]
    }

    /// The line and column of `offset` in `text`, the text this index was made from.
    #[must_use]
    pub fn line_col(&self, text: &str, offset: u32) -> LineCol {
        let line = self.line(offset);
        let start = self.start_of(line) as usize;
        let end = (offset as usize).clamp(start, text.len());
        let column = text.as_bytes()[start..end]
            .iter()
            .filter(|&&b| (b & 0xC0) != 0x80)
            .count() as u32
            + 1;
        LineCol { line, column }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lf_cr_and_crlf_end_a_line() {
        let text = "a\rb\r\nc\x0c\u{85}\u{2028}d\ne";
        let index = LineIndex::new(text);
        assert_eq!(index.len(), 4);
        assert_eq!(
            index.line_col(text, text.find('d').expect("present") as u32),
            LineCol { line: 3, column: 5 }
        );
    }

    #[test]
    fn columns_count_code_points() {
        let text = "é = open(p)\n";
        let index = LineIndex::new(text);
        assert_eq!(
            index.line_col(text, text.find("open").expect("present") as u32),
            LineCol { line: 1, column: 5 }
        );
    }
}
