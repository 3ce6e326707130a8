//! Where the code of a notebook's cells stands: in which cell, and where in the notebook's file.
//!
//! The analysis reads the cells as one text. People count lines in a cell; programs that open the file need the place in
//! its JSON, where a line of code is a string with escapes.

use serde::{Deserialize, Serialize};

use super::{LineCol, LineIndex, Span};

/// Bytes of text at most between two known places.
const STRIDE: u32 = 1024;

/// The cells of one notebook's text.
#[derive(Clone, Debug, Default)]
pub struct Cells {
    disk: String,
    disk_lines: LineIndex,
    cells: Vec<Cell>,
    /// Places in the text and where they stand on disk, in order; from one to the next, characters of the text and
    /// (escaped) characters on disk come in pairs.
    marks: Vec<(u32, u32)>,
}

#[derive(Clone, Copy, Debug)]
struct Cell {
    number: u32,
    /// Where its text starts.
    start: u32,
}

/// A place as people find it in a notebook.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct CellSpot {
    /// The cell, from 1; cells without code count too.
    pub cell: u32,
    /// Where in the cell.
    pub at: LineCol,
}

impl Cells {
    /// No cells yet of a notebook whose file has this text.
    #[must_use]
    pub fn new(disk: String) -> Self {
        Self {
            disk_lines: LineIndex::new(&disk),
            disk,
            cells: Vec::new(),
            marks: Vec::new(),
        }
    }

    /// The text of the notebook's file.
    #[must_use]
    pub fn disk(&self) -> &str {
        &self.disk
    }

    /// Where the lines of the notebook's file start.
    #[must_use]
    pub fn disk_lines(&self) -> &LineIndex {
        &self.disk_lines
    }

    /// Begins a cell at the end of `text`.
    pub fn begin(&mut self, number: u32, text: &str) {
        let start = text.len() as u32;
        self.cells.push(Cell { number, start });
    }

    /// Adds to `text` the string whose characters start at `at` on disk, after its quote.
    pub fn add(&mut self, text: &mut String, at: u32) {
        let mut disk = at;
        let mut last = text.len() as u32;
        self.marks.push((last, disk));
        while let Some((c, len)) = next_char(&self.disk, disk as usize) {
            text.push(c);
            disk += len as u32;
            let now = text.len() as u32;
            if c == '\n' || now - last >= STRIDE {
                self.marks.push((now, disk));
                last = now;
            }
        }
    }

    /// The text of each cell as a range of the whole.
    pub fn ranges(&self, len: u32) -> impl Iterator<Item = Span> + '_ {
        self.cells.iter().enumerate().map(move |(at, cell)| {
            let end = self.cells.get(at + 1).map_or(len, |it| it.start);
            Span::new(cell.start, end)
        })
    }

    /// The cell that holds a place: its number and where it starts.
    #[must_use]
    pub fn cell_of(&self, offset: u32) -> Option<(u32, u32)> {
        let at = self.cells.partition_point(|it| it.start <= offset);
        let cell = self.cells.get(at.checked_sub(1)?)?;
        Some((cell.number, cell.start))
    }

    /// The range of the text of the cell that holds a place.
    #[must_use]
    pub fn cell_range(&self, offset: u32, len: u32) -> Span {
        let at = self.cells.partition_point(|it| it.start <= offset);
        let start = at.checked_sub(1).map_or(0, |it| self.cells[it].start);
        Span::new(start, self.cells.get(at).map_or(len, |it| it.start))
    }

    /// A place of the text as people find it; `lines` are the text's.
    #[must_use]
    pub fn spot(&self, text: &str, lines: &LineIndex, offset: u32) -> Option<CellSpot> {
        let (cell, start) = self.cell_of(offset)?;
        let mut at = lines.line_col(text, offset);
        at.line -= lines.line(start) - 1;
        Some(CellSpot { cell, at })
    }

    /// Where a range of the text stands on disk.
    #[must_use]
    pub fn on_disk(&self, span: Span) -> Span {
        let start = self.walk(
            self.marks.partition_point(|it| it.0 <= span.start),
            span.start,
        );
        if span.is_empty() {
            return Span::new(start, start);
        }
        // The end belongs to the character before it: the next one may stand in another string.
        let end = self.walk(self.marks.partition_point(|it| it.0 < span.end), span.end);
        Span::new(start, end)
    }

    /// The place on disk of an offset after the mark before the one numbered `next`.
    fn walk(&self, next: usize, offset: u32) -> u32 {
        let Some(&(mut text, mut disk)) = next.checked_sub(1).and_then(|it| self.marks.get(it))
        else {
            return 0;
        };
        while text < offset
            && let Some((c, len)) = next_char(&self.disk, disk as usize)
        {
            text += c.len_utf8() as u32;
            disk += len as u32;
        }
        disk
    }
}

/// The character at `at` inside a JSON string that is known to be one, and its length there; nothing at its closing quote.
fn next_char(disk: &str, at: usize) -> Option<(char, usize)> {
    let rest = disk.get(at..)?;
    let first = rest.chars().next()?;
    if first == '"' {
        return None;
    }
    if first != '\\' {
        return Some((first, first.len_utf8()));
    }
    let escaped = rest[1..].chars().next()?;
    let plain = match escaped {
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'u' => {
            let unit = |at: usize| {
                let digits = rest.get(at..at + 4)?;
                u16::from_str_radix(digits, 16).ok()
            };
            let first = unit(2)?;
            let second = (rest.get(6..8) == Some("\\u")).then(|| unit(8)).flatten();
            // A half of a pair stands for no character.
            return Some(match (char::from_u32(first.into()), second) {
                (Some(c), _) => (c, 6),
                (None, Some(second)) => char::decode_utf16([first, second])
                    .next()
                    .and_then(Result::ok)
                    .map_or((char::REPLACEMENT_CHARACTER, 6), |c| (c, 12)),
                (None, None) => (char::REPLACEMENT_CHARACTER, 6),
            });
        }
        other => other,
    };
    Some((plain, 1 + escaped.len_utf8()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_stand_where_their_characters_do() {
        let disk = r#"["a\t= '\ud83d\ude00é'\n", "b\u0020= \"\ud800\""]"#;
        let mut cells = Cells::new(disk.to_owned());
        let mut text = String::new();
        cells.begin(3, &text);
        cells.add(&mut text, 2);
        let second = disk.find("b\\u").expect("present") as u32;
        cells.add(&mut text, second);
        assert_eq!(text, "a\t= '😀é'\nb = \"\u{fffd}\"");
        let on_disk = |needle: &str| {
            let start = text.find(needle).expect("present") as u32;
            let span = cells.on_disk(Span::new(start, start + needle.len() as u32));
            &disk[span.start as usize..span.end as usize]
        };
        assert_eq!(on_disk("😀"), "\\ud83d\\ude00");
        assert_eq!(on_disk("é'\n"), "é'\\n");
        assert_eq!(on_disk("\t="), "\\t=");
        assert_eq!(on_disk("b ="), "b\\u0020=");
        assert_eq!(on_disk("\u{fffd}"), "\\ud800");
        let lines = LineIndex::new(&text);
        let at = text.find('b').expect("present") as u32;
        let spot = cells.spot(&text, &lines, at);
        let at = LineCol { line: 2, column: 1 };
        assert_eq!(spot, Some(CellSpot { cell: 3, at }));
    }

    #[test]
    fn far_places_are_found_too() {
        let code = "é".repeat(5_000);
        let disk = format!("\"{code}\"");
        let mut cells = Cells::new(disk.clone());
        let mut text = String::new();
        cells.begin(1, &text);
        cells.add(&mut text, 1);
        assert_eq!(text, code);
        for at in [0, 1_024, 9_998] {
            let span = cells.on_disk(Span::new(at, at + 2));
            assert_eq!((span.start, span.end), (at + 1, at + 3));
        }
    }
}
