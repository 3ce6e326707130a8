//! Excerpts of the source with labels, what to do, and the path that holds the memory.
//!
//! Places go to the drawing crate as character offsets made from our own lines and columns, so that the header of every
//! file block is ours: with byte offsets its columns are wrong in a second file with letters outside ASCII.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt::{Debug, Display, Write as _};
use std::io;
use std::ops::Range;

use ariadne::{CharSet, Color, Config, IndexType, ReportKind, Source};
use unicode_width::UnicodeWidthStr;

use super::{Report, Style, concise, escape};
use crate::base::{CellSpot, FileId, SourceMap};
use crate::finding::{Finding, Label, Place, Role, Severity, Step};

/// Labels that are drawn; the rest of the path is in the note.
const MAX_LABELS: usize = 6;
/// Columns of a label's text.
const MAX_LABEL_WIDTH: usize = 60;
/// Bytes of a line that is drawn.
const MAX_LINE: usize = 500;
/// Columns used at most, however wide the terminal is.
const MAX_WIDTH: usize = 100;

/// All findings.
///
/// # Errors
/// When a finding cannot be drawn.
pub fn render(report: &Report<'_>, style: &Style) -> io::Result<String> {
    let mut files = Files {
        sources: report.sources,
        style,
        drawn: HashMap::new(),
    };
    let mut out = String::new();
    for finding in report.findings {
        let text = draw(report, finding, style, &mut files)?;
        for line in text.lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
        out.push('\n');
    }
    Ok(out)
}

fn draw(
    report: &Report<'_>,
    finding: &Finding,
    style: &Style,
    files: &mut Files<'_>,
) -> io::Result<String> {
    let notes = notes(report, finding, style);
    let Some(primary) = files.range(finding.primary) else {
        return Ok(plain(report, finding, style, &notes));
    };
    let kind = match finding.severity {
        Severity::Error => ReportKind::Error,
        Severity::Warning => ReportKind::Warning,
        Severity::Info => ReportKind::Advice,
    };
    let config = Config::new()
        .with_index_type(IndexType::Char)
        .with_tab_width(4)
        .with_color(style.color)
        .with_compact(style.compact)
        .with_char_set(if style.ascii {
            CharSet::Ascii
        } else {
            CharSet::Unicode
        });
    let mut drawing = ariadne::Report::build(kind, primary)
        .with_config(config)
        .with_code(&finding.rule.code)
        .with_message(shown(&finding.message, style));

    let labels = labels(finding);
    let numbered = labels.len() > 1;
    let mut left_out = Vec::new();
    for (at, label) in labels.iter().enumerate() {
        let text = cut(&shown(&label.text, style), style);
        let text = if numbered {
            format!("{}. {text}", at + 1)
        } else {
            text
        };
        match files.range(label.place) {
            Some(range) => drawing.add_label(
                ariadne::Label::new(range)
                    .with_message(text)
                    .with_color(color(label.role))
                    .with_order(i32::try_from(at).unwrap_or(i32::MAX)),
            ),
            None => left_out.push(format!(
                "{}: {text} (line too long to show)",
                where_(report.sources, label.place)
            )),
        }
    }
    if !finding.help.is_empty() {
        drawing.add_help(wrap(&shown(&finding.help, style), room(style)));
    }
    for note in left_out.iter().chain(&notes) {
        drawing.add_note(note);
    }
    let mut bytes = Vec::new();
    drawing.finish().write(files, &mut bytes)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

/// A finding whose line is no excerpt.
fn plain(report: &Report<'_>, finding: &Finding, style: &Style, notes: &[String]) -> String {
    let mut out = concise::line(report, finding, style);
    let text = &report.sources.file(finding.primary.file).text;
    if !text.is_empty() {
        out.push_str("\n  line too long to show");
    }
    let help = (!finding.help.is_empty()).then(|| wrap(&shown(&finding.help, style), room(style)));
    let help = help.iter().map(|it| ("Help", it));
    for (head, text) in help.chain(notes.iter().map(|it| ("Note", it))) {
        // Writing to a string cannot fail.
        let _ = write!(out, "\n  {head}: {}", text.replace('\n', "\n        "));
    }
    out
}

/// Labels to draw, in path order, the primary place always among them.
fn labels(finding: &Finding) -> Vec<Label> {
    let is_primary = |it: &Label| {
        it.place.file == finding.primary.file && it.place.span.start == finding.primary.span.start
    };
    let mut labels = finding.labels.clone();
    let at = labels.iter().position(is_primary).unwrap_or_else(|| {
        labels.push(Label {
            place: finding.primary,
            role: Role::Leak,
            text: finding.message.clone(),
        });
        labels.len() - 1
    });
    if at >= MAX_LABELS {
        labels.swap(MAX_LABELS - 1, at);
    }
    labels.truncate(MAX_LABELS);
    labels
}

fn color(role: Role) -> Color {
    match role {
        Role::Root => Color::Cyan,
        Role::Definition | Role::Link | Role::Registration => Color::Yellow,
        Role::Growth | Role::Acquire | Role::Capture => Color::Red,
        Role::Leak => Color::Magenta,
        Role::Release | Role::Resource => Color::Green,
    }
}

fn notes(report: &Report<'_>, finding: &Finding, style: &Style) -> Vec<String> {
    let mut notes: Vec<String> = finding
        .notes
        .iter()
        .map(|it| wrap(&shown(it, style), room(style)))
        .collect();
    if !finding.path.is_empty() {
        notes.push(tree(report, &finding.path, style));
    }
    notes
}

/// The path as a tree with one branch, and a column of places.
fn tree(report: &Report<'_>, path: &[Step], style: &Style) -> String {
    let rows: Vec<(String, Option<Place>)> = path
        .iter()
        .enumerate()
        .map(|(at, step)| {
            let indent = " ".repeat(3 * at.saturating_sub(1));
            let branch = if at == 0 { "" } else { "└─ " };
            let arrow = if step.edge.is_empty() { "" } else { " → " };
            let row = format!("{branch}{}{arrow}{}", step.edge, step.node);
            let row = escape::line(&row).into_owned();
            let row = if style.ascii {
                escape::ascii(&row)
            } else {
                row
            };
            (indent + &row, step.place)
        })
        .collect();
    let column = rows
        .iter()
        .filter(|it| it.1.is_some())
        .map(|it| it.0.width())
        .max()
        .unwrap_or(0);
    let mut out = "retention path".to_owned();
    for (row, place) in rows {
        out.push('\n');
        out.push_str(&row);
        if let Some(place) = place {
            out.push_str(&" ".repeat(column.saturating_sub(row.width()) + 4));
            out.push_str(&where_(report.sources, place));
        }
    }
    out
}

fn where_(sources: &SourceMap, place: Place) -> String {
    let file = sources.file(place.file);
    let path = escape::line(&file.path);
    format!("{path}:{}", file.line(place.span.start))
}

/// Our text as it goes to the terminal.
fn shown(text: &str, style: &Style) -> String {
    let text = escape::line(text);
    if style.ascii {
        escape::ascii(&text)
    } else {
        text.into_owned()
    }
}

fn cut(text: &str, style: &Style) -> String {
    if text.width() <= MAX_LABEL_WIDTH {
        return text.to_owned();
    }
    let dots = if style.ascii { "..." } else { "…" };
    let mut out = String::new();
    for c in text.chars() {
        out.push(c);
        if out.width() + dots.width() > MAX_LABEL_WIDTH {
            out.pop();
            break;
        }
    }
    out + dots
}

/// Columns for a text after the gutter and `Help: `.
fn room(style: &Style) -> usize {
    style.width.min(MAX_WIDTH).saturating_sub(12).max(20)
}

/// Lines of at most `width` columns, broken at blanks; a longer word has its own line.
fn wrap(text: &str, width: usize) -> String {
    let mut out = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let columns = word.width();
        if used > 0 && used + 1 + columns > width {
            out.push('\n');
            used = 0;
        } else if used > 0 {
            out.push(' ');
            used += 1;
        }
        out.push_str(word);
        used += columns;
    }
    out
}

/// What is drawn as a file of its own: a file, or a cell of a notebook, whose lines count from one; no file has cell 0.
type Sheet = (FileId, u32);

/// The files that are drawn, each read once.
struct Files<'a> {
    sources: &'a SourceMap,
    style: &'a Style,
    drawn: HashMap<Sheet, Source<String>>,
}

impl Files<'_> {
    /// `text` is what stands on the sheet.
    fn source(&mut self, sheet: Sheet, text: &str) -> &Source<String> {
        self.drawn
            .entry(sheet)
            .or_insert_with(|| Source::from(text.chars().map(escape::excerpt).collect::<String>()))
    }

    /// The characters of a place, its first line only; nothing if that line cannot be shown.
    fn range(&mut self, place: Place) -> Option<(Sheet, Range<usize>)> {
        let file = self.sources.file(place.file);
        let start = file.lines.line_col(&file.text, place.span.start);
        let end = file.lines.line_col(&file.text, place.span.end);
        let from = file.lines.start_of(start.line) as usize;
        let line = file.text.get(from..)?.split(['\n', '\r']).next()?;
        if file.text.is_empty() || line.len() > MAX_LINE {
            return None;
        }
        let chars = line.chars().count();
        let first = (start.column as usize - 1).min(chars);
        let last = if end.line == start.line {
            (end.column as usize - 1).clamp(first, chars)
        } else {
            first + line.trim_end().chars().count().saturating_sub(first)
        };
        let (sheet, row, text) = match (file.cell_spot(place.span.start), &file.cells) {
            (Some(CellSpot { cell, at }), Some(cells)) => {
                let range = cells.cell_range(place.span.start, file.text.len() as u32);
                let text = file.text.get(range.start as usize..range.end as usize)?;
                (cell, at.line, text)
            }
            _ => (0, start.line, &*file.text),
        };
        let sheet = (place.file, sheet);
        let source = self.source(sheet, text);
        let offset = match source.line(row as usize - 1) {
            Some(line) => line.offset(),
            None => source.len(),
        };
        Some((sheet, offset + first..offset + last))
    }
}

impl ariadne::Cache<Sheet> for &mut Files<'_> {
    type Storage = String;

    fn fetch(&mut self, sheet: &Sheet) -> Result<&Source<String>, impl Debug> {
        // Drawn when the range was made.
        Ok::<_, Infallible>(self.source(*sheet, ""))
    }

    fn display<'a>(&self, sheet: &'a Sheet) -> Option<impl Display + 'a> {
        let path = escape::line(&self.sources.file(sheet.0).path).into_owned();
        let path = if self.style.ascii {
            escape::ascii(&path)
        } else {
            path
        };
        Some(match sheet.1 {
            0 => path,
            cell => format!("{path}:cell {cell}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::Sample;
    use super::*;

    fn compact(sample: &Sample) -> String {
        let style = Style {
            compact: true,
            ..Style::default()
        };
        render(&sample.report(), &style).expect("drawn")
    }

    #[test]
    fn labels_in_two_files() {
        let expected = "[HL101] Warning: module-level dict `_CACHE` grows without bound
   ╭─[ app/cache.py:4:5 ]
 2 │_CACHE: dict = {}
   │        ╰───────── 1. held by module globals of `app.cache`
 4 │    _CACHE[key] = Result(fetch(key))
   │         ╰────── 2. every new key adds ≈ 1.4 KiB
   ├─[ app/db.py:2:21 ]
 2 │    é = 'é'; conn = sqlite3.connect(DB)
   │                           ╰──────── 3. … and each value keeps this open
   │Help: bound it: `@functools.lru_cache(maxsize=1024)` on `lookup`, or remove keys with
   │      `_CACHE.pop`
   │Note 1: nothing removes items
   │Note 2: retention path
   │        app.cache (module globals)
   │        └─ _CACHE → dict ▲              app/cache.py:2
   │           └─ value → Result            app/cache.py:4
   │              └─ ._conn → Connection    app/db.py:2

";
        assert_eq!(compact(&Sample::cache()), expected);
    }

    #[test]
    fn nothing_found() {
        assert_eq!(compact(&Sample::default()), "");
    }

    #[test]
    fn odd_lines_keep_their_numbers() {
        let sample = Sample::one(
            "é = '\x0c\u{2028}\u{85}\x1b\u{202e}'\r\n\tf = open(p)\r\n",
            "open(p)",
        );
        let expected = "[HL101] Warning: never closed
   ╭─[ odd.py:2:6 ]
 2 │    f = open(p)
   │           ╰──── never closed

";
        assert_eq!(compact(&sample), expected);
    }

    #[test]
    fn long_lines_are_not_shown() {
        let text = format!("f = open('{}')\n", "x".repeat(600));
        assert_eq!(
            compact(&Sample::one(&text, "open")),
            "odd.py:1:5: HL101 [warning] never closed\n  line too long to show\n\n"
        );
    }

    #[test]
    fn ascii_and_colour() {
        let sample = Sample::cache();
        let style = Style {
            ascii: true,
            ..Style::default()
        };
        let text = render(&sample.report(), &style).expect("drawn");
        assert!(text.contains("\\- _CACHE -> dict ^"), "{text}");
        assert!(!text.contains(['└', '→', '│', '▲', '≈']), "{text}");
        let style = Style {
            color: true,
            ..Style::default()
        };
        let text = render(&sample.report(), &style).expect("drawn");
        assert!(text.contains("\x1b[36m"), "{text:?}");
        let text = render(&sample.report(), &Style::default()).expect("drawn");
        assert!(!text.contains('\x1b'), "{text:?}");
    }

    #[test]
    fn no_place_panics() {
        let text = "é\r\n\tb = 'ü\u{2028}'\r\rx\n";
        let mut sample = Sample::one(text, "b");
        for start in 0..text.len() as u32 + 2 {
            for end in start..text.len() as u32 + 3 {
                sample.findings[0].primary.span = crate::base::Span::new(start, end);
                let _ = compact(&sample);
            }
        }
    }

    #[test]
    fn words_wrap() {
        assert_eq!(wrap("aa bb cc dddddd e", 5), "aa bb\ncc\ndddddd\ne");
    }
}
